import pytest
from helpers import toys

from dnnbench.config.latency_settings import PROTOCOLS, Passes
from dnnbench.core import isolation
from dnnbench.devices.backends import Setup
from dnnbench.measure import latency


@pytest.fixture(scope="module", autouse=True)
def _prepared():
    isolation.prepare()


ONE_TO_THREE = Passes(rounds=1, discard=1, samples=(1, 3), one_process="cell")


def measure(name, batch_sizes=(2,), passes=ONE_TO_THREE):
    outcome = isolation.run(
        latency.measure, toys.entry(name), list(batch_sizes), passes, Setup("cpu"), 2, timeout_s=60
    )
    assert outcome.status == "ok", outcome.message
    return outcome.value


def test_short_passes_are_sampled_as_often_as_allowed():
    (timing,) = measure("small")
    assert timing.status == "ok"
    assert timing.output_ok is True
    assert len(timing.discarded_ms) == 1
    assert len(timing.samples_ms) == 3
    assert min(timing.samples_ms) > 0


def test_long_passes_are_sampled_as_seldom_as_allowed(monkeypatch):
    monkeypatch.setattr(latency, "_ENOUGH_MS", 0.0)
    passes = Passes(rounds=1, discard=2, samples=(2, 50), one_process="cell")
    (timing,) = measure("small", passes=passes)
    assert len(timing.discarded_ms) == 2
    assert len(timing.samples_ms) == 2


def test_the_2018_protocol_discards_ten_and_times_ten_in_one_process():
    timings = measure("small", [1, 2, 4], PROTOCOLS["bianco2018"])
    assert [len(timing.discarded_ms) for timing in timings] == [10, 10, 10]
    assert [len(timing.samples_ms) for timing in timings] == [10, 10, 10]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("infinite", "output: not finite"),
        ("headless", "output: (2, 10): expected (2, 1000)"),
        ("fickle", "from an untimed pass"),
    ],
)
def test_a_wrong_output_is_a_failure_whatever_its_speed(name, said):
    (timing,) = measure(name)
    assert timing.status == "failed"
    assert timing.output_ok is False
    assert said in timing.message


def test_a_batch_that_breaks_does_not_stop_the_others():
    timings = measure("greedy", [1, 2, 1, 4])
    assert [timing.status for timing in timings] == ["ok", "oom", "ok", "oom"]
    assert timings[3].message == "not tried: ran out of memory at batch 2"


def test_a_pass_that_raises_is_a_failure_whose_traceback_is_in_the_log(capfd):
    (timing,) = measure("raising")
    assert (timing.status, timing.message) == (
        "failed",
        "RuntimeError: layer 3 has gone fishing",
    )
    assert "in refuse" in capfd.readouterr().err


def test_what_else_went_on_is_recorded():
    seen = measure("small")[0].disturbance
    assert min(*seen.reference_compute_ms, *seen.reference_memory_ms) > 0
    assert 0 <= seen.steal <= 1
    assert seen.run_delay >= 0
