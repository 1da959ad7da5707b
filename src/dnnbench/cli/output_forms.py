"""Answers for programs: JSON with the whole answer, or its table as CSV.

Both go to standard output, and nothing else does. A missing value is ``null`` in JSON and an empty
field in CSV.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:  # Importing pydantic would slow down shell completion.
    from pydantic import BaseModel

Json = Annotated[bool, typer.Option("--json", help="Print the whole answer as JSON.")]
Csv = Annotated[bool, typer.Option("--csv", help="Print the table as CSV.")]


def chosen(**forms: bool) -> str | None:
    """Return the name of the form that is true, or None for text.

    Raises BadParameter if several are.
    """
    names = [name for name, wanted in forms.items() if wanted]
    if len(names) > 1:
        options = " and ".join(f"--{name}" for name in names)
        raise typer.BadParameter(f"{options}: choose one")
    return names[0] if names else None


def print_answer(
    form: str,
    whole: BaseModel | Mapping[str, object],
    row_type: type[BaseModel],
    rows: Iterable[BaseModel],
) -> None:
    """Print the ``whole`` answer if ``form`` is json, or the rows of its table if it is csv."""
    from pydantic_core import to_jsonable_python

    from dnnbench.core import storage

    if form == "json":
        print(json.dumps(to_jsonable_python(whole), indent=1))
    else:
        print(storage.table_text(row_type, rows), end="")
