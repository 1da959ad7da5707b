"""Runs that are stopped, refused or given nonsense: no result is half written, none is lost."""

import csv
import json
import random
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from itertools import product

import psutil
import pytest
import toys
import yaml
from test_workflow import LATENCY, MEMORY, command, edit, environment, project, snakemake

from dnnbench.records import (
    AccuracyRow,
    ComparisonRow,
    Complexity,
    Environment,
    LatencyLine,
    MemoryRecord,
    Metrics,
    ModelRow,
    SelectionRow,
    StudyRow,
    read_json,
    read_lines,
    read_rows,
)

TABLES = {
    "accuracy/summary.csv": AccuracyRow,
    "comparisons.csv": ComparisonRow,
    "complexity.csv": Complexity,
    "models.csv": ModelRow,
    "selection.csv": SelectionRow,
    "study.csv": StudyRow,
}
TOYS = ("small", "plain")
# Of study.csv: what follows from times. Memory is compared within what readings differ by.
TIMINGS = {
    "session", "latency_ms", "latency_ms_low", "latency_ms_high", "latency_quiet_ms",
    "latency_p95_ms", "batch_ms", "fps", "stable", "unstable_reason",
}  # fmt: skip
READINGS = {"memory_mib", "memory_net_mib", "memory_runtime_mib"}


@pytest.fixture
def study(tmp_path):
    """A project whose networks take a moment, under budgets that every one keeps to."""
    folder = tmp_path / "study"
    folder.mkdir()
    project(folder)
    shutil.copy(toys.__file__, folder / "src/toys.py")
    registry = folder / "config/models.yaml"
    entry = yaml.safe_load(registry.read_text())["squeezenet1_1"]
    added = {}
    for name, size in zip(TOYS, (32, 64), strict=True):
        own = {"builder": "toys:small", "arguments": {}, "name": name.title(), "weights": []}
        added[name] = entry | own | {"input_size": size}
    registry.write_text(registry.read_text() + yaml.safe_dump(added))
    edit(folder / "params.yaml", {"models": list(TOYS)})
    edit(folder / "params.yaml", {"budgets": {"max_memory_gib": [100.0], "min_fps": [1e-9]}})
    edit(folder / "config/devices/cpu.yaml", {"batch_sizes": [1, 2, 3]})
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
    """Processes of a run: snakemake itself, its stage scripts, or the children that measure."""
    if kind == "snakemake":
        return [run]
    found = []
    with suppress(psutil.Error):
        for process in run.children(recursive=True):
            with suppress(psutil.Error):
                if any("workflow/scripts/" in word for word in process.cmdline()[:2]):
                    forked = "workflow/scripts/" in " ".join(process.parent().cmdline()[:2])
                    if forked == (kind == "child"):
                        found.append(process)
    return found


def check_whole(results):
    """Every result file can be read; a hidden one is no result."""
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
    """When each finished cell was timed and each finished network profiled."""
    found = set()
    for path in (folder / LATENCY).glob("*round-*.jsonl*"):
        with suppress(FileNotFoundError):  # An orphan may put it in its place meanwhile.
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
    """The final tables, and what may differ: times left out, readings of memory apart."""
    exact, readings = {}, {}
    for name in ("study.csv", "models.csv", "selection.csv", "complexity.csv", "comparisons.csv"):
        with (folder / "results" / name).open() as file:
            rows = list(csv.DictReader(file))
        for number, row in enumerate(rows):
            for column, value in row.items():
                if name == "study.csv" and row["source"] == "measured":
                    if column in TIMINGS:
                        continue
                    if column in READINGS:
                        readings[number, column] = float(value)
                        continue
                exact[name, number, column] = value
    return exact, readings


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_twenty_kills_at_random_points(study):
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
    seen = set()
    while kills:
        process = start(study)
        not_before = time.monotonic() + chance.uniform(1, 8)
        while process.poll() is None:
            kind, number = kills[-1]
            with suppress(psutil.NoSuchProcess):
                found = victims(psutil.Process(process.pid), kind)
                if found and time.monotonic() > not_before:
                    chance.choice(found).send_signal(number)
                    kills.pop()
                    break
            time.sleep(0.01)
        done = process.wait(timeout=120) == 0
        check_whole(study / "results")
        now = finished(study)
        assert seen <= now, kind
        seen = now
        if done:
            compare(study, expected, readings)
            shutil.rmtree(study / "results")
            seen = set()
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
