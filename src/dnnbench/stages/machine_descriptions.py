"""What is known of the machines behind a study's devices, for findings and page."""

from pathlib import Path

from dnnbench.core.storage import read_json
from dnnbench.records import paths
from dnnbench.records.environment_records import Environment
from dnnbench.stages import merged_devices
from dnnbench.stages.study_settings import Study


def environments(study: Study, results: Path) -> list[Environment]:
    """Return the environment of each device that tables and page show. Raises RecordError."""
    return [
        read_json(paths.under(results, paths.ENVIRONMENT, device=plan.device), Environment)
        for plan in merged_devices.plans(study, results)
    ]
