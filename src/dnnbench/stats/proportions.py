"""Shares of correctly classified images: intervals, paired differences, and tests."""

from collections.abc import Sequence
from math import sqrt

from scipy.stats import binomtest, norm

_Z = float(norm.ppf(0.975))


def wilson(right: int, n: int) -> tuple[float, float, float]:
    """Return ``right`` of ``n`` in percent with Wilson's 95% interval.

    Returns value, low, high.
    """
    bounds = binomtest(right, n).proportion_ci(0.95, method="wilson")
    return 100 * right / n, 100 * float(bounds.low), 100 * float(bounds.high)


def paired_difference(a_only: int, b_only: int, n: int) -> tuple[float, float, float]:
    """Return a minus b, as shares of ``n``, with a 95% interval: value, low, high.

    Only a classified ``a_only`` images correctly, and only b ``b_only`` images. The interval is
    that of Bonett and Price (Adjusted Wald confidence interval for a difference of binomial
    proportions based on paired data, J. Educ. Behav. Stat. 37, 2012): Wald's interval after adding
    one image to each kind of disagreement. With p = (a_only + 1) / (n + 2) and
    q = (b_only + 1) / (n + 2), it is p - q +- 1.96 sqrt((p + q - (p - q)^2) / (n + 2)). It keeps
    its level for tens of images as well as for thousands, and has a positive width even without
    disagreements.
    """
    more, less = (a_only + 1) / (n + 2), (b_only + 1) / (n + 2)
    center = more - less
    half = _Z * sqrt((more + less - center**2) / (n + 2))
    return (a_only - b_only) / n, max(-1.0, center - half), min(1.0, center + half)


def mcnemar(a_only: int, b_only: int) -> float:
    """Return the two-sided p value of McNemar's exact test; 1 without disagreements.

    The test is a binomial test of the disagreements against one half.
    """
    disagreements = a_only + b_only
    return float(binomtest(a_only, disagreements).pvalue) if disagreements else 1.0


def holm(p_values: Sequence[float]) -> list[float]:
    """Return the p values with Holm's correction, in the same order."""
    total = len(p_values)
    corrected, least = [0.0] * total, 0.0
    for place, index in enumerate(sorted(range(total), key=p_values.__getitem__)):
        least = max(least, min(1.0, p_values[index] * (total - place)))
        corrected[index] = least
    return corrected
