"""Documentation: outputs and numbers shown are those of the example study."""

import csv
import re
from pathlib import Path

import pytest
from helpers.paths import ROOT
from typer.testing import CliRunner

from dnnbench.cli import app

EXAMPLE = ROOT / "docs/example"
PIECES = ROOT / "docs/explanation/how-the-pieces-fit.md"
PICK = "pick --max-memory 1.0 --min-fps 30"
# Lines of code blocks that are not output: commands, comments and omissions.
NOT_OUTPUT = re.compile(r"dnnbench .*|# .*|\.\.\.|")


def section(file: Path, start: str) -> str:
    """Return the section with the heading ``start``."""
    return file.read_text(encoding="utf-8").partition(f"\n## {start}\n")[2].partition("\n## ")[0]


def shown(text: str) -> list[str]:
    """Return the lines of output in the indented code blocks of a text."""
    lines = [line[4:] for line in text.splitlines() if line.startswith("    ")]
    return [line for line in lines if not NOT_OUTPUT.fullmatch(line)]


@pytest.mark.parametrize(
    ("command", "file", "heading"),
    [
        ("summary", "README.md", "Read the result"),
        ("summary", "docs/tutorial/choose-a-network.md", "4. Read the summary"),
        (PICK, "README.md", "Ask your own question"),
        (PICK, "docs/tutorial/choose-a-network.md", "5. Ask for your limits"),
    ],
)
def test_the_output_of_a_command_is_that_of_the_example(
    command: str, file: str, heading: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    text = section(ROOT / file, heading)
    if command == PICK:
        assert f"dnnbench {command}" in text
    done = CliRunner().invoke(app._app, [*command.split(), "--results", str(EXAMPLE)])
    assert done.exit_code == 0, done.output
    output = [line.rstrip() for line in done.stdout.splitlines()]
    lines = shown(text)
    assert len(lines) > 5
    assert [line for line in lines if line not in output] == []


def test_the_traced_latency_is_that_of_the_example() -> None:
    with (EXAMPLE / "study.csv").open(newline="", encoding="utf-8") as file:
        cell = next(
            row
            for row in csv.DictReader(file)
            if (row["device"], row["model"], row["batch_size"]) == ("cpu", "resnet18", "1")
        )
    text = PIECES.read_text(encoding="utf-8")
    latency, low, high, fps, memory = (
        float(cell[key])
        for key in ("latency_ms", "latency_ms_low", "latency_ms_high", "fps", "memory_mib")
    )
    for row in (
        f"| `latency_ms` | {latency:.2f} |",
        f"| `latency_ms_low`, `latency_ms_high` | {low:.2f}, {high:.2f} |",
        f"| `fps` | {fps:.1f} |",
        f"| `processes` | {cell['processes']} |",
        f"| `stability` | {cell['stability']} |",
        f"| `memory_mib`, `memory_basis` | {memory:.1f}, {cell['memory_basis']} |",
        f"| `top1`, `accuracy_source` | {cell['top1']}, `{cell['accuracy_source']}` |",
        f'"session": "{cell["session"]}"',
    ):
        assert row in text
    medians = re.search(r"median of each process \(([^)]*) ms\)", text)
    assert medians
    values = [float(value) for value in re.findall(r"[\d.]+", medians[1])]
    assert len(values) == int(cell["processes"])
    # The estimate also uses the other cells of the session.
    assert min(values) < latency < max(values)
