"""The ``dnnbench`` command, which answers questions about a finished study.

Its subcommands are the modules of :mod:`dnnbench.cli.commands`. The help lists the exit codes.
"""

import sys
from importlib import metadata
from typing import Annotated

import typer

from dnnbench.cli.command_group import CommandGroup
from dnnbench.core import home, output

# Imported before torch, which may restrict the processors that this process can use.
from dnnbench.core import processors as processors

# Typer keeps single line breaks, and prints an empty line for two.
_EPILOG = """\
Examples:

  dnnbench pick --max-memory 1.0 --min-fps 30

  dnnbench compare ResNet-50 DPN-68

Exit codes:

  0  success

  1  error; one line on standard error names the cause and the remedy

  2  invalid option or argument

  3  pick: no network fits for certain

  4  check: something would disturb timings; compare --fail-on: a regression

  5  compare --fail-on --strict: inconclusive

  141  the program that read the output has ended
"""

_app = typer.Typer(cls=CommandGroup, pretty_exceptions_enable=False)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"dnnbench {metadata.version('dnnbench')}")
        raise typer.Exit


@_app.callback(
    epilog=_EPILOG,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
def _dnnbench(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Show the version and exit.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Choose an image classifier that fits the budget of a machine."""


def app() -> None:
    """Run the command; print errors that users can fix as one line on stderr."""
    with output.ending_in_a_line("dnnbench"):
        # Shells pass completion requests in a variable that contains the program's name.
        _app(home.expand_words(sys.argv[1:]), prog_name="dnnbench")
