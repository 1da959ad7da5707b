"""Reading records from unusual files: each fails at once with one line."""

import os
from pathlib import Path

import pytest
from helpers import toys

from dnnbench.core import checksums
from dnnbench.core.errors import UserError
from dnnbench.core.storage import read_json, read_lines, read_rows
from dnnbench.measure.journal import Journal
from dnnbench.networks.libraries import mine
from dnnbench.networks.weights import fetch
from dnnbench.records.complexity_records import Complexity
from dnnbench.records.environment_records import Environment
from dnnbench.records.latency_records import LatencyLine
from dnnbench.records.weights_records import WeightsRecord
from dnnbench.stages import study_settings

READERS = {
    "environment.json": lambda file: read_json(file, Environment),
    "round-1.jsonl": lambda file: read_lines(file, LatencyLine),
    ".round-1.jsonl.journal": lambda file: Journal(file.with_name("round-1.jsonl")).unfinished(),
    "complexity.csv": lambda file: read_rows(file, Complexity),
    "settings.json": study_settings.read,
    "net.py": lambda file: mine.find(f"{file}:net", "params.yaml: models"),
    "net.pth": lambda file: checksums.check(file, "sha256", "0" * 64, str(file)),
    "net.zip": lambda file: checksums.check(file, "sha256", "0" * 64, str(file), True),
    "net.safetensors": lambda file: fetch.load(
        toys.entry("small"),
        WeightsRecord(model="small", status="ok", path=str(file), sha256="0" * 64),
    ),
}


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("kind", ["pipe", "zero", "folder"])
def test_a_file_that_is_not_regular_is_reported_in_one_line(tmp_path, name, kind):
    file = tmp_path / name
    if kind == "pipe":
        os.mkfifo(file)
    elif kind == "zero":
        file.symlink_to("/dev/zero")
    else:
        file.mkdir()
    with pytest.raises(UserError, match=r"a named pipe|a device|a folder|no such file") as caught:
        READERS[name](file)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_huge_network_file_is_not_read(tmp_path):
    file = tmp_path / "net.py"
    file.touch()
    os.truncate(file, 2**40)
    with pytest.raises(UserError, match=r"net\.py: 1099511627776 bytes, but at most"):
        mine.find(f"{file}:net", "params.yaml: models")


@pytest.mark.parametrize(
    "text", ["(" * 9000 + ")" * 9000, "x = " + "-" * 99999 + "1", "\0", "DNNBENCH = " + "[" * 9000]
)
def test_a_file_that_breaks_the_parser_is_reported_in_one_line(tmp_path, text):
    file = Path(tmp_path, "net.py")
    file.write_text(text)
    with pytest.raises(UserError, match=r"net\.py(:\d+)?: not valid Python: ") as caught:
        mine.find(f"{file}:net", "params.yaml: models")
    assert "\n" not in str(caught.value)
