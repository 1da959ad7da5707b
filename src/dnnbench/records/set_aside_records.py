"""Format of results/set_aside.csv."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field

from dnnbench.records.base import DeviceName, Record, Text


class SetAside(Record):
    """Row of results/set_aside.csv: a record that the tables leave out, and why.

    results/accuracy/set_aside.csv has the same columns.
    """

    device: DeviceName | None
    """Device of the record; empty if the record does not belong to a device."""
    file: Text
    """Path of the file."""
    line: Annotated[int, Field(ge=1)] | None
    """Line number, if the file holds several records."""
    reason: Text
    """The problem with the record, and how to fix it."""

    @classmethod
    def of(
        cls, error: object, path: Path, *, line: int | None = None, device: str | None = None
    ) -> Self:
        """Return an entry for the record at ``path``; the reason is from ``error``."""
        place = str(path) if line is None else f"{path}:{line}"
        reason = str(error).removeprefix(f"{place}: ")
        return cls(device=device, file=str(path), line=line, reason=reason)

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{place}: {self.reason}"
