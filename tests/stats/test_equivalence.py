"""Verdicts on ratios: two one-sided tests, computed by hand and simulated at the margin."""

from math import exp, log1p

import numpy as np
import pytest

from dnnbench.stats import intervals
from dnnbench.stats.equivalence import p_above, verdict, within
from dnnbench.stats.intervals import Estimate

# Quantiles of Student's t with 8 degrees of freedom, from any table: 90% and 95% intervals.
T90, T95 = 1.859548, 2.306004


def ratio(value: float, se: float) -> Estimate:
    low, high = value * exp(-T95 * se), value * exp(T95 * se)
    return Estimate(value, low, high, se, 8)


@pytest.mark.parametrize(
    ("value", "se", "expected"),
    [
        (1.0, 0.01, "equivalent"),
        (1.0, 0.10, "inconclusive"),
        (1.2, 0.01, "different"),
        (0.8, 0.01, "different"),
        # The 95% interval is 1.007 to 1.053 and excludes 1; the 90% interval ends at 1.049.
        (1.03, 0.0097, "equivalent"),
        # The same, but the 90% interval ends at 1.055.
        (1.03, 0.0127, "different"),
        (1.03, 0.0200, "inconclusive"),
    ],
)
def test_verdicts_follow_from_the_two_intervals(value: float, se: float, expected: str) -> None:
    assert verdict(ratio(value, se), margin=0.05) == expected


def test_the_margin_is_the_same_factor_in_both_directions() -> None:
    se = log1p(0.05) / T90
    assert within(ratio(1.0, 0.999 * se), 0.05)
    assert not within(ratio(1.0, 1.001 * se), 0.05)
    assert within(ratio(1 / 1.02, 0.01), 0.05) == within(ratio(1.02, 0.01), 0.05)


def test_a_ratio_without_an_interval_is_inconclusive() -> None:
    single = intervals.ratio(intervals.interval([10.0]), intervals.interval([10.0, 10.0]))
    assert verdict(single) == "inconclusive"
    assert p_above(single, 1.0) is None


def test_a_difference_has_to_exceed_that_of_the_machine() -> None:
    assert verdict(ratio(1.2, 0.01), own=(1.0, 1.15)) == "different"
    assert verdict(ratio(1.2, 0.01), own=(1.0, 1.19)) == "inconclusive"
    assert verdict(ratio(1.2, 0.01), own=(0.8, 1.0)) == "different"


def test_p_above_equals_the_one_calculated_by_hand() -> None:
    # The limit is T95 standard errors below the value, so 2.5% of t(8) lie beyond.
    value = 1.05 * exp(T95 * 0.01)
    assert p_above(ratio(value, 0.01), 1.05) == pytest.approx(0.025, rel=1e-4)
    # Standard errors add as squares: 0.03 and 0.04 make 0.05.
    assert p_above(ratio(exp(T95 * 0.05), 0.03), 1.0, more_se=0.04) == pytest.approx(
        0.025, rel=1e-4
    )
    still = intervals.interval([2.0, 2.0])
    assert (p_above(still, 1.9), p_above(still, 2.0)) == (0.0, 1.0)


def test_ratios_at_the_margin_are_called_equivalent_in_at_most_one_of_twenty_cases() -> None:
    random = np.random.default_rng(1)
    called = 0
    for _ in range(2000):
        a, b = (
            intervals.interval((center * np.exp(random.normal(0, 0.02, 5))).tolist())
            for center in (1.05, 1.0)
        )
        called += within(intervals.ratio(a, b), 0.05)
    # 5% of 2,000, with four standard deviations of a binomial. The interval is stretched to the
    # median, which can only lower the share.
    assert called / 2000 < 0.05 + 4 * (0.05 * 0.95 / 2000) ** 0.5
    assert called > 40
