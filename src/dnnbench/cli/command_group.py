"""Discovery of the subcommands, which are imported only when they run."""

import ast
import importlib
import pkgutil
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from dnnbench.cli import commands
from dnnbench.core import command_help


class CommandGroup(command_help.NarrowHelp, TyperGroup):
    """Subcommands from the modules of :mod:`dnnbench.cli.commands`.

    To list and complete them, their help is read from the source. Only the command that runs, or
    whose options are needed, is imported.
    """

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        listed = [_summary(entry.name) for entry in pkgutil.iter_modules(commands.__path__)]
        self.commands = {command.name or "": command for command in listed}

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the options and arguments, without types."""
        return command_help.without_types(super().get_params(ctx))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Import and return the command that ``args`` starts with, and its arguments."""
        name, found, rest = super().resolve_command(ctx, args)
        return name, found and _command(str(name).replace("-", "_")), rest


def _summary(module: str) -> TyperCommand:
    """Return a command with the help that the list of commands shows."""
    source = next(Path(folder) / f"{module}.py" for folder in commands.__path__)
    for node in ast.parse(source.read_bytes()).body:
        if isinstance(node, ast.FunctionDef) and node.name == module:
            return TyperCommand(module.replace("_", "-"), help=ast.get_docstring(node))
    raise TypeError(f"{source}: no function {module}. Add it: it implements the command.")


def _command(module: str) -> Any:
    """Return the command that a module declares."""
    function = getattr(importlib.import_module(f"{commands.__name__}.{module}"), module)
    alone = typer.Typer(add_completion=False)
    alone.command(module.replace("_", "-"), cls=command_help.Command)(function)
    return typer.main.get_command(alone)
