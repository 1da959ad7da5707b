"""``dnnbench merge``: several machines, one study."""

from pathlib import Path
from typing import Annotated

import typer

from dnnbench.cli import completion
from dnnbench.records import paths


def merge(
    folders: Annotated[
        list[Path],
        typer.Argument(metavar="FOLDER...", help="results/<device> of other machines."),
    ],
    results: completion.Results = completion.RESULTS,
) -> None:
    """Bring the records of devices that other machines measured into this study.

    They are checked first, and nothing is copied unless all belong: same schema, same protocol,
    same code and same networks as here.

    Example:

      dnnbench merge /mnt/jetson/results/jetson
    """
    from dnnbench.config import loading
    from dnnbench.machines import other_devices, record_merge
    from dnnbench.networks import model_list, registry

    profile = loading.default_profile(loading.read(paths.PARAMETERS).content)
    study = other_devices.settings(profile, source=f"{paths.PARAMETERS}: profile")
    known = registry.load_registry(paths.REGISTRY)
    networks = model_list.resolve(study.models, known, source=f"{paths.PARAMETERS}: models")
    for checked in record_merge.merge(folders, results, study.device, networks):
        machine = checked.environment
        commit = (machine.commit or "unknown")[:12]
        typer.echo(
            f"{machine.device}: {len(checked.files)} files of {machine.hostname}, commit {commit}"
        )
        if machine.device not in study.devices:
            typer.echo(
                f"Not shown yet: add {machine.device} to `devices` in {paths.PARAMETERS},"
                " and run the study again."
            )
