"""What is known of the machines behind a study's devices, for findings and page."""

from pathlib import Path

from dnnbench.records.environment_records import Environment
from dnnbench.stages import merged_devices
from dnnbench.stages.study_settings import Study
from dnnbench.tables.sound_records import SoundRecords


def environments(study: Study, results: Path) -> list[Environment]:
    """Return the environment of each device that tables and page show, but for bad records."""
    plans = merged_devices.plans(study, results)
    found = [SoundRecords(results, plan.device).environment() for plan in plans]
    return [environment for environment in found if environment]
