"""Field types shared by all records, and the base class of records.

A record is a pydantic model: its fields are the columns (or keys) of one file, in order, with
units in their names. A missing number is ``None`` in memory, an empty field in CSV and ``null`` in
JSON; NaN and infinity are errors.
"""

import re
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from dnnbench.core.errors import UserError
from dnnbench.core.foreign_text import line
from dnnbench.records import paths, published_study

SCHEMA_VERSION = 1

# Names become parts of paths, words of commands and cells of tables, so they exclude `..`, `-x` and
# special characters of shells and file systems. Lower case only: some file systems ignore case.
_NAME = r"^[a-z0-9]+((?:[_-]+|\.)[a-z0-9]+)*$"
_LONGEST = 100
_LONGEST_TEXT = 2000
_RESERVED = paths.NO_DEVICES | {*published_study.DEVICES}


def _known(version: int) -> int:
    if version != SCHEMA_VERSION:
        raise ValueError(f"{version}: this version of dnnbench reads version {SCHEMA_VERSION}")
    return version


SchemaVersion = Annotated[int, AfterValidator(_known)]


# The variant of the published accuracies, and the baseline for all other variants.
REFERENCE = "fp32-eager"


Status = Literal["ok", "oom", "timeout", "failed", "not_measured"]


def _named(text: str) -> str:
    if len(text) > _LONGEST or not re.fullmatch(_NAME, text):
        raise PydanticCustomError(
            "name",
            "Input should be at most {longest} lower-case letters and digits, separated by -, _ or"
            " a single dot",
            {"longest": _LONGEST},
        )
    return text


def _free(name: str) -> str:
    if name in _RESERVED:
        raise PydanticCustomError(
            "reserved", "Input should be another name: results/ already uses this one"
        )
    return name


Name = Annotated[
    str,
    AfterValidator(_named),
    WithJsonSchema({"type": "string", "pattern": _NAME, "maxLength": _LONGEST}),
]


ModelName = Name


# DeviceName is for any row of a table; a measured device also has its own folder in results/.
DeviceName = Name
MeasuredDevice = Annotated[DeviceName, AfterValidator(_free)]


def check_device(name: object, where: str) -> str:
    """Return ``name`` if it is valid for a device. Raises UserError; ``where`` is its origin."""
    try:
        return TypeAdapter(MeasuredDevice).validate_python(name, strict=True)
    except ValidationError as error:
        problem = error.errors()[0]["msg"]
        raise UserError(f"{where}: {name!r:.80}: {problem.removeprefix('Input ')}") from None


def _printing(text: str) -> str:
    if not text.isprintable():
        raise PydanticCustomError("line", "Input should be one line of printable characters")
    return text


def _cleaned(text: str) -> str:
    return text if text.isprintable() and len(text) <= _LONGEST_TEXT else line(text, _LONGEST_TEXT)


def _cleaned_lines(text: str) -> str:
    return "\n".join(map(_cleaned, text.split("\n")))


# Identifiers and origins of records: no control sequences, invisible characters or text direction
# marks.
Line = Annotated[str, Field(max_length=200), AfterValidator(_printing)]


# Tables join the names of several sessions with a plus sign, and write a missing one as empty.
Session = Annotated[Line, Field(pattern=r"^[^+]+$")]


# Output of other programs, such as messages and versions. Unprintable characters are removed.
Text = Annotated[str, Field(max_length=100_000), AfterValidator(_cleaned)]
Lines = Annotated[str, Field(max_length=100_000), AfterValidator(_cleaned_lines)]


BatchSize = Annotated[int, Field(ge=1, le=1_000_000)]


Threads = Annotated[int, Field(ge=1, le=1_000_000)]


Count = Annotated[int, Field(ge=0, le=10**18)]


Tier = Literal["A", "B", "C"]


# The place in the 2018 study that an accuracy was taken from.
Digitized = Literal["table3", "figure"]


Interpolation = Literal["bilinear", "bicubic"]


# The bounds exceed any number in a study, and their products and ratios are still finite.
Positive = Annotated[float, Field(ge=1e-30, le=1e30)]


NonNegative = Annotated[float, Field(ge=0, le=1e30)]


# Bounds of measured values: a picosecond to eleven days, and up to a pebibyte.
Milliseconds = Annotated[float, Field(ge=1e-9, le=1e9)]


Seconds = Annotated[float, Field(ge=0, le=1e9)]


Mib = Annotated[float, Field(ge=0, le=2**30)]


Share = Annotated[float, Field(ge=0, le=1e6)]


Percent = Annotated[float, Field(ge=0, le=100)]


# Difference of two percentages.
Points = Annotated[float, Field(ge=-100, le=100)]


ClassNumber = Annotated[int, Field(ge=0, lt=1000)]


class Record(BaseModel):
    """Base class of all records. Unknown keys, NaN and infinity are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
