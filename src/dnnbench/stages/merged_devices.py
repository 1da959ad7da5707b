"""The devices of other machines that a study's tables and page show beside its own."""

from collections.abc import Sequence
from pathlib import Path

from dnnbench.core.storage import read_json
from dnnbench.machines import other_devices
from dnnbench.records import paths
from dnnbench.records.environment_records import Environment
from dnnbench.records.plan import Plan
from dnnbench.stages.study_settings import Study


def plans(study: Study, results: Path) -> Sequence[Plan]:
    """Return the plan of the study's own device, and of those that have been merged."""
    others = study.others
    if others is None:
        others = other_devices.present(study.settings, results)
    return [other_devices.plan(study.settings), *others]


def environments(study: Study, results: Path) -> list[Environment]:
    """Return what is known of the machines behind these devices. Raises RecordError."""
    return [
        read_json(paths.under(results, paths.ENVIRONMENT, device=plan.device), Environment)
        for plan in plans(study, results)
    ]
