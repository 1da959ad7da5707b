"""Base class of the sections of params.yaml, types of values, and their error."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
)
from pydantic_core import PydanticCustomError

from dnnbench.core import home
from dnnbench.core.errors import UserError

T = TypeVar("T")


class ParameterError(UserError):
    """An invalid setting: one line that names the file, key, value and fix."""


class Section(BaseModel):
    """Base of all sections: an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def described(description: Callable[[], str]) -> Callable[[dict[str, Any]], None]:
    """Return a ``json_schema_extra`` that computes a description only for the schema.

    Descriptions that list plugins would otherwise import them whenever settings are read.
    """
    return lambda schema: schema.update(description=description())


def _distinct(values: list[Any]) -> list[Any]:
    for place, value in enumerate(values):
        if value in values[:place]:
            raise ValueError(f"{place}: {value!r}: listed twice. Remove one.")
    return values


Distinct = Annotated[list[T], AfterValidator(_distinct)]

# A time limit for one cell, at most a day.
Seconds = Annotated[float, Field(ge=1, le=86_400)]


def _expanded(path: Path) -> Path:
    if path == Path():
        raise PydanticCustomError("path", "Input should name a file or folder")
    try:
        return home.expand(path)
    except UserError:
        raise PydanticCustomError("home", "Input should be a path in a home that exists") from None


# A path in which a leading ``~`` is expanded, but not variables.
UserPath = Annotated[Path, AfterValidator(_expanded)]


_KINDS = {"file": Path.is_file, "folder": Path.is_dir}


def missing(path: Path, what: str) -> str | None:
    """Return an error text unless ``path`` is of the kind ``what``.

    The kind is ``file``, ``folder`` or ``file or folder``.
    """
    reason, remedy = f"no such {what}", "Correct it."
    try:
        if any(is_it(path) for kind, is_it in _KINDS.items() if kind in what):
            return None
    except OSError as error:
        reason = str(error.strerror)
    if "$" in str(path):
        remedy = "Variables are not expanded: write ~ or the full path."
    shown = repr(str(path))
    return f"{shown if len(shown) < 200 else shown[:197] + '...'}: {reason}. {remedy}"


# One name of a network or set, or a list of names. Tags in parentheses are not shown as keys.
Names = Annotated[
    Annotated[str, Tag("(name)")] | Annotated[Distinct[str], Tag("(names)")],
    Discriminator(lambda value: "(names)" if isinstance(value, list) else "(name)"),
]
