"""The next run's single retry of a failed cell: the machine may be at fault.

The record keeps the first failure as ``failed_before``.
"""

from typing import Protocol

_FAILED = ("failed", "timeout")


class Cell(Protocol):
    """The result of a network, such as a line of a round or a cell of a memory record."""

    @property
    def status(self) -> str:
        """The outcome."""
        ...

    @property
    def message(self) -> str | None:
        """Details of the outcome."""
        ...

    @property
    def failed_before(self) -> str | None:
        """The failure of the previous attempt."""
        ...


def failed(status: object) -> bool:
    """Return whether a status means that the network, or the machine, failed."""
    return status in _FAILED


def is_due(cell: Cell) -> bool:
    """Return whether the next run retries the cell."""
    return failed(cell.status) and cell.failed_before is None


def ever_failed(record: object) -> list[str]:
    """Return the cells of a JSON record that ever failed.

    The result does not change when a failed cell is retried.
    """
    if not isinstance(record, dict):
        return []
    found = [failed for cell in record.get("cells") or [] for failed in ever_failed(cell)]
    if failed(record.get("status")) or record.get("failed_before"):
        found.append(f"{record.get('model', '')}:{record.get('batch_size', '')}")
    return found


def reason(cell: Cell | None) -> str | None:
    """Return ``failed_before`` for the next attempt; None without a failure."""
    if cell is None:
        return None
    if not failed(cell.status):
        return cell.failed_before
    return f"{cell.status}: {cell.message}" if cell.message else cell.status
