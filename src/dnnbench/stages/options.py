"""Command-line options shared by stage scripts, and their error handling."""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from dnnbench.config.dataset_settings import DatasetSettings
from dnnbench.config.variants import REFERENCE
from dnnbench.core import command_help, home, output

# Imported before torch, which may reduce the CPU affinity.
from dnnbench.core import processors as processors
from dnnbench.core.errors import UserError
from dnnbench.networks.registry_file import DEFAULT_REGISTRY
from dnnbench.records import paths
from dnnbench.stages import study_settings
from dnnbench.stages.study_settings import Study

Models = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="MODEL",
        help="Networks, in the syntax of `models` in params.yaml.",
        show_default="all of the study",
    ),
]
Settings = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="JSON file with the validated settings of a run.",
        show_default="params.yaml and the device file",
    ),
]
Profile = Annotated[
    str | None,
    typer.Option(
        metavar="DEVICE", help="Name of the device file.", show_default="profile in params.yaml"
    ),
]
Config = Annotated[
    list[str] | None,
    typer.Option(
        metavar="KEY=VALUE",
        help="Setting that overrides params.yaml and the device file, like Snakemake's --config."
        " Repeatable.",
    ),
]
Registry = Annotated[
    Path,
    typer.Option(
        "--registry", metavar="FILE", help="Registry of networks.", show_default=str(paths.REGISTRY)
    ),
]
Variant = Annotated[
    str,
    typer.Option(metavar="VARIANT", help="Variant to measure; see docs/how-to/choose-variants.md."),
]
Results = Annotated[
    Path, typer.Option(metavar="FOLDER", help="Folder with the records and tables.")
]
Output = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="File to write.", show_default="the study's own file"),
]
REGISTRY = Path(os.path.relpath(DEFAULT_REGISTRY))
VARIANT = REFERENCE


def study(
    settings: Path | None,
    profile: str | None,
    config: Sequence[str] | None,
    registry: Path = REGISTRY,
    models: Sequence[str] | None = None,
) -> Study:
    """Return the study from a settings file, or from params.yaml and a device file.

    ``models`` replaces the study's list of networks. Raises UserError for invalid settings.
    """
    if settings is None:
        return study_settings.load(profile, (), config or (), registry, models)
    if profile or config:
        raise typer.BadParameter(
            "--settings: already includes the device's settings. Remove --profile and --config."
        )
    found = study_settings.read(settings)
    return found.of(models) if models else found


def dataset(study: Study) -> tuple[str, DatasetSettings]:
    """Return name and settings of the study's data set.

    Raises UserError if it has none.
    """
    chosen = study.settings.dataset
    if chosen.name is None:
        raise UserError(
            f"{paths.PARAMETERS}: dataset.name: null: no images to use. Choose a data set."
        )
    return chosen.name, chosen


def run(main: Callable[..., Any]) -> None:
    """Run a script's ``main`` and end the process.

    Errors for the user are one line on stderr.

    The process ends without Python's cleanup. Unloading torch takes a second, and if the job were
    killed in that second, Snakemake would delete the finished outputs of the failed job.
    """
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command(cls=command_help.Command)(main)
    try:
        with output.ending_in_a_line(Path(sys.argv[0]).name, needed=False):
            home.ensure()
            app(home.expand_words(sys.argv[1:]))
    except SystemExit as end:  # Typer raises it even on success.
        if end.code:
            raise
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
