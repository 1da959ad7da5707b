"""The ``dnnbench`` command: what a person asks once the tables are there.

Its commands are the modules of :mod:`dnnbench.cli.commands`; exit codes are in the help.
"""

import sys

import typer

from dnnbench.cli.command_group import CommandGroup
from dnnbench.core import home, output

# Asked before anything can import torch, which may take processors away.
from dnnbench.core import processors as processors

# Typer keeps the line breaks, and puts an empty line where there are two.
_EPILOG = """\
Examples:

  dnnbench pick --max-memory 1.0 --min-fps 30

  dnnbench compare ResNet-50 DPN-68

Exit codes:

  0  answered

  1  a mistake, which one line on standard error names with its remedy

  2  an option or an argument that cannot be

  3  pick: no network fits

  4  check: something would disturb timings

  141  the output has no reader any more
"""

_app = typer.Typer(cls=CommandGroup, pretty_exceptions_enable=False)


@_app.callback(epilog=_EPILOG, no_args_is_help=True)
def _dnnbench() -> None:
    """Choose an image classifier that fits a machine's budget."""


def app() -> None:
    """Run the command. Print an error that the user can correct as one line on standard error."""
    with output.ending_in_a_line("dnnbench"):
        # The name is part of the variable by which a shell asks for completions.
        _app(home.expand_words(sys.argv[1:]), prog_name="dnnbench")
