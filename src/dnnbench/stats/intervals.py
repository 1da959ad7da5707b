"""From the samples of a few processes to one number and its interval.

The estimand is the median, over fresh processes during one session on one machine, of a process's
median steady time. What varies between processes (memory layout, core, clock, neighbours) does not
average out inside one, however many passes it makes: so the unit of the statistics is a process,
and the interval comes from the spread between processes. It says nothing about other days or
machines.

Times may be in any unit; results are in the same one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from math import exp, log, sqrt
from statistics import fmean, median, stdev

import numpy as np
from scipy.stats import t, ttest_ind

CONFIDENCE = 0.95
# Half an interval of logarithms, a factor of a billion: a wider one says nothing, and the next
# might be no number.
_WIDEST = log(1e9)
# A 95th percentile of fewer passes would hang on the one or two slowest of them.
P95_MIN_PASSES = 60


@dataclass(frozen=True)
class Estimate:
    """A value and its 95 % interval; no interval where there was only one process."""

    value: float
    low: float | None
    high: float | None

    @property
    def half_width(self) -> float | None:
        """Half the interval's length as a share of the value."""
        if self.low is None or self.high is None:
            return None
        return (self.high - self.low) / 2 / self.value


def interval(process_medians: Sequence[float]) -> Estimate:
    """Return the median of the process medians, with a t interval over the processes.

    The interval is mean +- t(k - 1) x s / sqrt(k) of the logarithms: times are positive and skewed
    to the right, and their logarithms are nearer to a normal distribution. So it is centred at the
    geometric mean while the value is the median. Up to k = 6 the median always lies inside: it is
    never more than s x sqrt((k - 1) / k) from the mean, and t(k - 1) > sqrt(k - 1). For larger k an
    extreme outlier could leave it outside; then the interval is stretched to the median, which
    can only raise its coverage.

    One process gives no interval, nor do processes that are orders of magnitude apart. Raises
    ValueError without processes, or where a time is not positive.
    """
    if not process_medians or min(process_medians) <= 0:
        raise ValueError(f"process medians {list(process_medians)}: expected positive times")
    value = median(process_medians)
    k = len(process_medians)
    if k == 1:
        return Estimate(value, None, None)
    logs = [log(x) for x in process_medians]
    half = _t_quantile(k - 1) * stdev(logs) / sqrt(k)
    if half > _WIDEST:
        return Estimate(value, None, None)
    # The comparison with the value also takes up the rounding of exp(log(x)).
    low = min(exp(fmean(logs) - half), value)
    high = max(exp(fmean(logs) + half), value)
    return Estimate(value, low, high)


@dataclass(frozen=True)
class Change:
    """A ratio of times with its 95 % interval, and the p value of no change.

    Without interval and p where either side had only one process, or processes that are orders of
    magnitude apart.
    """

    ratio: Estimate
    p: float | None


def change(before: Sequence[float], after: Sequence[float]) -> Change:
    """Return how many times longer ``after`` takes, from process medians of two sessions.

    Nothing pairs the processes of two sessions, so it is Welch's t on the logarithms. The value is
    the ratio of the medians, and the interval is stretched to it as in :func:`interval`. Raises
    ValueError without processes, or where a time is not positive.
    """
    if not before or not after or min(*before, *after) <= 0:
        raise ValueError(f"process medians {before} and {after}: expected positive times")
    value = median(after) / median(before)
    if min(len(before), len(after)) == 1:
        return Change(Estimate(value, None, None), None)
    logs = [[log(x) for x in times] for times in (after, before)]
    if not any(map(stdev, logs)):  # Times without any spread; t is not defined.
        return Change(Estimate(value, value, value), float(value == 1))
    test = ttest_ind(*logs, equal_var=False)
    low, high = test.confidence_interval(CONFIDENCE)
    if high - low > 2 * _WIDEST:
        return Change(Estimate(value, None, None), None)
    ratio = Estimate(value, min(exp(low), value), max(exp(high), value))
    return Change(ratio, float(test.pvalue))


def resolution(changes: Iterable[Change]) -> float | None:
    """Return the factor that half of the changes could tell from 1, by their intervals.

    An interval leaves out 1 where the logarithm of its value is beyond its half-width; so this is
    the median of the half-widths, as a factor. ``None`` without intervals.
    """
    ratios = [change.ratio for change in changes]
    widths = [sqrt(ratio.high / ratio.low) for ratio in ratios if ratio.low and ratio.high]
    return median(widths) if widths else None


def single_process(samples: Sequence[float]) -> Estimate:
    """Return the mean of one process's samples: the protocol of the 2018 study.

    There is no interval: the spread of samples inside one process does not tell how far another
    process would land. Raises ValueError without samples.
    """
    if not samples:
        raise ValueError("no samples: expected at least one timed pass")
    return Estimate(fmean(samples), None, None)


def quiet(process_medians: Sequence[float]) -> float:
    """Return the lowest process median: the machine at its most undisturbed."""
    return min(process_medians)


def p95(samples: Sequence[float]) -> float | None:
    """Return the 95th percentile of all timed passes (linear); ``None`` below 60 passes."""
    if len(samples) < P95_MIN_PASSES:
        return None
    return float(np.quantile(samples, 0.95))


@cache  # A study asks for the same few degrees of freedom thousands of times.
def _t_quantile(degrees: int) -> float:
    """The 97.5 % quantile of Student's t."""
    return float(t.ppf((1 + CONFIDENCE) / 2, degrees))
