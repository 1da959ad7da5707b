"""The study as a DVC pipeline: examples/two-networks, run with the real DVC and Git."""

import json
import os
import shutil
import subprocess

import pytest
import vl_convert
import yaml
from helpers.projects import ROOT, edit, environment, jobs, lines, memory, project

from dnnbench.core.storage import read_json, read_rows
from dnnbench.records.study_records import DeviceMetrics, Metrics, SelectionRow, StudyRow

EXAMPLE = ROOT / "examples/two-networks"
pytestmark = pytest.mark.timeout(1800)
DEVICE = "config/devices/cpu.yaml"


def command(folder, *words):
    """Run a command, which must succeed, with a Git author; return its standard output."""
    author = {"GIT_CONFIG_GLOBAL": os.devnull}
    for role in ("AUTHOR", "COMMITTER"):
        author |= {f"GIT_{role}_NAME": "A tester", f"GIT_{role}_EMAIL": "tester@example.org"}
    done = subprocess.run(
        words, cwd=folder, env=environment(folder) | author, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def ran(output):
    """Return the stages that a repro ran, in order."""
    words = (line.split("'") for line in output.splitlines() if line.startswith("Running stage"))
    return [name for _, name, _ in words]


def started(folder):
    """Return when each cell was timed and each network's memory profiled."""
    timed = {cell: line.started for cell, line in lines(folder).items()}
    return timed, {name: record.started for name, record in memory(folder).items()}


def shown_metrics(data):
    """Return metrics as DVC shows them; it leaves out those that are null."""
    for of_device in data["devices"].values():
        for name in DeviceMetrics.model_fields:
            of_device.setdefault(name, None)
    return Metrics.model_validate(data)


def commit(folder):
    command(folder, "git", "add", "--all")
    command(folder, "git", "commit", "--quiet", "--message", "study")


@pytest.fixture(scope="module")
def repeated(tmp_path_factory):
    """Return a clone of the project with the example, with fewer rounds, after `dvc repro`."""
    folder = project(tmp_path_factory.mktemp("study"))
    shutil.copytree(ROOT / ".dvc", folder / ".dvc", ignore=shutil.ignore_patterns("tmp", "cache"))
    for file in (".dvcignore", ".gitignore"):
        shutil.copy(ROOT / file, folder / file)
    shutil.copytree(EXAMPLE, folder, dirs_exist_ok=True)
    edit(folder / "params.yaml", {"latency": {"rounds": 2}})
    command(folder, "git", "init", "--quiet")
    commit(folder)
    command(folder, "dvc", "repro")
    commit(folder)
    return folder


@pytest.fixture
def study(repeated, tmp_path):
    folder = tmp_path / "study"
    shutil.copytree(repeated, folder, symlinks=True)
    return folder


def test_the_examples_lock_matches_its_parameters_and_dvc_yaml():
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text().replace("${profile}", "cpu"))["stages"]
    locked = yaml.safe_load((EXAMPLE / "dvc.lock").read_text())["stages"]
    params = yaml.safe_load((EXAMPLE / "params.yaml").read_text())
    assert locked.keys() == stages.keys()
    for name, stage in locked.items():
        written = [*stages[name].get("outs", ()), *stages[name].get("metrics", ())]
        assert [out["path"] for out in stage.get("outs", ())] == sorted(
            path for entry in written for path in entry
        )
        for key, value in stage["params"].get("params.yaml", {}).items():
            assert value == params[key]


@pytest.mark.slow
def test_the_example_is_reproducible(repeated):
    written = yaml.safe_load((EXAMPLE / "dvc.lock").read_text())["stages"]
    locked = yaml.safe_load((repeated / "dvc.lock").read_text())["stages"]
    assert locked.keys() == written.keys()
    # Outputs that do not depend on the machine are identical.
    for stage in ("accuracy", "complexity"):
        assert locked[stage]["outs"] == written[stage]["outs"]
    rows = read_rows(repeated / "results/study.csv", StudyRow)
    assert {(row.status, row.memory_status) for row in rows if row.device == "cpu"} == {
        ("ok", "ok")
    }


@pytest.mark.slow
def test_neither_program_repeats_finished_work(repeated):
    assert ran(command(repeated, "dvc", "repro")) == []
    assert jobs(repeated) == {}
    assert "up to date" in command(repeated, "dvc", "status")


@pytest.mark.slow
def test_dvc_measures_nothing_after_snakemake(study):
    (study / "dvc.lock").unlink()
    shutil.rmtree(study / ".dvc/cache")
    before = started(study)
    output = command(study, "dvc", "repro")
    assert len(ran(output)) == 8
    assert started(study) == before
    assert "up to date" in command(study, "dvc", "status")
    assert jobs(study) == {}


@pytest.mark.slow
def test_an_experiment_with_other_batch_sizes_runs_only_what_is_necessary(repeated, study):
    before = started(study)
    output = command(
        study, "dvc", "exp", "run", "--name", "two", "-S", f"{DEVICE}:batch_sizes=[1,2]"
    )
    assert ran(output) == ["graphs", "memory", "latency", "aggregate", "report"]
    timed, profiled = started(study)
    assert timed.items() > before[0].items()
    assert {cell[3] for cell in timed.keys() - before[0].keys()} == {2}
    assert {
        row.batch_size
        for row in read_rows(study / "results/study.csv", StudyRow)
        if row.device == "cpu"
    } == {1, 2}
    assert profiled.keys() == before[1].keys()
    assert jobs(study) == {}

    changed = json.loads(command(study, "dvc", "params", "diff", "--json"))
    assert changed[DEVICE] == {"batch_sizes": {"old": "[1]", "new": "[1, 2]"}}
    shown = json.loads(command(study, "dvc", "exp", "show", "--json"))
    (_, head) = shown
    (experiment,) = head["experiments"]
    assert experiment["name"] == "two"
    data = experiment["revs"][0]["data"]
    assert data["params"][DEVICE]["data"]["batch_sizes"] == [1, 2]
    metrics = data["metrics"]["results/metrics.json"]["data"]
    assert shown_metrics(metrics) == read_json(study / "results/metrics.json", Metrics)

    # A dropped batch size leaves the tables but keeps its records; new budgets select again.
    edit(study / DEVICE, {"batch_sizes": [1]})
    edit(study / "params.yaml", {"budgets": {"min_fps": [1.0], "max_memory_gib": [1.0]}})
    command(study, "dvc", "repro")
    assert started(study) == (timed, profiled)
    rows = read_rows(study / "results/study.csv", StudyRow)
    assert {row.batch_size for row in rows if row.device == "cpu"} == {1}
    chosen = read_rows(study / "results/selection.csv", SelectionRow)
    assert {(row.min_fps, row.max_memory_gib) for row in chosen} == {(1.0, 1.0)}
    # With two rounds, an interval may be too wide to show that anything fits.
    (metrics,) = read_json(study / "results/metrics.json", Metrics).devices.values()
    (committed,) = read_json(repeated / "results/metrics.json", Metrics).devices.values()
    changes = json.loads(command(study, "dvc", "metrics", "diff", "--json"))
    changed = set().union(*changes.values())
    assert changed == {
        f"devices.cpu.{name}"
        for name in DeviceMetrics.model_fields
        if getattr(metrics, name) != getattr(committed, name)
    }
    assert metrics.cells == committed.cells
    certain = [row.top1 for row in chosen if (row.device, row.fits) == ("cpu", "yes")]
    assert metrics.budgets_met == bool(certain)
    assert metrics.best_top1_high == max(certain, default=None)


@pytest.mark.slow
def test_metrics_and_plots_agree_with_the_tables(repeated):
    shown = json.loads(command(repeated, "dvc", "metrics", "show", "--json"))
    (data,) = (found["data"] for found in shown[""]["data"].values())
    seen = shown_metrics(data).devices["cpu"]
    assert (seen.cells, seen.cells_ok) == (2, 2)
    rows = read_rows(repeated / "results/study.csv", StudyRow)
    for name in yaml.safe_load((repeated / "dvc.yaml").read_text())["plots"]:
        (title,) = name
        spec = json.loads(command(repeated, "dvc", "plots", "show", "--show-vega", title))
        drawn = vl_convert.vegalite_to_svg(spec)
        # One mark per measured cell.
        assert drawn.count('aria-roledescription="point"') == 2
        assert len(spec["data"]["values"]) == len(rows)
    assert "index.html" in command(repeated, "dvc", "plots", "show")
    assert (repeated / "dvc_plots/index.html").stat().st_size > 10_000


@pytest.mark.slow
def test_a_fresh_clone_has_nothing_to_do_after_pull_and_restore(repeated, tmp_path):
    study = tmp_path / "study"
    shutil.copytree(repeated, study, symlinks=True)
    command(study, "dvc", "remote", "add", "--default", "shelf", str(tmp_path / "shelf"))
    commit(study)
    command(study, "dvc", "push")

    clone = tmp_path / "clone"
    command(tmp_path, "git", "clone", "--quiet", str(study), str(clone))
    command(clone, "dvc", "pull")
    (recipe,) = [
        line.replace("$(PROFILE)", "cpu").split()
        for line in (ROOT / "Makefile").read_text().splitlines()
        if line.startswith("\tsnakemake") and "--touch" in line
    ]
    command(clone, *recipe)
    assert jobs(clone) == {}
    assert "up to date" in command(clone, "dvc", "status")
    assert started(clone) == started(study)
    # A change then runs the jobs that depend on it, as in the original folder.
    edit(clone / DEVICE, {"batch_sizes": [1, 4]})
    rules = {"profile_memory": 1, "time_round": 2, "aggregate": 1, "findings": 1, "report": 1}
    assert jobs(clone) == rules
