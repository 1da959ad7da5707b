"""Sessions with disturbances, and what benchmarks/disturbances.py concludes from them."""

import os
import sys
import time
from contextlib import nullcontext
from datetime import timedelta
from math import log

import psutil
import pytest
from helpers.paths import ROOT
from helpers.timings import QUIET, STARTED, line, seen

from dnnbench.core import isolation
from dnnbench.devices import priority
from dnnbench.measure import latency
from dnnbench.records.latency_records import Attempt

sys.path.insert(0, str(ROOT / "benchmarks"))
import disturbances
import injection

WAITED = seen(run_delay=0.9)


def session(name: str, *, slow: int = 0, model: str = "a"):
    """Return a session of one cell, of which the first processes are slow, and their log."""
    lines = [
        line(
            number,
            value * (2 if number <= slow else 1),
            model=model,
            session=name,
            disturbance=WAITED if number <= slow else seen(),
            started=STARTED + timedelta(minutes=number),
        )
        for number, value in enumerate(QUIET, 1)
    ]
    log = [
        {"session": name, "model": model, "batch_size": 1}
        | {"started": (one.started + timedelta(milliseconds=30)).isoformat()}
        for one in lines[:slow]
    ]
    return lines, log


def test_a_slowed_process_is_affected_and_the_truth_comes_from_the_others() -> None:
    quiet, _ = session("none-1")
    slow, injected = session("stopped-1", slow=4)
    found = {"none": [quiet], "stopped": [slow]}
    calm, hit = disturbances.judged(found, injected)
    assert (calm.exposed, calm.affected, calm.verdict) == (False, 0, "stable")
    assert calm.deviation == pytest.approx(0.0, abs=0.02)
    assert (hit.exposed, hit.affected, hit.verdict) == (True, 4, "disturbed")
    assert hit.deviation > 0.5


def test_a_disturbance_without_effect_does_not_count_as_affected() -> None:
    calm, _ = session("stopped-1")
    injected = session("stopped-1", slow=2)[1]
    (found,) = disturbances.judged({"stopped": [calm]}, injected)
    assert (found.exposed, found.affected) == (True, 0)


def test_the_bias_without_repetitions_uses_first_attempts() -> None:
    slow, _ = session("stopped-once-1", slow=5)
    again, _ = session("stopped-once-1")
    lines = [
        one.model_copy(
            update={
                "first_attempt": Attempt(
                    discarded_ms=[],
                    samples_ms=first.samples_ms,
                    disturbance=WAITED,
                    started=first.started,
                )
            }
        )
        for one, first in zip(again, slow, strict=True)
    ]
    quiet, _ = session("none-1")
    _, found = disturbances.judged({"none": [quiet], "stopped-once": [lines]}, [])
    assert found.repeated == 5
    assert found.first - found.deviation == pytest.approx(log(2), abs=0.01)


def test_the_report_states_shares_errors_and_bias() -> None:
    cells = [
        disturbances.Judged("none", False, 0, 0, "stable", None, 0.01, 0.01),
        disturbances.Judged("stopped", True, 2, 0, "disturbed", "swapped", 0.30, 0.30),
        disturbances.Judged("stopped", False, 0, 0, "noisy", None, -0.03, -0.03),
    ]
    report = disturbances.report(cells)
    assert "| stopped | 1 | 1 | 1 of 1 (100.0%" in report
    assert "not exposed and `disturbed` 0 of 2" in report
    assert "stable 1.0% (cells: 1), noisy 3.0% (cells: 1), disturbed 30.0% (cells: 1)" in report
    assert "disturbed / others: 15.0" in report


class Network:
    def __init__(self, key: str) -> None:
        self.key = key


def injector(tmp_path, monkeypatch, **conditions):
    """Return an injector of four cells whose processes do nothing."""
    monkeypatch.setattr(isolation, "run", lambda function, *_, **__: function)
    kind = disturbances.Kind("stopped", nullcontext, **conditions)
    cells = [(name, 1) for name in "abcd"]
    return disturbances.Injector(tmp_path / "log.jsonl", "stopped-1", kind, cells)


def measure(cells) -> None:
    for name, batch in cells:
        isolation.run(latency.measure, Network(name), [batch])
        isolation.run(os.getpid)


def test_half_of_the_cells_are_exposed_and_only_they_are_disturbed(tmp_path, monkeypatch) -> None:
    chosen = injector(tmp_path, monkeypatch)
    with chosen.active(1), chosen.report("round 1", 200, 0):
        measure(chosen.cells * 50)
    logged = disturbances.sessions.records(chosen.log)
    assert len(chosen.exposed) == 2
    assert 20 <= len(logged) <= 80  # Half of 100; 6 standard deviations apart.
    assert {(one["model"], one["batch_size"]) for one in logged} == chosen.exposed


@pytest.mark.parametrize(("repetitions", "logged"), [(True, 20), (False, 0)])
def test_repetitions_are_disturbed_always_or_never(
    repetitions, logged, tmp_path, monkeypatch
) -> None:
    chosen = injector(tmp_path, monkeypatch, repetitions=repetitions)
    with chosen.active(1):
        for what in ("round 1", "repetitions"):
            with chosen.report(what, 0, 0):
                measure(chosen.cells * 10 if what == "repetitions" else [])
    assert len(disturbances.sessions.records(chosen.log)) == logged


def test_whole_rounds_are_disturbed_if_single_processes_cannot_be(tmp_path, monkeypatch) -> None:
    chosen = injector(tmp_path, monkeypatch, whole_rounds=True)
    for number in range(1, 6):
        with chosen.active(number):
            measure(chosen.cells)
    assert len(disturbances.sessions.records(chosen.log)) == 2 * len(chosen.cells)


def test_a_stopped_child_takes_longer() -> None:
    with injection.stopped_child():
        slowed = isolation.run(_stopped_s, timeout_s=60)
    assert slowed.value > 0.2  # A third of about a second.


def test_a_busy_process_occupies_a_core_and_ends() -> None:
    with injection.busy_core():
        children = psutil.Process().children()
        before = {one: sum(one.cpu_times()[:2]) for one in children}
        end = time.monotonic() + 60
        busy: list[psutil.Process] = []
        while not busy and time.monotonic() < end:  # Others may have priority for a while.
            time.sleep(0.1)
            busy = [one for one in children if sum(one.cpu_times()[:2]) > before[one] + 0.2]
        (child,) = busy
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_normal_priority_lasts_as_long_as_its_context() -> None:
    before = priority.raise_priority
    with injection.normal_priority():
        assert priority.raise_priority() == "normal"
    assert priority.raise_priority is before


def _stopped_s() -> float:
    """Return how long this process was stopped within about a second."""
    end, last, longest = time.monotonic() + 1.0, time.monotonic(), 0.0
    while last < end:
        now = time.monotonic()
        if now - last > 0.015:
            longest += now - last
        last = now
    return longest
