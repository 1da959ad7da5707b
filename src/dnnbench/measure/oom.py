"""Batch sizes that are not tried because a smaller one ran out of memory."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

# Existing records begin with these words too.
_NOT_TRIED = "not tried: ran out of memory at batch"


class Cell(Protocol):
    """A network's result at one batch size: a line of a round or a memory cell."""

    @property
    def batch_size(self) -> int:
        """Images per pass."""
        ...

    @property
    def status(self) -> str:
        """The outcome."""
        ...

    @property
    def message(self) -> str | None:
        """Details of the outcome."""
        ...


@dataclass(frozen=True)
class Tried:
    """A cell without a record yet."""

    batch_size: int
    status: str
    message: str | None


def not_tried(batch_size: int, cells: Iterable[Cell]) -> str | None:
    """Return the reason not to try a cell, from the network's other ``cells``.

    Returns None if the cell must be tried.
    """
    smaller = [
        cell.batch_size
        for cell in cells
        if cell.status == "oom" and cell.batch_size < batch_size and _was_tried(cell)
    ]
    return f"{_NOT_TRIED} size {min(smaller)}" if smaller else None


def stands(cell: Cell, others: Iterable[Cell]) -> bool:
    """Return whether ``cell`` was tried, or other cells still justify skipping it."""
    return _was_tried(cell) or bool(not_tried(cell.batch_size, others))


def _was_tried(cell: Cell) -> bool:
    return not (cell.message or "").startswith(_NOT_TRIED)
