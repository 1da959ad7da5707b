"""Formatting of numbers, statuses and tables in a terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from dnnbench.cli import messages, text_table
from dnnbench.cli.text_table import Column, Table
from dnnbench.core.formatting import (
    PREDICTED_MARK,
    STATUS_WORDS,
    significant,
    span,
)
from dnnbench.records.paths import SET_ASIDE

if TYPE_CHECKING:  # Importing rich would slow down shell completion.
    from rich.console import Console
    from rich.text import Text

    from dnnbench.records.set_aside_records import SetAside

_MOST_SET_ASIDE = 5
# Width of a line in a pipe, in characters.
_UNLIMITED = 1_000_000
PREDICTED = PREDICTED_MARK


def console() -> Console:
    """Return a console on standard output, without markup.

    It uses color if the terminal supports it. In a pipe or file, lines have any width, unless
    COLUMNS is set.
    """
    from rich.console import Console

    limited = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(highlight=False, markup=False, width=None if limited else _UNLIMITED)


def table(
    *columns: str,
    right: Iterable[str] = (),
    whole: Iterable[str] = (),
    titles: int = 1,
    hanging: bool = False,
) -> Table:
    """Return an empty table; see :class:`Table`.

    ``right`` are the columns to align right. ``whole`` are the columns never to wrap.
    """
    right, whole = set(right), set(whole)
    made = [Column(name, name in right, name in whole) for name in columns]
    return Table(made, titles, hanging)


def print_table(console: Console, made: Table) -> None:
    """Print a table so that it fits the terminal."""
    for line in made.lines(console.width):
        console.print(line, soft_wrap=True)


def styled(text: str, style: str = "") -> Text:
    """Return text of one style, such as ``"red"``, for a cell of a table."""
    from rich.text import Text

    return Text(text, style)


def with_bounds(value: float, low: float | None, high: float | None) -> str:
    """Return a number with its interval: ``73.4 (57.1 to 104)``."""
    interval = span(low, high)
    return f"{significant(value)} ({interval})" if interval else significant(value)


def status(word: str) -> str:
    """Return a status in plain English: ``out of memory`` for ``oom``."""
    return STATUS_WORDS.get(word, word)


def print_item(console: Console, text: str) -> None:
    """Print an item of a list, indented, with a deeper indent for its continuation lines."""
    lines = text_table.wrap(text, console.width, "  ", "      ")
    console.print("\n".join(lines), soft_wrap=True)


def print_set_aside(console: Console, records: Sequence[SetAside]) -> None:
    """Print which records were excluded from the tables, and why, if there are any."""
    if not records:
        return
    title = messages.numbered(messages.SET_ASIDE, len(records))
    console.print(f"\n{title}", style="yellow")
    for record in records[:_MOST_SET_ASIDE]:
        console.print(f"  {record}", soft_wrap=True)
    if len(records) > _MOST_SET_ASIDE:
        more = len(records) - _MOST_SET_ASIDE
        console.print(f"  {messages.MORE_SET_ASIDE.format(count=more, file=SET_ASIDE)}")
