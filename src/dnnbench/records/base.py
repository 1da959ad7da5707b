"""Types that the fields of every record are made of, and the base of all records.

A record is a pydantic model: its fields are the columns (or keys) of one file, in order, with
units in their names. A missing number is ``None`` in memory, an empty field in CSV and ``null`` in
JSON; NaN and infinity are refused.
"""

from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
)

SCHEMA_VERSION = 1


def _known(version: int) -> int:
    if version != SCHEMA_VERSION:
        raise ValueError(f"{version}: this version of dnnbench reads {SCHEMA_VERSION}")
    return version


SchemaVersion = Annotated[int, AfterValidator(_known)]


Status = Literal["ok", "oom", "timeout", "failed", "not_measured"]


ModelName = Annotated[str, Field(pattern=r"^[a-z0-9_.-]+$")]


DeviceName = Annotated[str, Field(pattern=r"^[a-z0-9_.-]+$")]


BatchSize = Annotated[int, Field(ge=1)]


# Of a source of weights; see registry.WeightsSource.
Tier = Literal["A", "B", "C"]


# Where an accuracy of the 2018 study was read.
Digitised = Literal["table3", "figure"]


# Filter that pictures are resized with.
Interpolation = Literal["bilinear", "bicubic"]


Positive = Annotated[float, Field(gt=0)]


NonNegative = Annotated[float, Field(ge=0)]


Percent = Annotated[float, Field(ge=0, le=100)]


ClassNumber = Annotated[int, Field(ge=0, lt=1000)]


class Record(BaseModel):
    """Base of all records: unknown keys, NaN and infinity are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
