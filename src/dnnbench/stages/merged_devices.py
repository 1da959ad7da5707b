"""The devices of other machines that a study's tables and page show beside its own."""

from collections.abc import Sequence
from pathlib import Path

from dnnbench.machines import other_devices
from dnnbench.records.plan import Plan
from dnnbench.stages.study_settings import Study


def plans(study: Study, results: Path) -> Sequence[Plan]:
    """Return the plan of the study's own device, and of those that have been merged."""
    others = study.others
    if others is None:
        others = other_devices.present(study.settings, results)
    return [other_devices.plan(study.settings), *others]
