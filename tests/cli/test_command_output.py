"""Output of all commands with tables: in terminals of any width, in pipes, as JSON and as CSV."""

import csv
import fcntl
import io
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import host_trees, studies
from typer.testing import CliRunner

from dnnbench.api import study_predictions
from dnnbench.cli import app, commands, printing
from dnnbench.cli.reference import results_reference
from dnnbench.cli.text_table import Table
from dnnbench.core.storage import columns
from dnnbench.machines.checks import all_checks
from dnnbench.machines.checks.machine import watch
from dnnbench.records.study_records import StudyRow

WIDTHS = (40, 60, 80, 120)
COMMANDS = {
    "pick": "pick --device cpu --max-memory 0.3 --min-fps 60 --top 44",
    "pick with further columns": "pick --device titan --deadline-ms 9 --max-params 100",
    "compare networks": "compare resnet50 dpn68 --device cpu",
    "compare runs": "compare before results --fail-on slower=5%",
    "show": "show senet154",
    "models": "models",
    "devices": "devices",
    "summary": "summary",
    "predict": "predict --device cpu",
    "check": "check",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a study and of an earlier run of it, in which VGG-16 was faster."""
    rows, models = studies.tables()
    found = tmp_path_factory.mktemp("study")
    unmeasured = {"status": "not_measured", "batch_ms": None} | dict.fromkeys(
        name for name in columns(StudyRow) if name.startswith(("latency", "fps"))
    )
    rows = [
        row.model_copy(update=unmeasured if row.model == "resnet101" else {"session": "2"})
        if row.source == "measured"
        else row
        for row in rows
    ]
    times = [10, 10.1, 9.9, 10, 10.05]
    for name, session, slow in (("before", "1", 1.0), ("results", "2", 1.5)):
        lines = [
            *studies.timed("vgg16", [x * slow for x in times], session=session),
            *studies.timed("vgg19", times, session=session),
        ]
        of_run = [
            row.model_copy(update={"session": session, "latency_ms": 10 * slow})
            if row.model == "vgg16" and row.source == "measured" and row.batch_size == 1
            else row.model_copy(update={"session": session if row.session else None})
            for row in rows
        ]
        studies.write(found / name, of_run, models, lines)
    (found / "params.yaml").write_text("profile: cpu\n")
    (found / "config/devices").mkdir(parents=True)
    device = "device: cpu\nbackend: cpu\nbatch_sizes: [1]\nthreads: 1\n"
    (found / "config/devices/cpu.yaml").write_text(device)
    (found / "config/models.yaml").symlink_to(studies.ROOT / "config/models.yaml")
    return found


Run = Callable[[str, int | None], str]


@pytest.fixture
def run(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that runs a command at a width, or in a pipe."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(study_predictions, "_not_in_the_study", lambda tables: {})
    machine = host_trees.machine(tmp_path, host_trees.LAPTOP, cpus=8)
    seen = watch(machine, lambda seconds: (0.3, "cc1plus (pid 7)"))
    monkeypatch.setattr(all_checks, "look", lambda settings: all_checks.judge(seen))

    def command(words: str, width: int | None) -> str:
        monkeypatch.delenv("COLUMNS", raising=False)
        if width:
            monkeypatch.setenv("COLUMNS", str(width))
        done = CliRunner().invoke(app._app, words.split())
        assert done.exit_code in (0, 4), done.output
        return done.stdout

    return command


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> list[Table]:
    """Return a list to which each printed table is added."""
    printed = []
    show = printing.print_table

    def spy(console: object, made: Table) -> None:
        printed.append(made)
        show(console, made)  # type: ignore[arg-type]

    monkeypatch.setattr(printing, "print_table", spy)
    return printed


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_every_cell_is_printed_at_every_width(
    run: Run, tables: list[Table], command: str, width: int
) -> None:
    narrow = run(command, width).split()
    rows = [row for made in tables for row in made.rows]
    assert rows
    expected = Counter(word for row in rows for cell in row for word in cell.plain.split())
    assert expected - Counter(narrow) == Counter()
    for made in tables:
        for at, column in enumerate(made.columns):
            cells = [row[at].plain.split() for row in made.rows if row[at].plain]
            if cells and at >= made.titles:  # Titles need no heading.
                heading = set(column.heading.replace("\n", " ").split())
                assert heading <= {word.rstrip(":,") for word in narrow}
            if column.whole:
                assert all(" ".join(words) in " ".join(narrow) for words in cells)


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_no_line_of_a_table_is_wider_than_the_terminal(
    run: Run, tables: list[Table], command: str
) -> None:
    run(command, None)
    wide = [
        line.plain
        for made in tables
        for width in WIDTHS
        for line in made.lines(width)
        if line.cell_len > width and " " in line.plain.strip()
    ]
    assert wide == []


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_pipe_has_one_line_per_row_and_per_sentence(
    run: Run, tables: list[Table], command: str
) -> None:
    piped = run(command, None)
    (first, *_) = tables
    heading = max(column.heading.count("\n") for column in first.columns) + 1
    table = list(first.lines(10**6))
    assert len(table) == heading + 1 + len(first.rows)
    assert "\n".join(line.plain for line in table) in piped
    wide = run(command, 10**4)
    assert piped.splitlines() == wide.splitlines()


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_json_has_the_rows_of_the_csv(run: Run, command: str) -> None:
    written = list(csv.DictReader(io.StringIO(run(f"{command} --csv", None))))
    answer = json.loads(run(f"{command} --json", None))
    name = command.split()[0]
    keys = [file.key for file in results_reference.ANSWERS if file.path.split()[1] == name]
    (rows,) = [answer[key] for key in keys if key in answer]
    assert [{key: as_field(value) for key, value in row.items()} for row in rows] == written


def as_field(value: object) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


@pytest.mark.parametrize(
    ("command", "rows", "values"),
    [
        ("models", 44, {"model": "alexnet", "name": "AlexNet", "top1": "56.64"}),
        ("devices", 3, {"device": "cpu", "networks": "44", "batch_sizes": "1+8"}),
        ("show vgg19", 16, {"model": "vgg19", "device": "cpu", "batch_size": "1"}),
    ],
)
def test_csv_has_a_row_for_each_row_of_the_table(
    run: Run, tables: list[Table], command: str, rows: int, values: dict[str, str]
) -> None:
    run(command, None)
    (table,) = tables
    first, *others = csv.DictReader(io.StringIO(run(f"{command} --csv", None)))
    assert 1 + len(others) == len(table.rows) >= rows
    assert first | values == first


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_only_one_form_can_be_chosen(folder: Path, command: str) -> None:
    done = CliRunner().invoke(app._app, [*command.split(), "--json", "--csv"])
    assert (done.exit_code, done.stdout) == (2, "")
    assert "--json and --csv: choose one" in done.stderr


def test_every_command_with_a_table_has_both_forms_and_is_documented() -> None:
    names = {file.stem for file in Path(commands.__path__[0]).glob("[a-z]*.py")}
    with_tables = {name for name in names if "--json" in help_of(name)}
    assert names - with_tables == {"device_file", "export", "merge", "unlock"}
    page = (studies.ROOT / "docs/reference/results.md").read_text(encoding="utf-8")
    for name in with_tables:
        assert "--csv" in help_of(name)
        assert re.search(rf"`dnnbench {name}( [A-Z]+)* --csv`", page)


def help_of(module: str) -> str:
    return CliRunner().invoke(app._app, [module.replace("_", "-"), "--help"]).stdout


def test_a_terminal_of_60_columns_gets_60_columns(folder: Path) -> None:
    """Use a real pseudo-terminal, without COLUMNS."""
    terminal, end = pty.openpty()
    fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
    program = "import sys; from dnnbench.cli.app import app; app()"
    words = [sys.executable, "-c", program, *COMMANDS["compare networks"].split()]
    environ = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    with subprocess.Popen(words, stdout=end, cwd=folder, env=environ) as process:
        os.close(end)
        said = b""
        while True:
            try:
                part = os.read(terminal, 4096)
            except OSError:  # The process has ended.
                break
            said += part
    os.close(terminal)
    assert process.returncode == 0
    lines = said.decode().splitlines()
    assert "  A vs. B: +0.06 (+0.05 to +0.07)" in lines
    assert max(map(len, lines)) <= 70  # Styles take up to ten characters.
