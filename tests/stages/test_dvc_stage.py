"""Stages of dvc.yaml: Snakemake is asked once if everything is up to date, and runs otherwise."""

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from helpers.paths import ROOT

from dnnbench.stages import dvc_stage

WORDS = ("--profile", "cpu", "--")


@pytest.fixture
def stage(tmp_path, monkeypatch):
    """Run a stage with a fake Snakemake that gives a fixed answer, and return its calls."""
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.chdir(project)
    (project / "results").mkdir()
    (project / "results/study.csv").write_text("device\n")
    (project / "params.yaml").write_text("profile: cpu\n")
    shutil.copy(ROOT / "dvc.yaml", project)
    programs = tmp_path / "programs"
    programs.mkdir()
    program = programs / "snakemake"
    program.write_text(
        f'#!/bin/sh\necho "$@" >> {programs}/calls\n[ "$1" = --dry-run ] && cat {programs}/answer\n'
        "exit 0\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=":")

    def run(name, answer=dvc_stage.NOTHING, dvc="7 100"):
        (programs / "answer").write_text(answer)
        (programs / "calls").write_text("")
        monkeypatch.setattr(dvc_stage, "_dvc_run", lambda: dvc)
        assert dvc_stage.main([*WORDS, name]) == 0
        return (programs / "calls").read_text().splitlines()

    return run


def asked(*stages):
    return f"--dry-run --profile cpu -- {' '.join(stages)}"


def test_only_the_first_stage_of_a_finished_study_asks(stage):
    assert stage("weights") == [asked(*dvc_stage.STAGES)]
    assert [stage(name) for name in dvc_stage.STAGES[1:]] == [[]] * 7


def test_after_a_stage_with_work_the_next_stage_asks_again(stage):
    assert stage("weights", "Job stats:") == [asked(*dvc_stage.STAGES), "--profile cpu -- weights"]
    assert stage("accuracy") == [asked(*dvc_stage.STAGES[1:])]
    assert stage("complexity") == []


def test_if_every_stage_has_work_only_two_stages_ask(stage):
    calls = [call for name in dvc_stage.STAGES for call in stage(name, "Job stats:")]
    assert sum(call.startswith("--dry-run") for call in calls) == 2
    assert [call for call in calls if not call.startswith("--dry-run")] == [
        f"--profile cpu -- {name}" for name in dvc_stage.STAGES
    ]


def test_a_stage_creates_the_folders_that_dvc_expects_and_names_unknown_ones(stage, capsys):
    measured = Path("results/cpu/bf16-eager/latency")
    measured.mkdir(parents=True)
    stage("latency", "Job stats:")
    made = {folder.parent.name for folder in Path("results/cpu").glob("*/latency")}
    listed = {"fp32-eager", "fp32-eager-kept", "fp32-onnxruntime", "fp32-openvino"}
    assert made == {"bf16-eager", *listed}
    assert not list(Path("results/cpu").glob("*/memory"))
    (line,) = capsys.readouterr().err.splitlines()
    place = "every list in dvc.yaml that contains fp32-eager/latency"
    assert line == f"{measured}: not tracked by DVC. Add it to {place}."
    stage("memory", "Job stats:")
    assert len(list(Path("results/cpu").glob("*/memory"))) == 4
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("file", ["params.yaml", "results/study.csv", "new.txt"])
def test_a_changed_file_leads_to_a_new_question(stage, tmp_path, file):
    stage("weights")
    with (tmp_path / "project" / file).open("a") as opened:
        opened.write("x")
    assert stage("accuracy", "Job stats:")[-1] == "--profile cpu -- accuracy"


def test_a_restored_result_does_not_count_as_changed(stage, tmp_path):
    stage("weights")
    (tmp_path / "project/results/study.csv").write_text("device\n")
    (tmp_path / "project/dvc.lock").write_text("stages:\n")
    assert stage("accuracy") == []


def test_another_run_of_dvc_asks_again(stage):
    stage("weights")
    assert stage("accuracy", dvc="8 200") == [asked(*dvc_stage.STAGES[1:])]


def test_without_dvc_a_stage_only_runs_its_target(stage):
    assert stage("memory", dvc=None) == ["--profile cpu -- memory"]


def test_a_stage_runs_if_its_question_fails(stage, tmp_path):
    program = tmp_path / "programs/snakemake"
    program.write_text(program.read_text().replace("exit 0", '[ "$1" != --dry-run ]'))
    assert stage("weights")[-1] == "--profile cpu -- weights"


def test_a_run_of_dvc_is_identified_by_its_process(tmp_path):
    code = "from dnnbench.stages import dvc_stage; print(dvc_stage._dvc_run())"
    (tmp_path / "dvc").write_text(f"#!/bin/sh\n{sys.executable} -c '{code}'\ntrue\n")
    (tmp_path / "dvc").chmod(0o755)
    found = subprocess.run([tmp_path / "dvc"], capture_output=True, text=True, check=True).stdout
    pid, started = found.split()
    assert pid.isdecimal() and started.isdecimal()


def test_the_stages_match_dvc_yaml_in_order():
    assert tuple(yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]) == dvc_stage.STAGES


@pytest.mark.parametrize("profile", ["cpu; touch x", "cpu -n", 'a" b', "$(touch x)", "a && b"])
def test_a_profile_stays_one_word_of_a_command_with_any_content(profile):
    for name, stage in yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"].items():
        words = shlex.split(stage["cmd"].replace("${profile}", profile))
        assert words[-4:] == ["--profile", profile, "--", name]
