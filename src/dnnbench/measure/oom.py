"""A batch size above one that did not fit is not tried: it would not fit either."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

_SAID = "not tried: ran out of memory at batch"


class Cell(Protocol):
    """What a network did at one batch size, such as a line of a round or a cell of a record."""

    @property
    def batch_size(self) -> int:
        """Images of a pass."""
        ...

    @property
    def status(self) -> str:
        """How it ended."""
        ...

    @property
    def message(self) -> str | None:
        """What was said of it."""
        ...


@dataclass(frozen=True)
class Tried:
    """A cell that has no record yet."""

    batch_size: int
    status: str
    message: str | None


def not_tried(batch_size: int, cells: Iterable[Cell]) -> str | None:
    """Return the message of a cell that need not be tried, by the network's other ``cells``.

    None: it must be tried.
    """
    smaller = [
        cell.batch_size
        for cell in cells
        if cell.status == "oom" and cell.batch_size < batch_size and _was_tried(cell)
    ]
    return f"{_SAID} {min(smaller)}" if smaller else None


def stands(cell: Cell, others: Iterable[Cell]) -> bool:
    """Whether ``cell`` was tried, or still has its reason among the network's other cells."""
    return _was_tried(cell) or bool(not_tried(cell.batch_size, others))


def _was_tried(cell: Cell) -> bool:
    return not (cell.message or "").startswith(_SAID)
