"""A cell that failed is tried once more by the next run, since the machine may have been at fault.

The reason stays in the record, as ``failed_before``.
"""

from typing import Protocol

_FAILED = ("failed", "timeout")


class Cell(Protocol):
    """What a network did, such as a line of a round or a cell of a memory record."""

    @property
    def status(self) -> str:
        """How it ended."""
        ...

    @property
    def message(self) -> str | None:
        """What was said of it."""
        ...

    @property
    def failed_before(self) -> str | None:
        """How the try before failed."""
        ...


def failed(status: object) -> bool:
    """Whether a status says that a network, or the machine, broke."""
    return status in _FAILED


def is_due(cell: Cell) -> bool:
    """Whether the next run tries the cell again."""
    return failed(cell.status) and cell.failed_before is None


def ever_failed(record: object) -> list[str]:
    """Return the cells of a record, as JSON holds it, that failed, whether tried again or not.

    That is the same before and after they are tried again.
    """
    if not isinstance(record, dict):
        return []
    found = [failed for cell in record.get("cells") or [] for failed in ever_failed(cell)]
    if failed(record.get("status")) or record.get("failed_before"):
        found.append(f"{record.get('model', '')}:{record.get('batch_size', '')}")
    return found


def reason(cell: Cell | None) -> str | None:
    """Return what a later try records as ``failed_before``; None where none failed."""
    if cell is None:
        return None
    if not failed(cell.status):
        return cell.failed_before
    return f"{cell.status}: {cell.message}" if cell.message else cell.status
