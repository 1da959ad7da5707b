"""Latencies of a session's cells, estimated together."""

import sys

import numpy as np
import pytest
from helpers import timings
from helpers.paths import ROOT

from dnnbench.stats import intervals, session

sys.path.insert(0, str(ROOT / "benchmarks"))
import interval_coverage

TIMES = {"resnet18": [10.0, 10.4, 9.9, 10.1, 10.2], "vgg16": [50.0, 52.0, 49.0, 53.0, 51.0]}


def lines(**changes):
    return [
        timings.line(round_, time, model=model, **changes)
        for model, times in TIMES.items()
        for round_, time in enumerate(times, 1)
    ]


def test_a_ratio_has_the_errors_of_both_cells():
    found = session.fit(lines())
    a, b = found["resnet18", 1], found["vgg16", 1]
    ratio = intervals.ratio(a, b)
    assert ratio.value == pytest.approx(a.value / b.value)
    assert ratio.se**2 == pytest.approx(a.se**2 + b.se**2)
    assert max(a.df, b.df) < ratio.df <= a.df + b.df
    assert intervals.change(b, a).ratio == ratio


def test_cells_without_latency_have_no_estimate():
    found = session.fit(lines(status="oom", samples_ms=[]))
    assert found == {}


def test_the_2018_protocol_gives_the_mean_of_one_process():
    line = timings.line(1, 3.0, 4.0, 8.0, model="vgg16", protocol="bianco2018")
    assert session.fit([line])["vgg16", 1] == intervals.Estimate(5.0, None, None)


def test_cells_of_a_large_session_are_shifted_to_the_median_of_its_processes():
    # All processes have the same two modes: 7 of 10 are fast.
    rng = np.random.default_rng(5)
    cells = np.tile(np.arange(80), 10)
    times = 10 * np.exp(np.log(1.2) * (rng.random(800) < 0.3) + rng.normal(0, 0.01, 800))
    found = session.estimates(times, cells, np.empty((800, 0)), np.repeat(np.arange(5), 160))
    mean = np.exp(np.log(times).mean())
    assert np.median([one.value for one in found]) < (10 + mean) / 2


def test_times_without_any_spread_have_intervals_without_width():
    cells = np.tile(np.arange(20), 5)
    rounds = np.repeat(np.arange(5), 20)
    for one in session.estimates(np.full(100, 7.0), cells, np.empty((100, 0)), rounds):
        assert one.value == pytest.approx(7)
        assert one.half_width < 1e-5


def test_sessions_with_different_cells_are_estimated_separately():
    def part(name, factor):
        rng = np.random.default_rng(6)
        return [
            timings.line(round_, factor * time, model=f"net{cell}", batch_size=size, session=name)
            for size in ([1] if factor == 1 else [2])
            for cell in range(10)
            for round_, time in enumerate(rng.lognormal(2, 0.1, 5).tolist(), 1)
        ]

    first, second = part("2026-01-02T03:04", 1), part("2026-01-03T03:04", 3)
    both = session.fit([*first, *second])
    assert both["net3", 1] == session.fit(first)["net3", 1]
    assert both["net3", 2] == session.fit(second)["net3", 2]


@pytest.mark.parametrize(
    ("noise", "machine", "count"),
    [
        (interval_coverage.normal, "", 5),
        (interval_coverage.bimodal, "", 20),
        (interval_coverage.heavy, "", 5),
        (interval_coverage.normal, "neighbor", 5),
    ],
)
def test_intervals_cover_the_median_of_simulated_sessions(noise, machine, count):
    scenario = interval_coverage.Scenario("", noise, machine, hidden=True, count=count)
    rng = np.random.default_rng(7)
    covered = []
    for _ in range(12):
        drawn = interval_coverage.simulated(rng, scenario)
        found = session.estimates(np.exp(drawn.logs), drawn.cells, drawn.observed, drawn.rounds)
        truth = np.exp(drawn.truth)
        covered += [one.low <= true <= one.high for one, true in zip(found, truth, strict=True)]
    # 1,056 intervals, of which those of a session share its disturbances.
    assert np.mean(covered) > 0.92


def test_the_interval_of_a_session_is_narrower_than_that_of_its_cells_alone():
    rng = np.random.default_rng(8)
    drawn = interval_coverage.simulated(rng, interval_coverage.Scenario("independent", count=5))
    times = np.exp(drawn.logs)
    found = session.estimates(times, drawn.cells, drawn.observed, drawn.rounds)
    alone = [intervals.interval(times[drawn.cells == cell].tolist()) for cell in range(88)]
    assert np.median([one.half_width for one in found]) < 0.9 * np.median(
        [one.half_width for one in alone]
    )
