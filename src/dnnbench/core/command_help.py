"""Commands whose help names the values of options, and whose errors show the given value."""

import inspect
import re
import shutil
from typing import Any

import typer
from typer.core import TyperArgument, TyperCommand

# Columns of a terminal below which Typer's boxes would cut the names of options.
_NARROWEST = 60


class NarrowHelp:
    """A command or group whose help has no boxes in a narrow terminal."""

    rich_markup_mode: Any
    help: str | None

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help."""
        if (width := shutil.get_terminal_size().columns) < _NARROWEST:
            self.rich_markup_mode = None
            formatter.width = width
            # The character keeps line breaks, here those between examples.
            self.help = re.sub(r"\n\n(?= )", "\n\n\b\n", inspect.cleandoc(self.help or ""))
        super().format_help(ctx, formatter)  # type: ignore[misc]


class Command(NarrowHelp, TyperCommand):
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
