"""Estimates with confidence intervals, from the samples of a few processes.

The estimand is the median, over fresh processes during one session on one machine, of a process's
median steady time. Differences between processes (memory layout, core, clock, neighbors) do not
average out within a process, no matter how many passes it makes. The statistical unit is therefore
a process, and the interval comes from the spread between processes. It does not cover other days or
machines.

Times may be in any unit; results are in the same unit.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from math import exp, log, sqrt
from statistics import fmean, median, stdev

import numpy as np
from scipy.special import stdtrit
from scipy.stats import t

CONFIDENCE = 0.95
# Half-width in logarithms, a factor of a billion. Wider intervals carry no information, and exp()
# may overflow.
_WIDEST = log(1e9)
# With fewer passes, a 95th percentile would depend on the slowest one or two.
P95_MIN_PASSES = 60


@dataclass(frozen=True)
class Estimate:
    """A value and its 95% confidence interval; a single process has no interval.

    ``se`` is the standard error of the value's logarithm, and ``df`` its degrees of freedom.
    ``within`` has both without the variance that all cells of a session share, for comparisons
    within the session.
    """

    value: float
    low: float | None
    high: float | None
    se: float | None = None
    df: float | None = None
    within: tuple[float, float] | None = None

    @property
    def half_width(self) -> float | None:
        """Half the length of the interval, as a share of the value."""
        if self.low is None or self.high is None:
            return None
        return (self.high - self.low) / 2 / self.value

    @property
    def center(self) -> float:
        """The center of the interval; the value without one."""
        return self.value if self.low is None or self.high is None else sqrt(self.low * self.high)

    def interval(self, confidence: float) -> tuple[float, float] | None:
        """Return the interval at another confidence, such as 0.9; ``None`` without one."""
        if self.se is None or self.df is None:
            return None
        half = self.se * _quantile((1 + confidence) / 2, self.df)
        return min(self.center * exp(-half), self.value), max(self.center * exp(half), self.value)


def interval(process_medians: Sequence[float]) -> Estimate:
    """Return the median of the process medians, with a t interval over the processes.

    The interval is mean +- t(k - 1) x s / sqrt(k) of the logarithms. Times are positive and skewed
    to the right, and their logarithms are closer to a normal distribution. The interval is centered
    at the geometric mean, while the value is the median. For k <= 6, the median always lies inside:
    it is at most s x sqrt((k - 1) / k) from the mean, and t(k - 1) > sqrt(k - 1). For larger k, an
    extreme outlier could push it outside. The interval is then stretched to the median, which can
    only increase its coverage.

    A single process gives no interval, and neither do processes that are orders of magnitude apart.
    Raises ValueError without processes, or if a time is not positive.
    """
    if not process_medians or min(process_medians) <= 0:
        raise ValueError(f"process medians {list(process_medians)}: expected positive times")
    value = median(process_medians)
    k = len(process_medians)
    if k == 1:
        return Estimate(value, None, None)
    logs = [log(x) for x in process_medians]
    se = stdev(logs) / sqrt(k)
    half = t_quantile(k - 1) * se
    if half > _WIDEST:
        return Estimate(value, None, None)
    # min and max also absorb the rounding error of exp(log(x)).
    low = min(exp(fmean(logs) - half), value)
    high = max(exp(fmean(logs) + half), value)
    return Estimate(value, low, high, se, k - 1)


def estimate(
    value: float,
    se: float,
    df: float,
    center: float | None = None,
    within: tuple[float, float] | None = None,
) -> Estimate:
    """Return an estimate with a t interval; ``se`` is the standard error of its logarithm.

    The interval is around ``center``, by default the value, and stretched to the value.
    """
    center = value if center is None else center
    half = t_quantile(df) * se
    if half > _WIDEST:
        return Estimate(value, None, None)
    low, high = min(center * exp(-half), value), max(center * exp(half), value)
    return Estimate(value, low, high, se, df, within)


def ratio(a: Estimate, b: Estimate) -> Estimate:
    """Return a / b of two independent estimates.

    There is no interval if either side has none. ``within`` is relative to the same ratio of other
    cells of these sessions.
    """
    value = a.value / b.value
    if a.se is None or a.df is None or b.se is None or b.df is None:
        return Estimate(value, None, None)
    within = combined(a.within, b.within) if a.within and b.within else None
    return estimate(value, *combined((a.se, a.df), (b.se, b.df)), a.center / b.center, within)


def ratio_within(a: Estimate, b: Estimate) -> Estimate:
    """Return a / b of two estimates from the same session, whose shared variance cancels."""
    if a.within is None or b.within is None:
        return ratio(a, b)
    return estimate(a.value / b.value, *combined(a.within, b.within), a.center / b.center)


def combined(a: tuple[float, float], b: tuple[float, float]) -> tuple[float, float]:
    """Return standard error and degrees of freedom of a sum of two independent estimates.

    The degrees of freedom are those of Welch and Satterthwaite.
    """
    variances = a[0] ** 2, b[0] ** 2
    total = sum(variances)
    # In shares of the total, so that the square of a tiny variance does not become 0.
    shares = [variance / total for variance in variances] if total else [0.5, 0.5]
    return sqrt(total), 1 / (shares[0] ** 2 / a[1] + shares[1] ** 2 / b[1])


@dataclass(frozen=True)
class Change:
    """A ratio of times with its 95% interval, and the p value for "no change".

    There is no interval and no p value if either side has none.
    """

    ratio: Estimate
    p: float | None


def change(before: Estimate, after: Estimate) -> Change:
    """Return the ratio after / before of estimates from two sessions, with Welch's t test."""
    found = ratio(after, before)
    if found.se is None or found.df is None:
        return Change(found, None)
    if not found.se:
        return Change(found, float(found.value == 1))
    distance = abs(log(after.center / before.center))
    return Change(found, 2 * float(t.sf(distance / found.se, found.df)))


def resolution(changes: Iterable[Change]) -> float | None:
    """Return the factor that half of the intervals could distinguish from 1.

    An interval excludes 1 if the logarithm of the value exceeds its half-width. The result is
    therefore the median half-width, as a factor. ``None`` without intervals.
    """
    ratios = [change.ratio for change in changes]
    widths = [sqrt(ratio.high / ratio.low) for ratio in ratios if ratio.low and ratio.high]
    return median(widths) if widths else None


def single_process(samples: Sequence[float]) -> Estimate:
    """Return the mean of one process's samples: the protocol of the 2018 study.

    There is no interval, because the spread of samples within a process does not predict the result
    of another process. Raises ValueError without samples.
    """
    if not samples:
        raise ValueError("no samples: expected at least one timed pass")
    return Estimate(fmean(samples), None, None)


def quiet(process_medians: Sequence[float]) -> float:
    """Return the lowest process median, which is the least disturbed one."""
    return min(process_medians)


def p95(samples: Sequence[float]) -> float | None:
    """Return the 95th percentile of all timed passes; ``None`` below 60.

    It is interpolated linearly.
    """
    if len(samples) < P95_MIN_PASSES:
        return None
    return float(np.quantile(samples, 0.95))


@cache  # A study needs the same few degrees of freedom thousands of times.
def t_quantile(degrees: float) -> float:
    """Return the 97.5% quantile of Student's t."""
    return _quantile((1 + CONFIDENCE) / 2, degrees)


def _quantile(probability: float, degrees: float) -> float:
    # The function that scipy.stats.t.ppf calls; without its checks it is 300 times faster.
    return float(stdtrit(degrees, probability))
