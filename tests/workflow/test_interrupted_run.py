"""A run that is killed while timing networks, one of which fails, and then resumed."""

import os
import shutil
import signal
import time
from collections import Counter
from itertools import product
from types import SimpleNamespace

import pytest
import yaml
from helpers import toys
from helpers.projects import (
    LATENCY,
    copy,
    edit,
    fork,
    jobs,
    lines,
    memory,
    snakemake,
    start_timing,
)

from dnnbench.records.latency_records import LatencyLine

# tests/measure/test_round.py kills a single round; this module kills a whole run.
pytestmark = pytest.mark.slow

NAMES = ("squeezenet1_1", "broken", "shufflenet")
SIZES = (1, 2, 3, 4)


@pytest.fixture(scope="module")
def killed(finished, tmp_path_factory):
    """Return a study that was killed during timing, and observations from before the kill."""
    folder = copy(finished, tmp_path_factory.mktemp("killed") / "study")
    shutil.copy(toys.__file__, folder / "src/toys.py")
    registry = folder / "config/models.yaml"
    entry = yaml.safe_load(registry.read_text())["squeezenet1_1"]
    entry |= {"builder": "toys:raising", "arguments": {}, "name": "Broken", "weights": []}
    registry.write_text(registry.read_text() + yaml.safe_dump({"broken": entry}))
    edit(folder / "params.yaml", {"models": list(NAMES)})
    edit(folder / "config/devices/cpu.yaml", {"batch_sizes": list(SIZES)})

    process = start_timing(folder)
    try:
        wait_for(lambda: list(folder.glob(".snakemake/locks/*")))
        refused = fork(folder, "dnnbench", "unlock")
        locked = list(folder.glob(".snakemake/locks/*"))
        wait_for(lambda: any(len(lines) >= 3 for lines in journals(folder)))
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    kept = {line.started: line for lines in journals(folder) for line in lines}
    return SimpleNamespace(
        folder=folder, process=process.pid, refused=refused, locked=locked, kept=kept
    )


def wait_for(happened):
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not happened():
        time.sleep(0.1)


def journals(folder):
    """Yield the complete records in each round's journal."""
    for path in (folder / LATENCY).glob(".round-*.jsonl.journal"):
        whole = path.read_text().rpartition("\n")[0].splitlines()
        yield [LatencyLine.model_validate_json(line) for line in whole]


@pytest.fixture(scope="module")
def resumed(killed):
    """Return the same study after another run."""
    assert fork(killed.folder, "dnnbench", "unlock")[0] == 0
    snakemake(killed.folder, "--", "memory", "latency")
    return killed.folder


def test_unlock_refuses_while_snakemake_runs(killed):
    code, output = killed.refused
    assert code == 1
    assert f"Snakemake is running here (process {killed.process})" in output
    assert killed.locked


def test_a_killed_run_resumes_and_measures_nothing_twice(killed, resumed):
    assert len(killed.kept) >= 3
    after = lines(resumed)
    processes = Counter(line_key[2:4] for line_key in after)
    assert processes.keys() == set(product(NAMES, SIZES))
    assert {line_key[2:4]: line.processes for line_key, line in after.items()} == processes
    times = {line.started for line in after.values()}
    repeated = {line.first_attempt.started for line in after.values() if line.first_attempt}
    # Failed cells are tried once more, and their records state this.
    once_more = {key for key, line in killed.kept.items() if line.status == "failed"}
    assert set(killed.kept) - once_more <= times | repeated
    retried = [line for line in after.values() if line.failed_before]
    assert {line.model for line in retried} <= {"broken"} and len(retried) == len(once_more)
    assert list(journals(resumed)) == []
    # The next run retries what failed in the second; the one after that has nothing to do.
    assert jobs(resumed, "--", "latency").keys() == {"time_round", "latency"}
    snakemake(resumed, "--", "latency")
    assert jobs(resumed, "--", "latency") == {}


def test_a_failing_network_does_not_stop_the_study(resumed):
    for line in lines(resumed).values():
        assert (line.status == "ok") == (line.model != "broken")
    for name, record in memory(resumed).items():
        assert {cell.status == "ok" for cell in record.cells} == {name != "broken"}
