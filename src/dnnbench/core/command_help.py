"""Commands whose help names the values of options, and whose errors show the given value."""

import re
from typing import Any

import typer
from typer.core import TyperArgument, TyperCommand


class Command(TyperCommand):
    """A command whose usage and help show names such as FILE, and no types such as ``<path>``.

    An error about an option's value shows the value.
    """

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the options and arguments, without types."""
        return without_types(super().get_params(ctx))

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return the usage, with required arguments as ``A`` instead of ``{A}``."""
        return [re.sub(r"\{(.+)\}", r"\1", piece) for piece in super().collect_usage_pieces(ctx)]

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments. Raises BadParameter, with the value that was given."""
        try:
            return super().parse_args(ctx, args)
        except typer.BadParameter as error:
            from pydantic import ValidationError  # Slow to import, and needed only for errors.

            if isinstance(error.__cause__, ValidationError):
                problem = error.__cause__.errors()[0]
                error.message = f"{problem['input']!r}: {problem['msg'].removeprefix('Input ')}"
            raise


def without_types(parameters: list[Any]) -> list[Any]:
    """Return the parameters; Typer would show ``<bool>`` after flags and ``<str>`` after MODEL."""
    for parameter in parameters:
        if isinstance(parameter, TyperArgument):
            parameter.display_type_rich = lambda ctx: ""  # type: ignore[method-assign]
        elif getattr(parameter, "is_flag", False):
            parameter.metavar = ""
    return parameters
