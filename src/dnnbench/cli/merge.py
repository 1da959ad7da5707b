"""``dnnbench merge``: several machines, one study."""

from pathlib import Path
from typing import Annotated

import typer

from dnnbench import others, parameters, registry, specs
from dnnbench.cli import options


def merge(
    folders: Annotated[
        list[Path],
        typer.Argument(metavar="FOLDER...", help="results/<device> of other machines."),
    ],
    results: options.Results = options.RESULTS,
) -> None:
    """Bring the records of devices that other machines measured into this study.

    They are checked first, and nothing is copied unless all belong: same schema, same protocol,
    same code and same networks as here.

    Example:

      dnnbench merge /mnt/jetson/results/jetson
    """
    from dnnbench import merge  # Here, not above: completion need not wait for torch.

    profile = parameters.read_yaml(others.PARAMETERS).get("profile", "cpu")
    study = others.settings(profile, source=f"{others.PARAMETERS}: profile")
    known = registry.load_registry(others.REGISTRY)
    networks = specs.resolve(study.models, known, source=f"{others.PARAMETERS}: models")
    for checked in merge.merge(folders, results, study.device, networks):
        machine = checked.environment
        commit = (machine.commit or "unknown")[:12]
        typer.echo(
            f"{machine.device}: {len(checked.files)} files of {machine.hostname}, commit {commit}"
        )
        if machine.device not in study.devices:
            typer.echo(
                f"Not shown yet: add {machine.device} to `devices` in {others.PARAMETERS},"
                " and run the study again."
            )
