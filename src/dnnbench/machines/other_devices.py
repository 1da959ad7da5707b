"""Devices of a study that other machines measure: their plans and their records.

All machines use the same commit, so the device files (config/devices/) of other machines are
available here. Their records are copied by ``dnnbench merge``.
"""

from collections.abc import Iterable
from pathlib import Path

from dnnbench.config import loading
from dnnbench.config.parameters import Parameters
from dnnbench.core.errors import UserError
from dnnbench.records import paths, published_study
from dnnbench.records.base import check_device
from dnnbench.records.plan import Plan


def settings(device: str, source: str) -> Parameters:
    """Return the settings of params.yaml and the device's file, as on its own machine.

    ``source`` is the place that names the device, for errors. Raises UserError if the device has no
    file.
    """
    if device in published_study.DEVICES:
        raise UserError(
            f"{source}: {device!r}: the published devices of 2018 are always included. Remove it."
        )
    file = paths.device_file(check_device(device, source))
    if not file.exists():
        raise UserError(
            f"{source}: {device!r}: {file}: no such file. Correct the name, or copy the file"
            " from the machine of that device."
        )
    found = loading.load(paths.PARAMETERS, file)
    if found.device != device:
        raise UserError(f"{file}: device: {found.device!r}: expected {device!r}, the file's name.")
    return found


def plan(found: Parameters) -> Plan:
    """Return the measurements planned for a device."""
    return Plan(
        device=found.device,
        variants=found.variants,
        batch_sizes=found.batch_sizes,
        rounds=found.latency.passes.rounds,
        protocol=found.latency.protocol,
    )


def present(found: Parameters, results: Path) -> list[Plan]:
    """Return the plans of the study's other devices whose records have been merged.

    Raises UserError if any of these devices has no file, even if it has not been merged.
    """
    source = f"{paths.PARAMETERS}: devices"
    plans = [plan(settings(name, source)) for name in found.devices if name != found.device]
    return [
        one for one in plans if paths.under(results, paths.ENVIRONMENT, device=one.device).exists()
    ]


def files(folder: Path, what: Plan, models: Iterable[str]) -> list[Path]:
    """Return a plan's existing records in ``folder``: environment, rounds, memory."""
    return [path for path in planned(folder, what, models) if path.exists()]


def planned(folder: Path, what: Plan, models: Iterable[str]) -> list[Path]:
    """Return the paths of all records of a plan in ``folder``, existing or not.

    The folder is not listed, because it may contain arbitrary names.
    """
    names = list(models)
    found = [paths.in_device(folder, paths.ENVIRONMENT)]
    for variant in what.variants:
        rounds = range(1, what.rounds + 1)
        found += [
            paths.in_device(folder, paths.ROUND, variant=variant, round=number) for number in rounds
        ]
        found += [
            paths.in_device(folder, paths.MEMORY, variant=variant, model=name) for name in names
        ]
    return found
