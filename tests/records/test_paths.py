"""Paths of a study's files are defined in one module."""

import io
import re
import tokenize
from pathlib import Path, PurePath

import pytest
from helpers.paths import ROOT

from dnnbench.records import paths

PATTERNS = {
    name: str(value)
    for name, value in vars(paths).items()
    if name.isupper() and isinstance(value, str | Path)
}
FOLDERS = ("results", "reports", "resources")
NAMES = {name for text in PATTERNS.values() if "." in (name := PurePath(text).name)}
CODE = sorted(
    file
    for pattern in ("src/**/*.py", "workflow/**/*.py", "workflow/**/*.smk", "benchmarks/*.py")
    for file in ROOT.glob(pattern)
    if file != Path(paths.__file__)
)
STRINGS = {tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}


def spelled(text):
    """Return strings in a source file that are a path of a study's file, or a part of one."""
    found = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        string = token.string.lstrip("rfbRFB").strip("\"'")
        if token.type not in STRINGS or re.search(r"\s", string):
            continue  # Sentences may name a file.
        parts = PurePath(string).parts
        if not parts or parts[0] == "logs":
            continue
        folder = parts[0] in FOLDERS and (len(parts) > 1 or f"Path({token.string}" in token.line)
        if folder or parts[-1] in NAMES or parts[-1].startswith("round-"):
            found.append(string)
    return found


def test_a_stray_path_is_found():
    assert spelled('x = f"results/{device}/environment.json"') == [
        "results/{device}/environment.json"
    ]
    assert spelled('x = folder / "study.csv"') == ["study.csv"]
    assert spelled('x = Path("results")') == ["results"]
    assert spelled('x = name.removeprefix("round-")') == ["round-"]
    assert spelled('"""results/study.csv: a table."""') == []
    assert spelled('x = options["results"]') == []


def test_no_other_file_contains_such_a_path():
    assert len(CODE) > 100
    found = {
        file: spelled(file.read_text(encoding="utf-8")) for file in [*CODE, ROOT / "Snakefile"]
    }
    assert {file.name: strings for file, strings in found.items() if strings} == {}


def test_names_in_results_other_than_devices_are_listed():
    inside = {PurePath(text).parts[1:2] for text in PATTERNS.values() if text.startswith("results")}
    assert {part for (part,) in inside - {()} if "{" not in part} == paths.NO_DEVICES


def test_a_pattern_can_be_applied_to_another_folder():
    place = {"device": "cpu", "variant": "fp32-eager", "round": 3}
    tail = "fp32-eager/latency/round-3.jsonl"
    assert paths.under(Path("/run"), paths.ROUND, **place) == Path("/run/cpu", tail)
    assert paths.in_device(Path("/far/xeon"), paths.ROUND, **place) == Path("/far/xeon", tail)
    assert paths.in_folder(Path("/here"), paths.ROUND, **place) == Path("/here/round-3.jsonl")


def test_braces_in_a_folder_are_not_wildcards():
    assert paths.under(Path("{a}"), paths.STUDY) == Path("{a}/study.csv")


def test_rounds_are_listed_by_name_without_other_files(tmp_path):
    folder = tmp_path / "cpu/fp32-eager/latency"
    folder.mkdir(parents=True)
    for name in ("round-2.jsonl", "round-1.jsonl", ".round-3.jsonl.journal", "notes.txt"):
        (folder / name).touch()
    found = paths.rounds(tmp_path, "cpu", "fp32-eager")
    assert [paths.round_number(path) for path in found] == [1, 2]
    assert paths.rounds(tmp_path, "cpu", "bf16-eager") == []


def test_a_file_that_is_not_a_round_has_no_number():
    with pytest.raises(ValueError, match=r"pilot\.jsonl: not the name of a round"):
        paths.round_number(Path("pilot.jsonl"))
