"""A small study on a real Slurm cluster, which is started for it; see tests/helpers/slurm.py."""

import os
import subprocess

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
        # A container may forbid what the daemons need, which is no fault of this project.
        slurm.stop()
        pytest.skip(f"Slurm cannot be started here: {error}")
    yield
    slurm.stop()


@pytest.fixture(scope="module")
def study(cluster, tmp_path_factory):
    """Return a study of one network and one round, with a profile for a small node."""
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
    """Return Slurm's list of all jobs: rule -> (state, threads, whether it shares a node)."""
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


def test_a_default_number_of_threads_is_refused(study):
    done = run(study)
    assert done.returncode == 1
    (line,) = [text for text in done.stdout.splitlines() if "threads: null" in text]
    assert line.strip().startswith("config/devices/cpu.yaml: threads: null: ")
    assert jobs() == {}


def test_each_job_of_a_study_is_submitted_once(study):
    edit(study / "config/devices/cpu.yaml", {"threads": 1})
    first = run(study)
    assert first.returncode == 0, first.stdout
    submitted = jobs()
    measuring = {"profile_memory", "time_round"}
    assert submitted.keys() == measuring | {"complexity", "compare_networks", "aggregate"}
    assert {state for state, _, _ in submitted.values()} == {"COMPLETED"}
    for rule, (_, threads, shares) in submitted.items():
        if rule in measuring:  # Exclusive jobs get the whole node.
            assert (threads, shares) == (os.cpu_count(), "NO")
        else:
            assert (threads, shares) == (1, "OK")

    (cell,) = [
        row for row in read_rows(study / "results/study.csv", StudyRow) if row.device == "cpu"
    ]
    assert (cell.model, cell.status, cell.memory_status) == ("squeezenet1_1", "ok", "ok")
    lines = read_lines(study / LATENCY / "round-1.jsonl", LatencyLine)
    assert {line.threads for line in lines} == {1}
    assert memory(study)["squeezenet1_1"].threads == 1

    second = run(study)
    assert second.returncode == 0, second.stdout
    assert "Nothing to be done" in second.stdout
    assert jobs() == submitted
    assert read_lines(study / LATENCY / "round-1.jsonl", LatencyLine) == lines


def test_the_configuration_of_another_cluster_is_not_changed(tmp_path, monkeypatch):
    other = tmp_path / "slurm.conf"
    other.write_text("ClusterName=precious\n")
    monkeypatch.setattr(slurm, "CONFIGURATION", other)
    with pytest.raises(RuntimeError, match="belongs to another cluster"):
        slurm.start()
    assert other.read_text() == "ClusterName=precious\n"


def test_stopping_the_cluster_leaves_no_processes_or_files(cluster):
    pids = [int(file.read_text()) for file in slurm.STATE.glob("*.pid")]
    assert len(pids) >= 2
    slurm.stop()
    assert not [pid for pid in pids if slurm.is_running(pid)]
    assert not slurm.CONFIGURATION.exists() and not slurm.STATE.exists()
