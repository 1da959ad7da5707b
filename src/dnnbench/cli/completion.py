"""Options shared by several commands, and shell completion of their values.

Completion reads names from files without the validation of :mod:`dnnbench.records`, which would
double the response time of a key press.
"""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from dnnbench.core import name_matching, text_file
from dnnbench.networks import registry_file
from dnnbench.records import paths
from dnnbench.records.published_study import label


def complete_network(incomplete: str) -> list[tuple[str, str]]:
    """Return networks of the registry that begin with ``incomplete``."""
    try:
        return _completions(incomplete, registry_file.names())
    except Exception:  # Shell completion cannot show errors.
        return []


def complete_device(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Return devices of the study that begin with ``incomplete``."""
    study = paths.under(Path(context.params.get("results") or RESULTS), paths.STUDY)
    try:
        rows = csv.DictReader(text_file.read_text(study).splitlines())
        devices = [row["device"] for row in rows]
    except Exception:  # As above.
        return []
    return _completions(incomplete, {device: label(device) for device in devices})


def complete_device_file(incomplete: str) -> list[str]:
    """Return device files that begin with ``incomplete``."""
    return sorted(file.stem for file in paths.DEVICE_FILES.glob(f"{incomplete}*.yaml"))


def _completions(incomplete: str, known: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the matching words, with the display names that explain them."""
    return [(word, known[key]) for key, word in name_matching.starting(incomplete, known).items()]


Results = Annotated[
    Path, typer.Option(metavar="FOLDER", help="Folder with the tables of your study.")
]
RESULTS = paths.RESULTS
BatchSize = Annotated[int, typer.Option(metavar="N", min=1, help="Batch size, in images.")]
Device = Annotated[
    str | None,
    typer.Option(
        metavar="DEVICE",
        help="Device, by name, key or part of one; see `dnnbench devices`. Required if several were"
        " measured.",
        autocompletion=complete_device,
    ),
]
