"""Types that the fields of every record are made of, and the base of all records.

A record is a pydantic model: its fields are the columns (or keys) of one file, in order, with
units in their names. A missing number is ``None`` in memory, an empty field in CSV and ``null`` in
JSON; NaN and infinity are refused.
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

# Names become parts of paths, words of commands and cells of tables: no `..`, no `-x`, nothing that
# another file system or a shell reads differently. Lower case alone, so that no two are one folder.
_NAME = r"^[a-z0-9]+((?:[_-]+|\.)[a-z0-9]+)*$"
_LONGEST = 100
_LONGEST_TEXT = 2000
_RESERVED = paths.NO_DEVICES | {*published_study.DEVICES}


def _known(version: int) -> int:
    if version != SCHEMA_VERSION:
        raise ValueError(f"{version}: this version of dnnbench reads {SCHEMA_VERSION}")
    return version


SchemaVersion = Annotated[int, AfterValidator(_known)]


Status = Literal["ok", "oom", "timeout", "failed", "not_measured"]


def _named(text: str) -> str:
    if len(text) > _LONGEST or not re.fullmatch(_NAME, text):
        raise PydanticCustomError(
            "name",
            "Input should be at most {longest} lower-case letters and digits, with -, _ or a single"
            " dot between them",
            {"longest": _LONGEST},
        )
    return text


def _free(name: str) -> str:
    if name in _RESERVED:
        raise PydanticCustomError(
            "reserved", "Input should be another name: results/ has this for something else"
        )
    return name


Name = Annotated[
    str,
    AfterValidator(_named),
    WithJsonSchema({"type": "string", "pattern": _NAME, "maxLength": _LONGEST}),
]


ModelName = Name


# Of any row of a table. One that is measured has a folder of its own in results/.
DeviceName = Name
MeasuredDevice = Annotated[DeviceName, AfterValidator(_free)]


def check_device(name: object, where: str) -> str:
    """Return ``name`` if a device may have it. Raises UserError naming ``where`` it was read."""
    try:
        return TypeAdapter(MeasuredDevice).validate_python(name, strict=True)
    except ValidationError as error:
        problem = error.errors()[0]["msg"]
        raise UserError(f"{where}: {name!r:.80}: {problem.removeprefix('Input ')}") from None


def _printing(text: str) -> str:
    if not text.isprintable():
        raise PydanticCustomError("line", "Input should be one line of characters that print")
    return text


def _cleaned(text: str) -> str:
    return text if text.isprintable() and len(text) <= _LONGEST_TEXT else line(text, _LONGEST_TEXT)


def _cleaned_lines(text: str) -> str:
    return "\n".join(map(_cleaned, text.split("\n")))


# What tells records apart, and a reader where they are from: no control sequence of a terminal,
# nothing that is not seen, or that turns the text around.
Line = Annotated[str, Field(max_length=200), AfterValidator(_printing)]


# Of several sessions, tables join the names by a plus.
Session = Annotated[Line, Field(pattern=r"^[^+]*$")]


# What other programs say, such as messages and versions: what does not print is removed from it.
Text = Annotated[str, Field(max_length=100_000), AfterValidator(_cleaned)]
Lines = Annotated[str, Field(max_length=100_000), AfterValidator(_cleaned_lines)]


BatchSize = Annotated[int, Field(ge=1, le=1_000_000)]


Threads = Annotated[int, Field(ge=1, le=1_000_000)]


Count = Annotated[int, Field(ge=0, le=10**18)]


# Of a source of weights; see registry.WeightsSource.
Tier = Literal["A", "B", "C"]


# Where an accuracy of the 2018 study was read.
Digitised = Literal["table3", "figure"]


# Filter that pictures are resized with.
Interpolation = Literal["bilinear", "bicubic"]


# Bounds that no number of a study reaches, and whose products and ratios are still numbers.
Positive = Annotated[float, Field(ge=1e-30, le=1e30)]


NonNegative = Annotated[float, Field(ge=0, le=1e30)]


# What is measured: from a picosecond to eleven days, to a pebibyte.
Milliseconds = Annotated[float, Field(ge=1e-9, le=1e9)]


Seconds = Annotated[float, Field(ge=0, le=1e9)]


Mib = Annotated[float, Field(ge=0, le=2**30)]


Share = Annotated[float, Field(ge=0, le=1e6)]


Percent = Annotated[float, Field(ge=0, le=100)]


ClassNumber = Annotated[int, Field(ge=0, lt=1000)]


class Record(BaseModel):
    """Base of all records: unknown keys, NaN and infinity are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
