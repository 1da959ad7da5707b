"""Fast program starts: each run is a fork of a process that has already imported packages.

A new interpreter spends seconds on imports before Snakemake reads a rule. The server here has
imported Snakemake and other packages, but nothing of dnnbench, which each fork imports from its
project. Any NVIDIA driver on this machine is hidden from it.
"""

import atexit
import importlib
import json
import os
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

# Imports of Snakemake, the commands, and the stages, except dnnbench and torch.
_PACKAGES = (
    *("snakemake.cli", "snakemake.dag", "snakemake.executors.dryrun", "snakemake.linting"),
    *("scipy.stats", "pandas", "numpy", "pydantic", "yaml", "requests", "jinja2", "docutils.core"),
    *("PIL.Image", "pynvml", "rich.console", "platformdirs", "packaging.requirements", "typer"),
)


def run(
    words: Sequence[str], folder: Path, environment: Mapping[str, str], errors_too: bool = True
) -> tuple[int, str]:
    """Return the exit code and the output of a command in a folder.

    The command is a package's (snakemake, dnnbench), or python and a script. ``errors_too``
    interleaves standard error with the output. Processes that the command starts are not forks.
    """
    server = _idle.pop() if _idle else _Server()
    done = server.run(
        words=list(words),
        folder=str(folder),
        environment=dict(environment),
        errors_too=errors_too,
    )
    _idle.append(server)  # Last, since an interrupted server still owes its answer.
    return done


class _Server:
    """A process that has imported Snakemake and forks for each run."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        (Path(self._folder.name) / "libnvidia-ml.so.1").touch()
        self._process = subprocess.Popen(
            [sys.executable, "-P", __file__],
            env=os.environ | {"LD_LIBRARY_PATH": self._folder.name},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        atexit.register(self._end)

    def run(self, **request: Any) -> tuple[int, str]:
        output = Path(self._folder.name) / "output"
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(request | {"output": str(output)}) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline()), output.read_text()

    def _end(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()


_idle: list[_Server] = []


def _serve() -> None:
    for name in _PACKAGES:
        importlib.import_module(name)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _become(**json.loads(line))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _become(
    words: list[str], folder: str, environment: dict[str, str], errors_too: bool, output: str
) -> None:
    """Run the command as if this were a new process, and exit."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    written = os.open(output, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_APPEND, 0o644)
    os.dup2(written, 1)
    if errors_too:
        os.dup2(written, 2)
    if words[0] == "python":
        words = words[1:]
        sys.path[:0] = [str(Path(words[0]).parent)]
    else:
        words[0] = str(Path(sys.executable).parent / words[0])
    sys.path[:0] = environment["PYTHONPATH"].split(os.pathsep)
    sys.argv = words
    runpy.run_path(words[0], run_name="__main__")
    sys.exit()


if __name__ == "__main__":
    _serve()
