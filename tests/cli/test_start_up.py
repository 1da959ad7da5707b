"""Imports of the command at its start. Names are checked, since times depend on the machine."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.paths import ROOT

from dnnbench.cli import commands

HEAVY = {"altair", "numpy", "pandas", "pyarrow", "scipy", "torch"}
COMMANDS = sorted(file.stem.replace("_", "-") for file in Path(commands.__path__[0]).glob("[a-z]*"))
_REPORT = "import sys; print(file=sys.stderr); print(*sys.modules, file=sys.stderr)"


def imported(code: str, *arguments: str, **environment: str) -> set[str]:
    """Top-level modules that are there after ``code``, run like a command in the repository."""
    program = f"import atexit; atexit.register(lambda: exec({_REPORT!r})); {code}"
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {name.partition(".")[0] for name in done.stderr.splitlines()[-1].split()}


def run(*arguments: str, **environment: str) -> set[str]:
    return imported("from dnnbench.cli.app import app; app()", *arguments, **environment)


def complete(typed: str) -> set[str]:
    """Modules imported where a shell completes the last word of ``typed``."""
    words = {"COMP_WORDS": typed, "COMP_CWORD": str(len(typed.split(" ")) - 1)}
    return run(_DNNBENCH_COMPLETE="complete_bash", **words)


def test_the_list_of_commands_imports_neither_records_nor_what_computes() -> None:
    assert run("--help").isdisjoint(HEAVY | {"pydantic", "yaml"})


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_imports_nothing_that_computes(command: str) -> None:
    assert run(command, "--help").isdisjoint(HEAVY)


@pytest.mark.parametrize(
    "typed",
    [
        "dnnbench ",
        "dnnbench pi",
        "dnnbench show ResNet-",
        "dnnbench compare vgg11 vgg",
        "dnnbench pick --max",
        "dnnbench pick --device t",
        "dnnbench check --device c",
    ],
)
def test_completing_imports_nothing_that_computes(typed: str) -> None:
    assert complete(typed).isdisjoint(HEAVY)


def test_importing_the_package_imports_nothing_that_computes() -> None:
    assert imported("import dnnbench; dnnbench.open").isdisjoint(HEAVY | {"pydantic", "yaml"})


@pytest.mark.parametrize("package", ["records", "config"])
def test_settings_and_records_import_nothing_that_computes(package: str) -> None:
    # records.top5 holds arrays, and is imported where there are some.
    every = (
        "import importlib, pkgutil, dnnbench.{0}; [importlib.import_module(entry.name) for entry in"
        " pkgutil.walk_packages(dnnbench.{0}.__path__, 'dnnbench.{0}.') if entry.name !="
        " 'dnnbench.records.top5']"
    )
    assert imported(every.format(package)).isdisjoint(HEAVY)
