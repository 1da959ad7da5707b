"""The commands of ``dnnbench``, found by listing a package and imported when one is run."""

import ast
import importlib
import pkgutil
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from dnnbench.cli import commands


class CommandGroup(TyperGroup):
    """Every module of :mod:`dnnbench.cli.commands` as a command.

    Listing and completing them reads the first lines of their help from the source. Only the
    command that is run, or whose options are asked for, is imported.
    """

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        listed = [_summary(entry.name) for entry in pkgutil.iter_modules(commands.__path__)]
        self.commands = {command.name or "": command for command in listed}

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command that ``args`` begins with, imported, and the arguments after it."""
        name, found, rest = super().resolve_command(ctx, args)
        return name, found and _command(str(name).replace("-", "_")), rest


def _summary(module: str) -> TyperCommand:
    """A command as the list of commands shows it."""
    source = next(Path(folder) / f"{module}.py" for folder in commands.__path__)
    for node in ast.parse(source.read_bytes()).body:
        if isinstance(node, ast.FunctionDef) and node.name == module:
            return TyperCommand(module.replace("_", "-"), help=ast.get_docstring(node))
    raise TypeError(f"{source}: no function {module}; add it, it is the command")


def _command(module: str) -> Any:
    """The command that a module declares."""
    function = getattr(importlib.import_module(f"{commands.__name__}.{module}"), module)
    alone = typer.Typer(add_completion=False)
    alone.command(module.replace("_", "-"))(function)
    return typer.main.get_command(alone)
