"""Runs that are killed, lack permissions, or read damaged files: no result is lost or partial."""

import csv
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from itertools import product
from pathlib import Path

import psutil
import pytest
import yaml
from helpers import studies, toys
from helpers.projects import LATENCY, MEMORY, ROOT, command, edit, environment, project, snakemake

from dnnbench.core.storage import (
    RecordError,
    WriteError,
    read_json,
    read_lines,
    read_rows,
    write_bytes,
)
from dnnbench.measure.journal import Journal
from dnnbench.records.comparison_records import AccuracyRow, ComparisonRow, VariantAccuracyRow
from dnnbench.records.complexity_records import Complexity
from dnnbench.records.environment_records import Environment
from dnnbench.records.latency_records import LatencyLine
from dnnbench.records.memory_records import MemoryRecord
from dnnbench.records.set_aside_records import SetAside
from dnnbench.records.study_records import Metrics, ModelRow, SelectionRow, StudyRow, VariantRow

TABLES = {
    "accuracy/set_aside.csv": SetAside,
    "accuracy/summary.csv": AccuracyRow,
    "accuracy/variants.csv": VariantAccuracyRow,
    "comparisons.csv": ComparisonRow,
    "complexity.csv": Complexity,
    "models.csv": ModelRow,
    "selection.csv": SelectionRow,
    "set_aside.csv": SetAside,
    "study.csv": StudyRow,
    "variants.csv": VariantRow,
}
TOYS = ("small", "slow")
NAMES = ("small",)  # Entries of toys.yaml.
# Columns of study.csv that depend on timing. Memory is compared with a tolerance.
TIMINGS = {
    "session", "latency_ms", "latency_ms_low", "latency_ms_high", "latency_df",
    "latency_within_se", "latency_within_df",
    "latency_quiet_ms", "latency_p95_ms", "batch_ms", "fps", "stability", "stability_reason",
    "page_faults", "system_ms", "processes",
}  # fmt: skip
# An interval may be too wide to show that a network fits, which also decides its rank.
VERDICTS = {"fits", "rank"}
READINGS = {"memory_mib", "memory_net_mib", "memory_runtime_mib"}


@pytest.fixture
def study(tmp_path):
    """Return a project with fast networks, and budgets that all of them meet."""
    folder = tmp_path / "study"
    folder.mkdir()
    project(folder)
    shutil.copy(toys.__file__, folder / "src/toys.py")
    registry = folder / "config/models.yaml"
    entry = yaml.safe_load(registry.read_text())["squeezenet1_1"]
    added = {}
    for name in TOYS:
        own = {"builder": f"toys:{name}", "arguments": {}, "name": name.title(), "weights": []}
        added[name] = entry | own | {"input_size": 32}
    registry.write_text(registry.read_text() + yaml.safe_dump(added))
    edit(folder / "params.yaml", {"models": list(TOYS)})
    edit(folder / "params.yaml", {"budgets": {"max_memory_gib": [100.0], "min_fps": [0.001]}})
    edit(folder / "config/devices/cpu.yaml", {"batch_sizes": [1, 2]})
    return folder


# Kills ---------------------------------------------------------------------------------------


def start(folder):
    return subprocess.Popen(
        ["snakemake", "--profile", "cpu", "--", "aggregate"],
        cwd=folder,
        env=environment(folder),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def victims(run, kind):
    """Return processes of a run: snakemake, its stage scripts, or their measuring children."""
    if kind == "snakemake":
        return [run]
    found = []
    for process in run.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            child = script(process.parent()) is not None
            measures = script(process) in ("memory.py", "latency.py")
            if script(process) and (child and measures if kind == "child" else not child):
                found.append(process)
    return found


def script(process):
    """Return the stage script that a process runs, or None."""
    words = [word for word in process.cmdline()[:2] if word.startswith("workflow/scripts/")]
    return Path(words[0]).name if words else None


def check_whole(results):
    """Check that every result file can be read; hidden files are not results."""
    for path in results.rglob("*"):
        name = str(path.relative_to(results))
        if path.is_dir() or any(part.startswith(".") for part in path.parts):
            continue
        if name in TABLES:
            read_rows(path, TABLES[name])
        elif name == "metrics.json":
            read_json(path, Metrics)
        elif path.name == "environment.json":
            read_json(path, Environment)
        elif path.parent.name == "memory":
            read_json(path, MemoryRecord)
        else:
            assert path.parent.name == "latency", path
            read_lines(path, LatencyLine)


def finished(folder):
    """Return when each finished cell was timed and each finished network profiled."""
    found = set()
    for path in (folder / LATENCY).glob("*round-*.jsonl*"):
        with suppress(FileNotFoundError):  # An orphaned process may rename it meanwhile.
            whole = path.read_text().rpartition("\n")[0]
            for text in whole.splitlines():
                line = json.loads(text)
                found.add((path.name[:8].strip("."), line["started"]))
                if line["first_attempt"]:
                    found.add((path.name[:8].strip("."), line["first_attempt"]["started"]))
    return {started for _, started in found} | profiled(folder)


def profiled(folder):
    found = set()
    for path in [*(folder / MEMORY).glob("*.json"), *(folder / MEMORY).glob(".finished/*.json")]:
        with suppress(FileNotFoundError):
            found.add(json.loads(path.read_text())["started"])
    return found


def tables(folder):
    """Return the final tables without timings, and the readings of memory separately."""
    exact, readings = {}, {}
    for name in ("study.csv", "models.csv", "selection.csv", "complexity.csv", "comparisons.csv"):
        with (folder / "results" / name).open() as file:
            rows = list(csv.DictReader(file))
        if name == "selection.csv":
            rows.sort(key=lambda row: (row["device"], row["model"]))
        for number, row in enumerate(rows):
            for column, value in row.items():
                if name == "selection.csv" and column in VERDICTS:
                    continue
                if name == "study.csv" and row["source"] == "measured":
                    if column in TIMINGS:
                        continue
                    if column in READINGS:
                        readings[number, column] = float(value)
                        continue
                exact[name, number, column] = value
    return exact, readings


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.timeout(1800)
def test_twenty_kills_at_random_points_lose_nothing(study):
    undisturbed = study.with_name("undisturbed")
    shutil.copytree(study, undisturbed, symlinks=True)
    snakemake(undisturbed, "--", "aggregate")
    expected, readings = tables(undisturbed)

    chance = random.Random(20)
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
    kinds = list(product(("snakemake", "stage", "child"), signals)) * 3
    chance.shuffle(kinds)
    kills = kinds[:20]
    assert set(kills) == set(kinds)
    seen, losses = set(), 0
    while kills:
        process = start(study)
        not_before = time.monotonic() + chance.uniform(1, 7)
        while process.poll() is None:
            kind, number = kills[-1]
            if time.monotonic() > not_before:
                with suppress(psutil.NoSuchProcess):
                    found = victims(psutil.Process(process.pid), kind)
                    if found:
                        chance.choice(found).send_signal(number)
                        kills.pop()
                        break
            time.sleep(0.05)
        # Snakemake's SIGTERM handler waits for a lock that its own thread may hold. The test then
        # kills it, as an init system would. If a stage is killed, the other stages finish.
        may_hang = (kind, number) == ("snakemake", signal.SIGTERM)
        try:
            done = process.wait(timeout=30 if may_hang else 300) == 0
        except subprocess.TimeoutExpired:
            assert may_hang
            process.kill()
            done = process.wait() == 0
        check_whole(study / "results")
        now = finished(study)
        # Snakemake may discard a round if a kill hits the 0.1 s between a stage's last write and
        # its exit (docs/reference/reruns.md). Two such hits in twenty kills are not coincidence.
        losses += not seen <= now
        assert losses <= 1, kind
        seen = now
        if done:
            compare(study, expected, readings)
            shutil.rmtree(study / "results")
            seen = set()
        if list(study.glob(".snakemake/locks/*")):
            assert command(study, "dnnbench", "unlock").returncode == 0
    snakemake(study, "--", "aggregate")
    assert seen <= finished(study)
    compare(study, expected, readings)


def compare(folder, expected, readings):
    exact, read = tables(folder)
    assert exact == expected
    assert read.keys() == readings.keys()
    for key, value in read.items():
        assert value == pytest.approx(readings[key], rel=0.05, abs=3), key


# Concurrent runs ------------------------------------------------------------------------------


def stage(script, *words, folder):
    """Start a stage script on the toys directly, in ``folder``."""
    (folder / "config/devices").mkdir(parents=True, exist_ok=True)
    for file in ("params.yaml", "config/devices/cpu.yaml"):
        shutil.copy(ROOT / file, folder / file)
    registry = folder / "toys.yaml"
    entries = {
        name: toys.entry(name).model_dump(mode="json", exclude={"key", "spec"}) for name in NAMES
    }
    registry.write_text(yaml.safe_dump(entries))
    return subprocess.Popen(
        [sys.executable, ROOT / f"workflow/scripts/{script}.py", *words, "--registry", registry],
        cwd=folder,
        env=environment(folder) | {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT / 'tests'}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def time_toys(folder, *words):
    return stage("latency", *NAMES, "--output", "out/round-1.jsonl", *words, folder=folder)


@pytest.mark.slow  # tests/core/test_lock.py tests the lock.
def test_a_second_concurrent_run_waits_and_names_the_first(tmp_path):
    first = time_toys(tmp_path, "--config", "batch_sizes=[1]")
    holder = tmp_path / ".state/dnnbench"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not list(holder.glob("*.holder")):
        time.sleep(0.02)
    first.send_signal(signal.SIGSTOP)  # Pause it until the second has started.
    second = stage("memory", *NAMES, "--output-dir", "out/memory", folder=tmp_path)
    said = second.stderr.readline()
    first.send_signal(signal.SIGCONT)
    second.communicate(timeout=120)
    first.communicate(timeout=120)
    assert (first.returncode, second.returncode) == (0, 0)
    assert f"waiting for cpu: held by process {first.pid} since" in said
    assert str(tmp_path) in said
    (line,) = read_lines(tmp_path / "out/round-1.jsonl", LatencyLine)
    record = read_json(tmp_path / "out/memory/small.json", MemoryRecord)
    assert record.started > line.started


# Write errors ---------------------------------------------------------------------------------


@contextmanager
def mounted(folder, *options):
    """Mount a file system in memory at ``folder``; its options can be changed."""
    folder.mkdir(parents=True)
    words = ["mount", "-t", "tmpfs", *options, "tmpfs", str(folder)]
    if os.getuid() or subprocess.run(words, capture_output=True, check=False).returncode:
        pytest.skip("mounting the small file system requires root")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def remount(folder, options):
    subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True)


@pytest.mark.slow
def test_a_full_disk_is_reported_and_finished_cells_are_kept(tmp_path):
    sizes = f"batch_sizes={list(range(1, 11))}"
    with mounted(tmp_path / "out", "-o", "size=4k"):
        run = time_toys(tmp_path, "--config", sizes)
        error = run.communicate(timeout=120)[1].splitlines()[-1]
        assert run.returncode == 1
        assert error.startswith(
            "latency.py: out/.round-1.jsonl.journal: cannot be written: No space"
        )
        assert not (tmp_path / "out/round-1.jsonl").exists()
        kept = (tmp_path / "out/.round-1.jsonl.journal").read_text().splitlines()[:-1]
        assert kept
        remount(tmp_path / "out", "size=1m")
        run = time_toys(tmp_path, "--config", sizes)
        run.communicate(timeout=120)
        lines = read_lines(tmp_path / "out/round-1.jsonl", LatencyLine)
    assert len(lines) == 10
    attempts = [*lines, *(line.first_attempt for line in lines if line.first_attempt)]
    times = {attempt.started for attempt in attempts}
    assert {LatencyLine.model_validate_json(line).started for line in kept} <= times


@pytest.mark.slow
def test_a_file_that_does_not_fit_is_not_partially_written(tmp_path):
    with mounted(tmp_path / "out", "-o", "size=8k"):
        file = tmp_path / "out/table.csv"
        write_bytes(file, b"old")
        with pytest.raises(
            WriteError, match=r"table\.csv: cannot be written: No space left.*\. Fix"
        ):
            write_bytes(file, bytes(100_000))
        assert file.read_bytes() == b"old"
        assert [path.name for path in file.parent.iterdir()] == ["table.csv"]


@pytest.mark.slow
def test_a_read_only_folder_is_reported(tmp_path):
    with mounted(tmp_path / "out", "-o", "ro"):
        run = stage("memory", *NAMES, "--output-dir", "out", folder=tmp_path)
        error = run.communicate(timeout=120)[1].splitlines()[-1]
    assert run.returncode == 1
    reason = "cannot be written: Read-only file system. Fix this and rerun the command"
    assert error.startswith(f"memory.py: out/.finished/small.json: {reason}")


# Damaged files --------------------------------------------------------------------------------


def replaced(old, new):
    return lambda text: text.replace(old, new, 1)


DAMAGES = {
    "nonsense": (replaced('"status":', '"status": "splendid", "was":'), "status: 'splendid'"),
    "a word for a number": (
        replaced('"batch_size":', '"batch_size": "many", "was":'),
        "batch_size",
    ),
    "no longer JSON": (lambda text: "The cells are below.\n" + text, "invalid JSON"),
    "cut short": (lambda text: text[: len(text) // 2], "invalid JSON"),
    "empty": (lambda text: "\n", "invalid JSON"),
    "an older schema": (replaced('"schema_version":1', '"schema_version":0'), "schema_version: 0"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_the_error_for_a_damaged_record_names_file_key_and_remedy(tmp_path, damage):
    change, said = DAMAGES[damage]
    (line, *_) = studies.timed("net", [10.0])
    cell = {"batch_size": 1, "status": "ok"}
    record = MemoryRecord(
        **line.model_dump(include={"device", "variant", "model", "fingerprint", "threads"}),
        cell_timeout_s=1.0,
        started=line.started,
        cells=[cell],
    )
    for file, whole, read in (
        ("round-1.jsonl", line, read_lines),
        ("net.json", record, read_json),
    ):
        path = tmp_path / file
        path.write_text(change(whole.model_dump_json()))
        with pytest.raises(RecordError) as error:
            read(path, type(whole))
        message = str(error.value)
        assert message.startswith(str(path))
        assert said.lower() in message.lower()
        assert "Remove" in message and "\n" not in message


@pytest.mark.parametrize("content", [b"\xff\xfe\x00m", b"model\x00", b"", b"once upon a time\n"])
def test_a_file_that_is_not_a_table_is_reported(tmp_path, content):
    path = tmp_path / "study.csv"
    path.write_bytes(content)
    with pytest.raises(RecordError, match=r"study\.csv: .*\. Remove the file to create it again\."):
        read_rows(path, StudyRow)


def test_a_journal_that_is_not_text_is_reported(tmp_path):
    (tmp_path / ".round-1.jsonl.journal").write_bytes(b"\xff\x00\nhalf")
    with pytest.raises(RecordError, match=r"journal:1: .*Remove the line"):
        Journal(tmp_path / "round-1.jsonl").unfinished()
