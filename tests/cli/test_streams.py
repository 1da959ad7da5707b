"""Every command on terminals that are not UTF-8, without a reader, and on a full disk."""

import io
import os
import pkgutil
import sys
from pathlib import Path

import pytest
from helpers import projects, studies

from dnnbench.cli import app, commands

# Arguments that each command gets here, and its possible exit codes.
ASKED = {
    "check": ("check --device cpu", {0, 4}),
    "compare": ("compare resnet50 dpn68 --device cpu", {0}),
    "device_file": ("device-file --output config/devices/made-up.yaml", {0}),
    "devices": ("devices", {0}),
    "export": ("export dpn68 dpn68.pt", {1}),
    "merge": ("merge results/cpu", {1}),
    "models": ("models", {0}),
    "pick": ("pick --device cpu --max-memory 1 --min-fps 1", {0}),
    "predict": ("predict --device cpu --batch-size 99", {1}),
    "show": ("show dpn68", {0}),
    "summary": ("summary", {0}),
    "unlock": ("unlock", {0}),
}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    projects.project(folder)
    lines = [*studies.timed("resnet50", [12.0, 13.2, 10.8]), *studies.timed("dpn68", [10.0, 11.0])]
    studies.write(folder / "results", lines=lines)
    late = folder / "results/study.csv"
    os.utime(late, (4e9, 4e9))  # For unlock to say something.
    return folder


def ended(folder, words, out, encoding="utf-8"):
    """Exit code and standard error of a command whose standard output is the descriptor ``out``."""
    said, errors = os.pipe()
    if child := os.fork():
        os.close(errors)
        with os.fdopen(said, "rb") as file:
            text = file.read().decode()
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), text
    os.chdir(folder)
    os.dup2(out, 1)
    os.dup2(errors, 2)
    for name, number in (("stdout", 1), ("stderr", 2)):
        raw = io.FileIO(number, "w", closefd=False)
        setattr(sys, name, io.TextIOWrapper(io.BufferedWriter(raw), encoding=encoding))
    sys.argv = ["dnnbench", *words.split()]
    code = 1
    try:
        app.app()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else bool(end.code)
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException as error:
        print("Traceback", repr(error), file=sys.stderr)
    finally:
        os._exit(code or 0)


def test_every_command_is_asked():
    assert set(ASKED) == {module.name for module in pkgutil.iter_modules(commands.__path__)}


@pytest.mark.parametrize("command", ASKED)
def test_a_command_prints_in_ascii(study, command, tmp_path):
    words, codes = ASKED[command]
    with (tmp_path / "out").open("wb") as out:
        code, said = ended(study, words, out.fileno(), "ascii")
    undo(study)
    printed = (tmp_path / "out").read_bytes()
    assert code in codes, said
    assert (printed + said.encode()).isascii()
    assert printed or said.count("\n") == 1


@pytest.mark.parametrize("command", ASKED)
def test_a_command_without_a_reader_ends_quietly(study, command):
    words, codes = ASKED[command]
    reader, writer = os.pipe()
    os.close(reader)
    code, said = ended(study, words, writer)
    os.close(writer)
    undo(study)
    assert (code, said) == (141, "") or (code in codes == {1} and said.count("\n") == 1)


@pytest.mark.parametrize("command", ASKED)
def test_a_command_on_a_full_disk_ends_in_one_line(study, command):
    words, _ = ASKED[command]
    with Path("/dev/full").open("wb") as out:
        code, said = ended(study, words, out.fileno())
    undo(study)
    assert (code, said.count("\n")) == (1, 1)
    assert said.startswith("dnnbench: ")
    assert "Errno" not in said


def undo(study):
    """Let a command find what it found before."""
    for made in (study / "config/devices/made-up.yaml", study / "made-up"):
        made.unlink(missing_ok=True)
    os.utime(study / "results/study.csv", (4e9, 4e9))
