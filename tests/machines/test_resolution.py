"""A/A studies of known samples, and of toy networks in real rounds."""

import random
from pathlib import Path

import pytest
from helpers import studies, toys

from dnnbench.config.parameters import Parameters
from dnnbench.core.errors import UserError
from dnnbench.machines import resolution
from dnnbench.measure.round import BusyError
from dnnbench.records.latency_records import LatencyLine


def settings(**changes: object) -> Parameters:
    given: dict[str, object] = {
        "device": "here",
        "backend": "cpu",
        "batch_sizes": [1],
        "threads": 1,
        "latency": {"rounds": 2},
    }
    return Parameters.model_validate(given | changes)


def sessions(*times: dict[str, list[float]], reference_ms: float = 50.0) -> list[list[LatencyLine]]:
    return [
        [
            line
            for name, of_name in of.items()
            for line in studies.timed(name, of_name, reference_ms=reference_ms)
        ]
        for of in times
    ]


def test_the_resolution_of_a_known_sample() -> None:
    # Both sides have s = 1% and k = 2, so Welch's formula gives t(2) x 1% = 4.303%.
    low, high = 10.0, 10.0 * (1 + 0.01 * 2**0.5)
    found = resolution.judge("here", sessions({"a": [low, high]}, {"a": [low, high]}))
    assert found.resolution == pytest.approx(1.0437, abs=2e-4)
    assert (found.comparisons, found.outside, found.different) == (1, 0, 0)
    assert (found.sessions, found.rounds, found.processes, found.disturbed) == (2, 2, 4, 0)


def test_sessions_that_differ_count_as_false_positives() -> None:
    times = [10.0, 10.05, 9.95, 10.02, 9.98]
    slower = [1.1 * time for time in times]
    calm = {"a": times, "b": times}
    found = resolution.judge("here", sessions(calm, {"a": slower, "b": times}, calm))
    assert found.comparisons == 6
    assert (found.outside, found.different) == (2, 2)


def test_a_change_of_the_machine_is_not_reported_as_a_difference() -> None:
    times = [10.0, 10.05, 9.95, 10.02, 9.98]
    slow = [1.1 * time for time in times]
    calm = sessions({"a": times})
    slowed = sessions({"a": slow}, reference_ms=60.0)
    found = resolution.judge("here", [*calm, *slowed])
    assert (found.outside, found.different) == (1, 0)
    # A whole session was slow, so none of its processes stands out.
    assert found.disturbed == 0


def test_noise_alone_is_rarely_reported_as_a_difference() -> None:
    chance = random.Random(5)
    different = outside = comparisons = 0
    for _ in range(40):
        of = [
            {name: [10 * chance.lognormvariate(0, 0.02) for _ in range(5)] for name in "abc"}
            for _ in range(4)
        ]
        found = resolution.judge("here", sessions(*of))
        comparisons += found.comparisons
        outside += found.outside
        different += found.different
    assert comparisons == 40 * 18
    assert 0.02 < outside / comparisons < 0.08
    assert different < outside


def test_a_network_that_fails_in_one_round_is_left_out() -> None:
    lines = sessions({"a": [10.0, 10.1], "b": [1.0, 1.1]}, {"a": [10.0, 10.2], "b": [1.0, 1.1]})
    broken = {"status": "oom", "message": "too large", "samples_ms": [], "disturbance": None}
    lines[1][-1] = lines[1][-1].model_copy(update=broken)
    found = resolution.judge("here", lines)
    assert (found.networks, found.failed) == (["a"], {"b": "too large"})
    assert found.comparisons == 1
    only = [[line for line in of if line.model == "b"] for of in lines]
    assert resolution.judge("here", only).resolution is None


def test_real_rounds_run_in_a_folder_that_is_removed_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    here, temporary = tmp_path / "here", tmp_path / "tmp"
    for folder in (here, temporary):
        folder.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr("tempfile.tempdir", None)
    networks = {name: toys.entry(name) for name in ("small", "raising")}
    found = resolution.run(settings(), networks, sessions=2)
    assert found.networks == ["small"]
    assert "gone fishing" in found.failed["raising"]
    assert (found.sessions, found.rounds, found.processes, found.comparisons) == (2, 2, 8, 1)
    assert found.resolution is not None and found.resolution > 1
    assert list(here.iterdir()) == list(temporary.glob("dnnbench-*")) == []
    assert "resolving: 4 of 4 in" in capfd.readouterr().err


def test_each_session_has_one_round_in_every_turn() -> None:
    random.seed(3)
    turns = resolution._turns(4, 5)
    assert [sorted(turns[at : at + 4]) for at in range(0, 20, 4)] == [[0, 1, 2, 3]] * 5
    assert turns[:4] != turns[4:8] or turns[4:8] != turns[8:12]


def test_a_protocol_without_interval_is_refused() -> None:
    with pytest.raises(UserError, match=r"latency: 1 round of protocol bianco2018.*Set rounds: 5"):
        resolution.run(settings(latency={"protocol": "bianco2018"}), {})


def test_a_busy_machine_is_refused_if_the_device_file_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from dnnbench.devices.cpu import Cpu

    monkeypatch.setattr(Cpu, "others_busy", lambda self, seconds: (0.5, "cc1plus (pid 7)"))
    with pytest.raises(BusyError, match="other programs use 50% of the machine, mostly cc1plus"):
        resolution.run(settings(when_busy="refuse"), {"small": toys.entry("small")})
