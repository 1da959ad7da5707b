"""``dnnbench merge``: copy the records of other machines into a study."""

from pathlib import Path
from typing import Annotated

import typer

from dnnbench.cli import completion, messages
from dnnbench.core.formatting import several
from dnnbench.records import paths


def merge(
    folders: Annotated[
        list[Path],
        typer.Argument(metavar="FOLDER", help="Folders results/<device> of other machines."),
    ],
    results: completion.Results = completion.RESULTS,
) -> None:
    """Copy records from other machines into this study.

    All records are checked first. Nothing is copied unless all of them have the
    same schema, protocol, code, and networks as this study.

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
        files = several(len(checked.files), "file")
        fields = {"device": machine.device, "files": files, "host": machine.hostname}
        typer.echo(messages.MERGED.format(**fields, commit=commit))
        if machine.device not in study.devices:
            typer.echo(messages.NOT_SHOWN.format(device=machine.device, file=paths.PARAMETERS))
