"""Formatting of numbers, statuses and tables in a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from dnnbench.cli import messages
from dnnbench.core.formatting import (
    PREDICTED_MARK,
    STABILITY_MARKS,
    STATUS_WORDS,
    significant,
    span,
)
from dnnbench.records.paths import SET_ASIDE

if TYPE_CHECKING:  # Importing rich would slow down shell completion.
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from dnnbench.records.set_aside_records import SetAside

_MOST_SET_ASIDE = 5
# Widths in characters: of any table, and of a column that wraps.
_WIDEST, _NARROWEST = 1000, 16
UNSTABLE = STABILITY_MARKS["disturbed"]
PREDICTED = PREDICTED_MARK


def console() -> Console:
    """Return a console on standard output, without markup.

    It uses color if the terminal supports it.
    """
    from rich.console import Console

    return Console(highlight=False, markup=False)


def table(*columns: str, right: Iterable[str] = (), whole: Iterable[str] = ()) -> Table:
    """Return a table with a single line, below its header.

    ``right`` are the columns to align right. ``whole`` are the columns never to wrap.
    """
    from rich import box
    from rich.table import Table

    made = Table(
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
        header_style="bold",
    )
    for column in columns:
        made.add_column(
            column,
            justify="right" if column in right else "left",
            no_wrap=column in whole,
            overflow="fold",
        )
    return made


def print_table(console: Console, made: Table) -> None:
    """Print a table, wider than the terminal if whole columns would be cut otherwise."""
    from rich.cells import cell_len
    from rich.measure import Measurement

    natural = Measurement.get(console, console.options.update(max_width=_WIDEST), made).maximum
    spare = 0
    for column in (column for column in made.columns if not column.no_wrap):
        texts = [str(cell) for cell in (column.header, *column.cells)]
        lines = [line for text in texts for line in text.splitlines()]
        words = [word for line in lines for word in line.split()]
        narrowest = min(_NARROWEST, max(map(cell_len, words), default=0))
        spare += max(0, max(map(cell_len, lines), default=0) - narrowest)
    made.width = max(natural - spare, min(natural, console.width))
    console.print(made, crop=False)


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
    wrapped = textwrap.fill(
        text,
        console.width,
        initial_indent="  ",
        subsequent_indent="      ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    console.print(wrapped, soft_wrap=True)


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
