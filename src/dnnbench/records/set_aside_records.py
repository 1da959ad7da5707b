"""The shape of results/set_aside.csv."""

from typing import Annotated

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

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{place}: {self.reason}"
