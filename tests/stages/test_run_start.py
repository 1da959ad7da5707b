"""Preparation of a run: it checks the device if a job uses it."""

from types import SimpleNamespace

import pytest

from dnnbench.core.errors import UserError
from dnnbench.stages import run_start
from dnnbench.stages.study_settings import Study


def study(device, gpu, threads=None):
    return Study(SimpleNamespace(device=device, gpu=gpu, base_threads=threads), networks={})


GPU = study("card", gpu=object())
CPU = study("cpu", gpu=None)
DRIVING = {"time_round", "profile_memory", "environment"}


@pytest.fixture
def begin(monkeypatch):
    """Start a run; return whether it starts a new session and whether it checks the device."""

    def run(study, rules, here=True, finds=True, settings=lambda *_, **__: None):
        asked = []

        def look(command):
            asked.append(command)
            return SimpleNamespace(returncode=0 if finds else 1)

        sessions = []

        def write(of, file, new_session):
            sessions.append(new_session)
            settings()

        monkeypatch.setattr(run_start.subprocess, "run", look)
        monkeypatch.setattr(run_start.study_settings, "write", write)
        run_start.begin(study, rules, DRIVING, here)
        return sessions == [True], bool(asked)

    return run


@pytest.mark.parametrize(
    ("rules", "session", "looks"),
    [
        (["complexity", "all"], False, False),
        (["report"], False, False),
        (["profile_memory"], False, True),
        (["time_round", "report"], True, True),
    ],
)
def test_only_a_run_that_uses_a_gpu_checks_it(begin, rules, session, looks):
    assert begin(GPU, rules) == (session, looks)
    assert begin(CPU, rules) == (session, False)


@pytest.mark.parametrize(("timed", "said"), [(7, "because 7 networks will be timed"), (8, "")])
def test_too_few_timed_networks_for_predictions_are_one_line_at_the_start(
    begin, capsys, timed, said
):
    names = [f"n{number}" for number in range(timed + 1)]
    of = Study(CPU.settings, networks=dict.fromkeys(names), predicted=names[-1:])
    begin(of, ["report"])
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == bool(said)
    assert all(said in line and line.startswith("params.yaml: predicted: cpu: ") for line in lines)


def test_the_device_of_jobs_that_run_elsewhere_is_not_checked_here(begin):
    assert begin(GPU, ["time_round"], here=False) == (True, False)


def test_a_run_ends_before_the_first_job_if_the_device_is_missing(begin):
    with pytest.raises(SystemExit) as end:
        begin(GPU, ["time_round"], finds=False)
    assert end.value.code == 1


def test_a_run_ends_in_one_line_if_another_run_uses_its_settings_file(begin):
    def refuse():
        raise UserError("resources/settings/card.json: another run uses it")

    with pytest.raises(SystemExit, match="another run uses it"):
        begin(GPU, ["time_round"], settings=refuse)


def test_a_run_that_measures_here_ends_if_there_are_more_threads_than_cpus(begin):
    many = study("cpu", gpu=None, threads=1000)
    with pytest.raises(SystemExit) as end:
        begin(many, ["profile_memory"])
    assert str(end.value).startswith("config/devices/cpu.yaml: threads: 1000: a process may use")
    assert begin(many, ["profile_memory"], here=False) == (False, False)
    assert begin(many, ["report"]) == (False, False)
