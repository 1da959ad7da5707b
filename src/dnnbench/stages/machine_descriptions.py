"""Descriptions of the machines of a study, for findings and page."""

from pathlib import Path

from dnnbench.records.environment_records import Environment
from dnnbench.stages import merged_devices
from dnnbench.stages.study_settings import Study
from dnnbench.tables.sound_records import SoundRecords


def environments(study: Study, results: Path) -> list[Environment]:
    """Return the environments of all devices in tables and page, without bad records."""
    plans = merged_devices.plans(study, results)
    found = [SoundRecords(results, plan.device).environment() for plan in plans]
    return [environment for environment in found if environment]
