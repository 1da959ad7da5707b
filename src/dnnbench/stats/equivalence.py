"""Verdicts on a ratio of times: different, equivalent within a margin, or inconclusive.

An interval that includes 1 does not show that two times are equal: it may be wide. *Equivalent*
therefore has to be shown. Two one-sided t tests, each at the 5% level, have to reject that the
ratio lies below 1 / (1 + margin) and above 1 + margin (Schuirmann, J. Pharmacokinet. Biopharm. 15,
1987). That is the case if the 90% interval lies within these two bounds.

A difference may be significant and yet within the margin. Such a ratio is equivalent, because the
margin is the smallest difference that matters to the user.
"""

from math import log, sqrt
from typing import Literal

from scipy.stats import t

from dnnbench.stats.intervals import Estimate

MARGIN = 0.05
# Level of each one-sided test.
LEVEL = 0.05

Verdict = Literal["different", "equivalent", "inconclusive"]


def verdict(ratio: Estimate, margin: float = MARGIN, own: tuple[float, float] = (1, 1)) -> Verdict:
    """Return the verdict on a ratio; ``different`` if its 95% interval lies outside ``own``.

    ``own`` is the range of ratios that say nothing about what is compared: 1, or the change of the
    machine itself.
    """
    if within(ratio, margin):
        return "equivalent"
    if ratio.low is None or ratio.high is None:
        return "inconclusive"
    return "different" if ratio.low > max(own) or ratio.high < min(own) else "inconclusive"


def within(ratio: Estimate, margin: float) -> bool:
    """Return whether the 90% interval lies within 1 / (1 + margin) and 1 + margin."""
    found = ratio.interval(1 - 2 * LEVEL)
    return found is not None and 1 / (1 + margin) <= found[0] and found[1] <= 1 + margin


def p_above(ratio: Estimate, limit: float, more_se: float = 0.0) -> float | None:
    """Return the one-sided p value for "the ratio is at most ``limit``".

    A small value is evidence that the ratio exceeds the limit. ``more_se`` is an additional
    standard error, in logarithms; squares add up. ``None`` without an interval.
    """
    if ratio.se is None or ratio.df is None:
        return None
    distance, se = log(ratio.center / limit), sqrt(ratio.se**2 + more_se**2)
    if not se:
        return float(distance <= 0)
    return float(t.sf(distance / se, ratio.df))
