"""Command-line options that several stage scripts have, and how a script ends on an error."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from dnnbench.config import gpu_settings
from dnnbench.config.backend import named
from dnnbench.core import storage
from dnnbench.core.errors import UserError
from dnnbench.devices import backends
from dnnbench.networks.registry_file import DEFAULT_REGISTRY
from dnnbench.records import paths

Models = Annotated[list[str], typer.Argument(help="Names as in params.yaml: models.")]
Device = Annotated[str, typer.Option(help="Name of the device in records and paths.")]
Backend = Annotated[str, typer.Option(help="How the device is driven, such as cpu.")]
Gpu = Annotated[
    str | None, typer.Option(help="The section gpu of a device file, as JSON.", show_default=False)
]
Variant = Annotated[str, typer.Option(help="Way of running a network; see docs/variants.md.")]
BatchSizes = Annotated[str, typer.Option(help="Batch sizes, comma-separated.")]
Threads = Annotated[
    int | None, typer.Option(min=1, help="Threads of a forward pass.", show_default="one a core")
]
Registry = Annotated[
    Path,
    typer.Option("--registry", help="Registry of networks.", show_default=str(paths.REGISTRY)),
]
REGISTRY = Path(os.path.relpath(DEFAULT_REGISTRY))


def setup(backend: str, gpu: str | None) -> backends.Setup:
    """How the device is driven: a GPU of which nothing is said, as its defaults are.

    Raises UserError for an unknown backend, and typer.BadParameter for a ``gpu`` that cannot be
    right.
    """
    if not named(backend).gpu:
        if gpu is not None:
            raise typer.BadParameter(f"{gpu!r}: backend {backend} has no GPU; drop the option")
        return backends.Setup(backend)
    try:
        return backends.Setup(backend, gpu_settings.Gpu.model_validate_json(gpu or "{}"))
    except ValidationError as error:
        raise typer.BadParameter(f"{gpu!r}: {storage.describe(error)}") from error


def integers(text: str) -> list[int]:
    """``1,8`` as [1, 8]. Raises typer.BadParameter for anything else, or below 1."""
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if not numbers or min(numbers) < 1:
        raise typer.BadParameter(f"{text!r}: write whole numbers from 1 on, comma-separated: 1,8")
    return numbers


def run(main: Callable[..., Any]) -> None:
    """Run a script's ``main``; what the user can mend is one line on standard error.

    Ends the process. Taking torch apart takes a second, in which a kill would undo what is
    finished: Snakemake removes what a job that failed has made.
    """
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    try:
        app()
    except (UserError, OSError) as error:
        sys.exit(f"{Path(sys.argv[0]).name}: {error}")
    except SystemExit as end:  # So Typer ends, also well.
        if end.code:
            raise
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
