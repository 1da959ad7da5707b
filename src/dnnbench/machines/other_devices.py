"""The devices of a study that other machines measure: what was planned there, and its records.

The machines share a commit, so a device's own file (config/devices/) says here too what was to be
measured on it. Its records come with ``dnnbench merge``.
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
    """Read params.yaml with the device's own file over it, as its own machine does.

    ``source`` says where the device is named. Raises UserError where it has no such file.
    """
    if device in published_study.DEVICES:
        raise UserError(f"{source}: {device!r} is a device of 2018, which is always there; drop it")
    file = paths.device_file(check_device(device, source))
    if not file.exists():
        raise UserError(f"{source}: {device!r}: {file}: no such file; add it, as on its machine")
    found = loading.load(paths.PARAMETERS, file)
    if found.device != device:
        raise UserError(f"{file}: device: {found.device!r}: expected {device!r} by its name")
    return found


def plan(found: Parameters) -> Plan:
    """Return what is measured on a device."""
    return Plan(
        device=found.device,
        variants=found.variants,
        batch_sizes=found.batch_sizes,
        rounds=found.latency.passes.rounds,
        protocol=found.latency.protocol,
    )


def present(found: Parameters, results: Path) -> list[Plan]:
    """Return the plans of the study's other devices whose records have been merged.

    Raises UserError where a device has no file, whether it has been merged or not.
    """
    source = f"{paths.PARAMETERS}: devices"
    plans = [plan(settings(name, source)) for name in found.devices if name != found.device]
    return [
        one for one in plans if paths.under(results, paths.ENVIRONMENT, device=one.device).exists()
    ]


def files(folder: Path, what: Plan, models: Iterable[str]) -> list[Path]:
    """Return the plan's records that are in a device's ``folder``: environment, rounds, memory."""
    return [path for path in planned(folder, what, models) if path.exists()]


def planned(folder: Path, what: Plan, models: Iterable[str]) -> list[Path]:
    """Return where the plan's records lie in a device's ``folder``, whether they are there or not.

    None is found by listing a folder: a name in it may be anything.
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
