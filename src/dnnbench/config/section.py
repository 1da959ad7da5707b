"""The base of all sections of params.yaml, and the error that a wrong setting raises."""

from pydantic import (
    BaseModel,
    ConfigDict,
)

from dnnbench.core.errors import UserError


class ParameterError(UserError):
    """A parameter that cannot be right: names file, key, value and remedy in one line."""


class Section(BaseModel):
    """Base of all sections: an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)
