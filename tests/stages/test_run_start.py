"""Before its first job a run looks for the device, if a job to come drives one."""

from types import SimpleNamespace

import pytest

from dnnbench.core.errors import UserError
from dnnbench.stages import run_start
from dnnbench.stages.study_settings import Study


def study(device, gpu, threads=None):
    return Study(SimpleNamespace(device=device, gpu=gpu, threads=threads), networks={})


GPU = study("card", gpu=object())
CPU = study("cpu", gpu=None)
DRIVING = {"time_round", "profile_memory", "environment"}


@pytest.fixture
def begin(monkeypatch):
    """Begin a run: whether it writes settings of a new session, and looks for the device."""

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
def test_only_a_run_that_drives_a_gpu_looks_for_it(begin, rules, session, looks):
    assert begin(GPU, rules) == (session, looks)
    assert begin(CPU, rules) == (session, False)


def test_jobs_that_run_elsewhere_look_for_their_device_themselves(begin):
    assert begin(GPU, ["time_round"], here=False) == (True, False)


def test_a_run_without_its_device_ends_before_the_first_job(begin):
    with pytest.raises(SystemExit) as end:
        begin(GPU, ["time_round"], finds=False)
    assert end.value.code == 1


def test_settings_that_another_run_works_with_end_the_run_in_one_line(begin):
    def refuse():
        raise UserError("resources/settings/card.json: another run works with it")

    with pytest.raises(SystemExit, match="another run works with it"):
        begin(GPU, ["time_round"], settings=refuse)


def test_more_threads_than_cpus_end_a_run_that_measures_here(begin):
    many = study("cpu", gpu=None, threads=1000)
    with pytest.raises(SystemExit) as end:
        begin(many, ["profile_memory"])
    assert str(end.value).startswith("config/devices/cpu.yaml: threads: 1000: a process may use")
    assert begin(many, ["profile_memory"], here=False) == (False, False)
    assert begin(many, ["report"]) == (False, False)
