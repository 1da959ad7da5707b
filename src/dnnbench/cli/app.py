"""The ``dnnbench`` command: what a person asks once the tables are there.

One module a group of commands. They parse, call the package and print; exit codes are in the help.
"""

import sys

import typer

from dnnbench.cli import check, compare, device_file, merge, pick, predict, show, summary
from dnnbench.core.errors import UserError

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
"""

_app = typer.Typer(
    help="Choose an image classifier that fits a machine's budget.",
    epilog=_EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
for command in (
    pick.pick,
    compare.compare,
    predict.predict,
    show.show,
    show.devices,
    show.models,
    merge.merge,
    check.check,
    device_file.device_file,
    summary.summary,
    summary.unlock,
):
    _app.command()(command)


def app() -> None:
    """Run the command; what the user can mend is one line on standard error."""
    try:
        # The name is part of the variable by which a shell asks for completions.
        _app(prog_name="dnnbench")
    except (UserError, OSError) as error:
        sys.exit(f"dnnbench: {error}")
