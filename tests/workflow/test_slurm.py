"""A small study through a real Slurm, which is started for it; see slurm.py beside this file."""

import os
import subprocess
from pathlib import Path

import pytest
import yaml
from helpers import slurm
from helpers.projects import LATENCY, command, edit, memory, project

from dnnbench.core.storage import read_lines, read_rows
from dnnbench.records.latency_records import LatencyLine
from dnnbench.records.study_records import StudyRow

pytestmark = [
    pytest.mark.slow,
    pytest.mark.alone,
    pytest.mark.skipif(slurm.missing() is not None, reason=f"no Slurm: {slurm.missing()}"),
]
FILE = "slurm"


@pytest.fixture(scope="module")
def cluster():
    try:
        slurm.start()
    except (RuntimeError, OSError, subprocess.CalledProcessError) as error:
        # A container may forbid what the daemons need; that says nothing of this project.
        slurm.stop()
        pytest.skip(f"Slurm does not start here: {error}")
    yield
    slurm.stop()


@pytest.fixture(scope="module")
def study(cluster, tmp_path_factory):
    """A study of one network and one round, with a profile for a node as small as this one."""
    folder = project(tmp_path_factory.mktemp("study"))
    edit(folder / "params.yaml", {"models": ["squeezenet1_1"], "latency": {"rounds": 1}})
    profile = yaml.safe_load((folder / FILE).read_text())
    small = {"mem_mb": 1500, "slurm_partition": f"'{slurm.PARTITION}'"}
    profile["default-resources"] |= small
    for own in profile["set-resources"].values():
        own.update({key: value for key, value in small.items() if key in own})
    profile["slurm-init-seconds-before-status-checks"] = 1
    (folder / FILE).write_text(yaml.safe_dump(profile))
    return folder


def run(folder):
    return command(folder, "snakemake", "--profile", "cpu", "--profile", "slurm", "--", "aggregate")


def jobs():
    """Slurm's own list: for each job that it ever had, rule -> (state, threads, shares a node)."""
    listed = subprocess.run(
        ["squeue", "--states=all", "--noheader", "--format=%k|%T|%C|%h"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    found = {}
    for line in listed:
        comment, state, threads, shares = line.split("|")
        rule = comment.removeprefix("rule_").partition("_wildcards_")[0]
        assert rule not in found
        found[rule] = state, int(threads), shares
    return found


def test_threads_that_only_this_machine_would_choose_are_refused(study):
    done = run(study)
    assert done.returncode == 1
    (line,) = [text for text in done.stdout.splitlines() if "threads: null" in text]
    assert line.strip().startswith("config/devices/cpu.yaml: threads: null: ")
    assert jobs() == {}


def test_a_study_goes_through_slurm_once(study):
    edit(study / "config/devices/cpu.yaml", {"threads": 1})
    first = run(study)
    assert first.returncode == 0, first.stdout
    submitted = jobs()
    measuring = {"profile_memory", "time_round"}
    assert submitted.keys() == measuring | {"complexity", "compare_networks", "aggregate"}
    assert {state for state, _, _ in submitted.values()} == {"COMPLETED"}
    for rule, (_, threads, shares) in submitted.items():
        if rule in measuring:  # Exclusive: the whole node, whatever it asked for.
            assert (threads, shares) == (os.cpu_count(), "NO")
        else:
            assert (threads, shares) == (1, "OK")

    (cell,) = [
        row for row in read_rows(study / "results/study.csv", StudyRow) if row.device == "cpu"
    ]
    assert (cell.model, cell.status, cell.memory_status) == ("squeezenet1_1", "ok", "ok")
    (line,) = read_lines(study / LATENCY / "round-1.jsonl", LatencyLine)
    assert line.threads == 1
    assert memory(study)["squeezenet1_1"].threads == 1

    second = run(study)
    assert second.returncode == 0, second.stdout
    assert "Nothing to be done" in second.stdout
    assert jobs() == submitted
    assert read_lines(study / LATENCY / "round-1.jsonl", LatencyLine) == [line]


def test_another_cluster_is_left_alone(tmp_path, monkeypatch):
    other = tmp_path / "slurm.conf"
    other.write_text("ClusterName=precious\n")
    monkeypatch.setattr(slurm, "CONFIGURATION", other)
    with pytest.raises(RuntimeError, match="another cluster's"):
        slurm.start()
    assert other.read_text() == "ClusterName=precious\n"


def test_nothing_is_left_of_a_cluster_that_was_stopped(cluster):
    pids = [int(file.read_text()) for file in slurm.STATE.glob("*.pid")]
    assert len(pids) >= 2
    slurm.stop()
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]
    assert not slurm.CONFIGURATION.exists() and not slurm.STATE.exists()
