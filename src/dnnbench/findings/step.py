"""Detection of a step: networks after a position are higher by a constant.

The model of ``y`` is a line in ``x`` plus a constant for all networks behind a cut in a given
order. The cut with the smallest residuals is chosen. Some cut always helps, so two permutation
tests show how much is due to chance:

- ``p_order``: networks in random order. If small, there is a step along the order.
- ``p_family``: families in random order, each kept together. If small, it is unlikely that the high
  families are adjacent by chance, so the step follows the order and not the families.

Both are the share of orders, including the actual one, in which a cut explains as much.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

LEVEL = 0.01
ORDERS = 9_999
_CHUNK = 5_000
_SEED = 20181001

Array = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Step:
    """A step of ``size`` behind the first ``place`` networks of an order.

    The size has a 95% interval.

    ``slope`` and ``base``: the line before the cut. ``explained`` is the share of the residual sum
    of squares that the step removes. The interval treats the position as given, so it is slightly
    too narrow for the best position.
    """

    place: int
    size: float
    low: float
    high: float
    slope: float
    base: float
    explained: float


@dataclass(frozen=True)
class Chance:
    """The share of random orders that explain as much."""

    p_order: float
    p_family: float

    @property
    def found(self) -> bool:
        """Whether there is a step that follows the order rather than the families."""
        return max(self.p_order, self.p_family) <= LEVEL


def best_step(x: Sequence[float], y: Sequence[float]) -> Step | None:
    """Return the step that explains the most, for values given in order.

    Returns ``None`` for n < 5, for constant ``x``, or if a line fits exactly.
    """
    line = _Line.of(x, y)
    if line is None:
        return None
    place = int(np.argmax(line.gains(np.arange(line.n)[None])[0])) + 1
    return step_at(x, y, place)


def step_at(x: Sequence[float], y: Sequence[float], place: int) -> Step | None:
    """Return the step behind the first ``place`` networks (0 < place < n), or None."""
    line = _Line.of(x, y)
    if line is None:
        return None
    behind = (np.arange(line.n) >= place).astype(float)
    design = np.column_stack([np.ones(line.n), line.x, behind])
    values = np.asarray(y, float)
    inverse = np.linalg.pinv(design.T @ design)
    base, slope, size = inverse @ design.T @ values
    left = float(np.square(values - design @ [base, slope, size]).sum())
    error = np.sqrt(inverse[2, 2] * left / (line.n - 3))
    half = float(t.ppf(0.975, line.n - 3) * error)
    return Step(
        place=place,
        size=float(size),
        low=float(size) - half,
        high=float(size) + half,
        slope=float(slope),
        base=float(base),
        explained=1 - left / line.left,
    )


def chance(x: Sequence[float], y: Sequence[float], families: Sequence[Hashable]) -> Chance | None:
    """Return how likely so good a step is in random orders, or ``None``.

    Values are given in the tested order; ``families`` has the family of each.
    """
    line = _Line.of(x, y)
    if line is None:
        return None
    best = line.gains(np.arange(line.n)[None]).max()
    generator = np.random.default_rng(_SEED)
    numbers = {family: number for number, family in enumerate(dict.fromkeys(families))}
    family = np.array([numbers[name] for name in families])

    def any_order(count: int) -> NDArray[np.intp]:
        return generator.random((count, line.n)).argsort(axis=1)

    def family_order(count: int) -> NDArray[np.intp]:
        keys = generator.random((count, len(numbers)))[:, family]
        return keys.argsort(axis=1, kind="stable")

    return Chance(p_order=_share(line, best, any_order), p_family=_share(line, best, family_order))


def _share(line: "_Line", best: float, orders: Any) -> float:
    as_good, done = 0, 0
    while done < ORDERS:
        count = min(_CHUNK, ORDERS - done)
        # Tolerate a slightly lower gain, because sums in another order differ by rounding.
        as_good += int((line.gains(orders(count)).max(axis=1) >= best * (1 - 1e-9)).sum())
        done += count
    return (as_good + 1) / (ORDERS + 1)


@dataclass(frozen=True)
class _Line:
    """A line through (x, y), its residuals, and what a step at any cut explains."""

    x: Array
    residuals: Array
    left: float

    @property
    def n(self) -> int:
        return len(self.x)

    @classmethod
    def of(cls, x: Sequence[float], y: Sequence[float]) -> "_Line | None":
        a, b = np.asarray(x, float), np.asarray(y, float)
        if a.size < 5 or np.ptp(a) == 0:
            return None
        slope, base = np.polyfit(a, b, 1)
        residuals = b - base - slope * a
        left = float(np.square(residuals).sum())
        return cls(a, residuals, left) if left > 1e-18 * np.square(b).sum() else None

    def gains(self, orders: NDArray[np.intp]) -> Array:
        """Return the sum of squares that a step behind each cut removes: [orders, n - 1].

        The residuals are regressed on the step, from which the line has been removed as well.
        """
        centered = self.x - self.x.mean()
        before = np.arange(1, self.n)
        sums = np.cumsum(self.residuals[orders], axis=1)[:, :-1]
        spread = np.cumsum(centered[orders], axis=1)[:, :-1]
        own = before - before**2 / self.n - spread**2 / np.square(centered).sum()
        # A cut that the line can reproduce (own = 0) explains nothing.
        gained: Array = np.where(own > 1e-9, sums**2 / np.maximum(own, 1e-9), 0.0)
        return gained
