"""Help of commands: options with the names of their values, arguments without types."""

import re
from typing import Any

from typer.core import TyperArgument, TyperCommand


class Command(TyperCommand):
    """A command whose usage and help show names such as FILE, and no types such as ``<path>``."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the options and arguments, without types."""
        return without_types(super().get_params(ctx))

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return the usage, with required arguments as ``A`` instead of ``{A}``."""
        return [re.sub(r"\{(.+)\}", r"\1", piece) for piece in super().collect_usage_pieces(ctx)]


def without_types(parameters: list[Any]) -> list[Any]:
    """Return the parameters; Typer would show ``<bool>`` after flags and ``<str>`` after MODEL."""
    for parameter in parameters:
        if isinstance(parameter, TyperArgument):
            parameter.display_type_rich = lambda ctx: ""  # type: ignore[method-assign]
        elif getattr(parameter, "is_flag", False):
            parameter.metavar = ""
    return parameters
