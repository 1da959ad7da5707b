"""Devices in a study's tables and page: its own and the merged ones."""

from collections.abc import Sequence
from pathlib import Path

from dnnbench.machines import other_devices
from dnnbench.records.plan import Plan
from dnnbench.stages.study_settings import Study


def plans(study: Study, results: Path) -> Sequence[Plan]:
    """Return the plans of the study's own device and of the merged devices."""
    others = study.others
    if others is None:
        others = other_devices.present(study.settings, results)
    return [other_devices.plan(study.settings), *others]
