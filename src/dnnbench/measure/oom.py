"""A batch size above one that did not fit is not tried: it would not fit either."""

from collections.abc import Iterable

_SAID = "not tried: ran out of memory at batch"


def not_tried(batch_size: int, cells: Iterable[tuple[int, str]]) -> str | None:
    """The message of a cell that need not be tried, else None.

    ``cells`` are (batch size, status) of the same network's cells that were tried.
    """
    smaller = [batch for batch, status in cells if status == "oom" and batch < batch_size]
    return f"{_SAID} {min(smaller)}" if smaller else None


def was_tried(message: str | None) -> bool:
    """Whether a cell with this message was tried."""
    return not (message or "").startswith(_SAID)
