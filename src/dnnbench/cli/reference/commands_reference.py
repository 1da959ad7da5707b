"""docs/reference/commands.md, from ``dnnbench`` and the scripts of the stages."""

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import typer

from dnnbench.cli import app
from dnnbench.cli.reference import markdown
from dnnbench.core import command_help
from dnnbench.records import paths

_SCRIPTS = Path(paths.STAGE).parent
_INTRODUCTION = """\
`dnnbench` answers questions about the tables of a study. The scripts in `workflow/scripts` each run
one stage of the workflow. Snakemake runs them for you; you rarely need to run one yourself. To see
the help for a command in the terminal, pass `--help`.
"""
_SCRIPTS_INTRODUCTION = """\
Run a script in the folder of the study. It reads its settings from `params.yaml` and a device file.
Snakemake passes the validated settings of the run in a single file instead (`--settings`).
"""


def page() -> str:
    """Return the page."""
    source = "the help texts in src/dnnbench/cli and workflow/scripts"
    return markdown.page("Commands", source, _parts())


def _parts() -> Iterator[str]:
    yield _INTRODUCTION.strip()
    program: Any = typer.main.get_command(app._app)
    context = program.make_context("dnnbench", [], resilient_parsing=True)
    yield "## dnnbench"
    yield from _command(program, "dnnbench")
    for name in program.commands:
        _, command, _ = program.resolve_command(context, [name])
        yield f"### dnnbench {name}"
        yield from _command(command, f"dnnbench {name}")
    yield "## Scripts of the stages"
    yield _SCRIPTS_INTRODUCTION.strip()
    for script in sorted(_SCRIPTS.glob("*.py")):
        command = _script_command(script)
        yield f"### {script.name}"
        yield from _command(command, f"python {script}")


def _command(command: Any, name: str) -> Iterator[str]:
    """Yield usage, help, arguments and options."""
    context = typer.Context(command, info_name=name, resilient_parsing=True)
    usage = " ".join([name, *command.collect_usage_pieces(context)])
    yield markdown.code(usage)
    yield _help(command.help or "")
    rows = [_parameter(one, context) for one in command.get_params(context) if not one.hidden]
    yield markdown.table(("argument or option", "default", "meaning"), rows)
    yield _help(command.epilog or "")


def _help(text: str) -> str:
    """Return a help text; lines of a number, two spaces and a text become a table."""
    codes = re.findall(r"^ +(\d+)  +(.+)$", text, flags=re.MULTILINE)
    if not codes:
        return markdown.paragraphs(text)
    before, after = re.split(r"^ +\d+  .+(?:\n\s*\d+  .+)*", text, maxsplit=1, flags=re.MULTILINE)
    table = markdown.table(("code", "meaning"), [(f"`{number}`", said) for number, said in codes])
    return "\n\n".join(
        filter(None, (markdown.paragraphs(before), table, markdown.paragraphs(after)))
    )


def _parameter(parameter: Any, context: Any) -> tuple[str, str, str]:
    name, said = parameter.get_help_record(context)
    meaning, _, extra = said.rpartition("  [") if said.endswith("]") else (said, "", "")
    default = ""
    for part in filter(None, extra.removesuffix("]").split("; ")):
        if part.startswith("default: "):
            default = part.removeprefix("default: ")
            # Parentheses mark words that are shown instead of a value.
            default = default[1:-1] if default.startswith("(") else f"`{default}`"
        elif part == "required":
            default = "required"
        else:
            meaning += f" {_range(part)}"
    return f"`{name}`", markdown.text(default), markdown.text(meaning)


def _range(part: str) -> str:
    """Describe a range such as ``1<=x<=1000``."""
    if both := re.fullmatch(r"(\S+)<=x<=(\S+)", part):
        return f"{both[1]} to {both[2]}."
    return part.replace("x>=", "At least ").replace("x<=", "At most ") + "."


def _script_command(script: Path) -> Any:
    alone = typer.Typer(add_completion=False)
    alone.command(script.name, cls=command_help.Command)(_imported(script).main)
    return typer.main.get_command(alone)


def _imported(script: Path) -> ModuleType:
    # Some scripts set environment variables when they are imported, which affects this process.
    specification = importlib.util.spec_from_file_location(f"stage_{script.stem}", script)
    assert specification and specification.loader
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module
