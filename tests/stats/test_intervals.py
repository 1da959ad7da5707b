"""Intervals: cases computed by hand, and simulated studies with a known truth."""

from collections.abc import Callable
from math import exp, log, sqrt
from statistics import fmean, median, stdev

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import t

from dnnbench.stats import intervals
from dnnbench.stats.intervals import interval

# Known answers -------------------------------------------------------------------------------


def test_an_interval_has_the_values_computed_by_hand() -> None:
    # Logarithms -2, -1, 0, 1, 2 times 0.01 around log(100): mean 0, s = sqrt(10 / 4) x 0.01
    # = 0.0158114, t(4) = 2.776445 (any t table), half-width = 2.776445 x 0.0158114 / sqrt(5)
    # = 0.0196325.
    medians = [100 * exp(0.01 * step) for step in (1, -2, 0, 2, -1)]
    result = intervals.interval(medians)
    assert result.value == pytest.approx(100, rel=1e-12)
    assert result.low == pytest.approx(100 * exp(-0.0196325), rel=1e-6)
    assert result.high == pytest.approx(100 * exp(0.0196325), rel=1e-6)
    assert result.half_width == pytest.approx(0.0196338, rel=1e-4)  # sinh(0.0196325)


def test_an_interval_of_two_processes_has_the_values_computed_by_hand() -> None:
    # Logarithms 0 and log(1.02) = 0.0198026: mean 0.0099013, s = 0.0198026 / sqrt(2), t(1) =
    # 12.7062, half-width = 12.7062 x 0.0198026 / 2 = 0.1258079.
    result = intervals.interval([1.0, 1.02])
    assert result.value == pytest.approx(1.01)
    assert result.low == pytest.approx(exp(0.0099013 - 0.1258079), rel=1e-5)
    assert result.high == pytest.approx(exp(0.0099013 + 0.1258079), rel=1e-5)


def test_interval_scales_with_its_unit() -> None:
    medians = [3.1, 3.0, 3.3, 2.9, 3.05]
    ms, us = intervals.interval(medians), intervals.interval([1000 * x for x in medians])
    assert us.value == pytest.approx(1000 * ms.value)
    assert us.low == pytest.approx(1000 * ms.low) and us.high == pytest.approx(1000 * ms.high)
    assert us.half_width == pytest.approx(ms.half_width)


def test_one_process_has_no_interval() -> None:
    result = intervals.interval([7.5])
    assert (result.value, result.low, result.high, result.half_width) == (7.5, None, None, None)


def test_equal_processes_give_an_interval_of_zero_width() -> None:
    result = intervals.interval([0.1, 0.1, 0.1])
    assert result.low is not None and result.high is not None
    assert result.low <= 0.1 <= result.high
    assert result.half_width == pytest.approx(0, abs=1e-12)


def _t_interval(medians: list[float]) -> tuple[float, float]:
    """Return the interval before it is stretched to the value."""
    logs = [log(x) for x in medians]
    half = float(t.ppf(0.975, len(logs) - 1)) * stdev(logs) / sqrt(len(logs))
    return exp(fmean(logs) - half), exp(fmean(logs) + half)


@pytest.mark.parametrize("k", [2, 3, 4, 5, 6])
def test_with_up_to_six_processes_the_interval_contains_the_median(k: int) -> None:
    # The worst case is a narrow majority at one value and the rest at another.
    for low_count in range(1, k):
        medians = [1.0] * low_count + [3.0] * (k - low_count)
        low, high = _t_interval(medians)
        assert low <= median(medians) <= high


def test_with_many_processes_the_interval_is_stretched_to_the_median() -> None:
    medians = [1.0] * 51 + [3.0] * 49
    low, high = _t_interval(medians)
    assert low > median(medians)  # Otherwise the case below would be trivial.
    result = intervals.interval(medians)
    assert (result.value, result.low) == (1.0, 1.0)
    assert result.high == pytest.approx(high)


@pytest.mark.parametrize("medians", [[], [1.0, 0.0], [1.0, -2.0]])
def test_times_that_are_not_positive_are_refused(medians: list[float]) -> None:
    with pytest.raises(ValueError, match="expected positive times"):
        intervals.interval(medians)


def test_a_change_has_the_values_computed_by_hand() -> None:
    # Both sides have logarithms -2, -1, 0, 1, 2 times 0.01: variance 2.5e-4 each, standard error of
    # the difference sqrt(2 x 2.5e-4 / 5) = 0.01, 8 degrees of freedom, t = 2.306004 (any t table).
    steps = (1, -2, 0, 2, -1)
    before = [50 * exp(0.01 * step) for step in steps]
    result = intervals.change(interval(before), interval([1.1 * time for time in before]))
    assert result.ratio.value == pytest.approx(1.1)
    assert result.ratio.low == pytest.approx(1.1 * exp(-0.02306004), rel=1e-6)
    assert result.ratio.high == pytest.approx(1.1 * exp(0.02306004), rel=1e-6)
    # t = log(1.1) / 0.01 = 9.531.
    assert result.p == pytest.approx(2 * float(t.sf(log(1.1) / 0.01, 8)), rel=1e-6)


def test_a_change_has_the_degrees_of_freedom_of_the_noisier_side() -> None:
    # Welch and Satterthwaite: with hardly any spread before, those of the three processes after.
    before = [10.0, 10.0, 10.0, 10.0, 10.0 + 1e-9]
    after = [10.0, 11.0, 12.1]  # Logarithms log(1.1) apart, so s = log(1.1).
    result = intervals.change(interval(before), interval(after))
    half = 4.302653 * log(1.1) / sqrt(3)  # t(2)
    assert result.ratio.low == pytest.approx(1.1 * exp(-half), rel=1e-5)
    assert result.ratio.high == pytest.approx(1.1 * exp(half), rel=1e-5)


def test_a_change_without_spread_has_no_interval() -> None:
    single = intervals.change(interval([10.0]), interval([12.0, 12.1]))
    assert single.ratio == intervals.Estimate(pytest.approx(1.205), None, None)
    assert single.p is None
    still = intervals.change(interval([10.0, 10.0]), interval([10.0, 10.0]))
    assert (still.ratio, still.p) == (intervals.Estimate(1.0, 1.0, 1.0, 0.0, 2), 1.0)


def test_the_2018_protocol_is_a_mean_without_interval() -> None:
    result = intervals.single_process([1.0, 2.0, 6.0])
    assert (result.value, result.low, result.high) == (3.0, None, None)
    with pytest.raises(ValueError, match="no samples"):
        intervals.single_process([])


def test_quiet_is_the_lowest_process_median() -> None:
    assert intervals.quiet([3.0, 2.0, 2.5]) == 2.0


def test_p95_needs_sixty_passes() -> None:
    assert intervals.p95([1.0] * 59) is None
    # 0 .. 100: the 95th percentile is 95 itself.
    assert intervals.p95([float(x) for x in range(101)]) == pytest.approx(95)
    assert intervals.p95([float(x) for x in range(60)]) == pytest.approx(0.95 * 59)


# Simulated studies ---------------------------------------------------------------------------
#
# Each process has a level: the state of the machine, plus random variation. Its passes scatter
# around the level, with noise that is correlated from pass to pass and 5% outliers. All values are
# logarithms. The session lasts from 0 to 1.

STUDIES = 500
ROUNDS = 5
OUTLIER_SHARE, OUTLIER = 0.05, 0.3
PASS_SD, PASS_MEMORY = 0.02, 0.7

Levels = Callable[[NDArray[np.float64]], NDArray[np.float64]]
Machine = Callable[[np.random.Generator], Levels]


def _passes(rng: np.random.Generator, level: float, count: int) -> list[float]:
    """Return ``count`` passes of one process, in order."""
    noise, state = [], rng.normal(0, PASS_SD)
    for _ in range(count):
        outlier = OUTLIER if rng.random() < OUTLIER_SHARE else 0
        noise.append(level + state + outlier)
        state = PASS_MEMORY * state + rng.normal(0, PASS_SD * sqrt(1 - PASS_MEMORY**2))
    return [exp(x) for x in noise]


def _independent(rng: np.random.Generator) -> Levels:
    """Return a machine on which processes vary by 3%."""
    return lambda times: rng.normal(0, 0.03, times.shape)


def _drifting(rng: np.random.Generator) -> Levels:
    """Return a drifting machine: a random walk of about 5%, and variation of 1.5%."""
    walk = np.cumsum(rng.normal(0, 0.05 / sqrt(1000), 1000))
    return lambda times: (
        np.interp(times, np.linspace(0, 1, 1000), walk) + rng.normal(0, 0.015, times.shape)
    )


def _bimodal(rng: np.random.Generator) -> Levels:
    """Return a machine with a mode that is 8% slower for 3 of 10 processes; variation is 2%."""
    return lambda times: 0.08 * (rng.random(times.shape) < 0.3) + rng.normal(0, 0.02, times.shape)


def _coverage(machine: Machine, seed: int, spread: bool = True) -> tuple[float, float]:
    """Return the share of studies whose interval covers the truth: ours, and one process's.

    ``spread=False`` takes the replicates back to back instead of once per round.
    """
    rng = np.random.default_rng(seed)
    # The median steady time of a process is its level times the median of the pass noise.
    pass_median = float(
        np.median(rng.normal(0, PASS_SD, 400_000) + OUTLIER * (rng.random(400_000) < OUTLIER_SHARE))
    )
    ours = theirs = 0
    for _ in range(STUDIES):
        levels = machine(rng)
        truth = exp(float(np.median(levels(rng.random(4000)))) + pass_median)

        # Five rounds, each with a new process at a random place: one pass is discarded, and
        # three are timed.
        if spread:
            times = (np.arange(ROUNDS) + rng.random(ROUNDS)) / ROUNDS
        else:
            times = np.full(ROUNDS, rng.random())
        medians = [median(_passes(rng, level, 4)[1:]) for level in levels(times)]
        result = intervals.interval(medians)
        assert result.low is not None and result.high is not None
        assert result.low <= result.value <= result.high
        ours += result.low <= truth <= result.high

        # The 2018 protocol: one process, ten passes untimed, ten timed, and the usual t interval
        # of their mean.
        samples = _passes(rng, float(levels(rng.random(1))[0]), 20)[10:]
        center = intervals.single_process(samples).value
        half = float(t.ppf(0.975, 9)) * stdev(samples) / sqrt(10)
        theirs += abs(center - truth) <= half
    return ours / STUDIES, theirs / STUDIES


@pytest.mark.parametrize("machine", [_independent, _drifting, _bimodal])
def test_the_interval_covers_the_truth_but_that_of_one_process_does_not(machine: Machine) -> None:
    ours, theirs = _coverage(machine, seed=2018)
    assert ours >= 0.90
    assert theirs < 0.75


def test_replicates_back_to_back_do_not_cover_a_drifting_machine() -> None:
    ours, _ = _coverage(_drifting, seed=2018, spread=False)
    assert ours < 0.85
