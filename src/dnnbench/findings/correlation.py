"""How two quantities go together over networks: a coefficient, and how far it can be trusted.

The interval is a BCa bootstrap over networks (bias-corrected and accelerated): coefficients near 1
are skewed, and no distribution has to be assumed. In 400 simulated tables of 44 rows it covered the
true Pearson coefficient (0, 0.6, 0.9) in 93 to 95 %, where plain percentiles did in 91 to 96 %; the
true Spearman coefficient in 93 to 96 %, as percentiles did.

Networks of one family are alike, and a bootstrap takes them for independent. So the coefficient is
also taken without each family in turn: the range says how much hangs on one of them.
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
# The same tables give the same interval, to the last digit.
_SEED = 20181001

Array = NDArray[np.floating[Any]]
Column = tuple[float, ...]


@dataclass(frozen=True)
class Correlation:
    """A coefficient in [-1, 1], its 95 % interval, and its range without each family in turn."""

    value: float
    low: float
    high: float
    without_low: float
    without_high: float

    @property
    def least(self) -> float:
        """The lowest of interval and range."""
        return min(self.low, self.without_low)

    @property
    def most(self) -> float:
        """The highest of interval and range."""
        return max(self.high, self.without_high)

    @property
    def sign(self) -> int:
        """1 or -1 where interval and range are all positive or all negative, else 0."""
        return int(self.least > 0) - int(self.most < 0)

    def __str__(self) -> str:
        return (
            f"{self.value:.2f} ({self.low:.2f} to {self.high:.2f};"
            f" {self.without_low:.2f} to {self.without_high:.2f} without one family)"
        )


@cache
def pearson(x: Column, y: Column, families: tuple[Hashable, ...]) -> Correlation:
    """Linear correlation of paired values (n >= 3, neither constant): ValueError otherwise.

    Kept, since the places mostly ask for the same columns.
    """
    return _correlation(x, y, families, _pearson)


@cache
def spearman(x: Column, y: Column, families: tuple[Hashable, ...]) -> Correlation:
    """Rank correlation of paired values, ties sharing their mean rank; as :func:`pearson`."""
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
    """Networks are drawn with replacement, each with both of its values."""
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
    """Along the last axis of arrays of one shape, as ``bootstrap`` asks for it."""
    a = x - x.mean(axis=axis, keepdims=True)
    b = y - y.mean(axis=axis, keepdims=True)
    coefficient: Array = (a * b).sum(axis) / np.sqrt((a**2).sum(axis) * (b**2).sum(axis))
    return coefficient


def _spearman(x: Array, y: Array, axis: int = -1) -> Array:
    return _pearson(rankdata(x, axis=axis), rankdata(y, axis=axis), axis)
