"""The base of all sections of params.yaml, and the error that a wrong setting raises."""

from collections.abc import Callable
from typing import Any

from pydantic import (
    BaseModel,
    ConfigDict,
)

from dnnbench.core.errors import UserError


class ParameterError(UserError):
    """A parameter that cannot be right: names file, key, value and remedy in one line."""


class Section(BaseModel):
    """Base of all sections: an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def described(description: Callable[[], str]) -> Callable[[dict[str, Any]], None]:
    """Return a ``json_schema_extra`` whose description is made when a schema is asked for.

    Texts that list plugins would otherwise import them whenever settings are read.
    """
    return lambda schema: schema.update(description=description())
