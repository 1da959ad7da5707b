"""Command-line options that several stage scripts have, and how a script ends on an error."""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from dnnbench.config.dataset_settings import DatasetSettings
from dnnbench.config.variants import REFERENCE
from dnnbench.core import home, output

# Asked before anything can import torch, which may take processors away.
from dnnbench.core import processors as processors
from dnnbench.core.errors import UserError
from dnnbench.networks.registry_file import DEFAULT_REGISTRY
from dnnbench.records import paths
from dnnbench.stages import study_settings
from dnnbench.stages.study_settings import Study

Models = Annotated[
    list[str] | None,
    typer.Argument(help="Names as in params.yaml: models.", show_default="the study's"),
]
Settings = Annotated[
    Path | None,
    typer.Option(help="Checked settings of a run, JSON.", show_default="params.yaml is checked"),
]
Profile = Annotated[
    str | None,
    typer.Option(help="Device file, by its name.", show_default="profile of params.yaml"),
]
Config = Annotated[
    list[str] | None,
    typer.Option(help="KEY=VALUE that overrides both files, as Snakemake's --config; repeatable."),
]
Registry = Annotated[
    Path,
    typer.Option("--registry", help="Registry of networks.", show_default=str(paths.REGISTRY)),
]
Variant = Annotated[str, typer.Option(help="Way of running a network; see docs/variants.md.")]
Results = Annotated[Path, typer.Option(help="Folder of records and tables.")]
Output = Annotated[
    Path | None, typer.Option(help="File to write.", show_default="the study's, in results/")
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
    """Return what to work on: of a settings file, or of params.yaml and a device file.

    ``models`` replaces the study's own list of networks. Raises UserError for whatever is wrong.
    """
    if settings is None:
        return study_settings.load(profile, (), config or (), registry, models)
    if profile or config:
        raise typer.BadParameter("--settings: is of a device already; drop --profile and --config")
    found = study_settings.read(settings)
    return found.of(models) if models else found


def dataset(study: Study) -> tuple[str, DatasetSettings]:
    """Return the name and the settings of the study's data set. Raises UserError without one."""
    chosen = study.settings.dataset
    if chosen.name is None:
        raise UserError(
            f"{paths.PARAMETERS}: dataset.name: null: no pictures to work on; name a data set"
        )
    return chosen.name, chosen


def run(main: Callable[..., Any]) -> None:
    """Run a script's ``main``; an error that the user can correct is one line on stderr.

    Ends the process. Taking torch apart takes a second, in which a kill would undo what is
    finished: Snakemake removes what a job that failed has made.
    """
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    try:
        with output.ending_in_a_line(Path(sys.argv[0]).name, needed=False):
            home.ensure()
            app(home.expand_words(sys.argv[1:]))
    except SystemExit as end:  # So Typer ends, also well.
        if end.code:
            raise
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
