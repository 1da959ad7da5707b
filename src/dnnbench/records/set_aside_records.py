"""The shape of results/set_aside.csv."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field

from dnnbench.records.base import DeviceName, Record, Text


class SetAside(Record):
    """A record that no table rests on, and why.

    ``device``: none for what no device has of its own; ``line``: of a file that holds several.
    """

    device: DeviceName | None
    file: Text
    line: Annotated[int, Field(ge=1)] | None
    reason: Text

    @classmethod
    def of(
        cls, error: object, path: Path, *, line: int | None = None, device: str | None = None
    ) -> Self:
        """Return the record at ``path`` with what ``error`` says, without the place before it."""
        place = str(path) if line is None else f"{path}:{line}"
        reason = str(error).removeprefix(f"{place}: ")
        return cls(device=device, file=str(path), line=line, reason=reason)

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{place}: {self.reason}"
