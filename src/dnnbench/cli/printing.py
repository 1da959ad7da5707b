"""How numbers look in a terminal, and the tables that they stand in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from dnnbench.core.formatting import PREDICTED_MARK, STATUS_WORDS, UNSTABLE_MARK, significant, span
from dnnbench.records.paths import SET_ASIDE

if TYPE_CHECKING:  # A shell that completes an option of a command need not wait for rich.
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from dnnbench.records.set_aside_records import SetAside

_MOST_SET_ASIDE = 5
UNSTABLE = UNSTABLE_MARK
PREDICTED = PREDICTED_MARK


def console() -> Console:
    """Return standard output, in color where it is a terminal that wants it, without markup."""
    from rich.console import Console

    return Console(highlight=False, markup=False)


def table(*columns: str, right: Iterable[str] = (), whole: Iterable[str] = ()) -> Table:
    """Return a table with a single line, below its header.

    ``right``: columns of numbers. ``whole``: columns that are not broken where it is narrow.
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


def styled(text: str, style: str = "") -> Text:
    """Return text of one style, such as ``"red"``, for a cell of a table."""
    from rich.text import Text

    return Text(text, style)


def with_bounds(value: float, low: float | None, high: float | None) -> str:
    """Return a number with its interval: ``73.4 (57.1 to 104)``."""
    interval = span(low, high)
    return f"{significant(value)} ({interval})" if interval else significant(value)


def status(word: str) -> str:
    """Return a status in words."""
    return STATUS_WORDS.get(word, word)


def print_set_aside(console: Console, records: Sequence[SetAside]) -> None:
    """Print which records the answer does not rest on, and why; nothing where there are none."""
    if not records:
        return
    number = "record is" if len(records) == 1 else "records are"
    console.print(f"\n{len(records)} {number} set aside:", style="yellow")
    for record in records[:_MOST_SET_ASIDE]:
        console.print(f"  {record}", soft_wrap=True)
    if len(records) > _MOST_SET_ASIDE:
        console.print(f"  and {len(records) - _MOST_SET_ASIDE} more; see {SET_ASIDE}")
