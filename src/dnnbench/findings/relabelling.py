"""Rows of a table whose labels were exchanged, found from what the numbers should be.

A number of a network (its time, say) is predicted from one that is known for certain (its counted
operations), by a line with a slope for all and an intercept for each family of networks. Two or
three rows of one family whose values were exchanged lie far from that line, and near it once the
exchange is undone. Every such exchange is tried.

One of them always fits best. Whether it means anything is asked of tables without exchanged rows:
the residuals are dealt out anew to the networks, and the best exchange is looked for in each. ``p``
is the share of those tables, this one counted in, where it improves the fit as much.

The residuals of an exchange are dealt out with the rest, which makes the test careful: of 200
simulated tables of 48 rows without one, p was 0.01 or less in none with normal noise, and in 2 %
with that of Student's t of three degrees of freedom. (Residuals after the best exchange has been
undone would have given 3 and 19 %.) The price: two outliers land in one family by chance in about
one table in a hundred, so that p of an exchange of two rows can stay above 0.01, however clear.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Below this share the exchange is taken to be one.
LEVEL = 0.01
SHUFFLES = 1_999
_SEED = 20181001
_SIZES = (2, 3)

Array = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Relabelling:
    """The exchange within a family that fits best; ``owners``: label -> whose value stands there.

    ``left`` and ``next_left`` are the sums of squared residuals under it and under the second
    best, as shares of the sum as labelled; ``tried`` is how many exchanges there were.
    """

    owners: dict[str, str]
    left: float
    next_left: float
    tried: int
    p: float

    @property
    def found(self) -> bool:
        """Whether chance would give as much in fewer than one table in a hundred."""
        return self.p <= LEVEL


def best_relabelling(
    labels: Sequence[str],
    values: Sequence[Sequence[float]],
    predictor: Sequence[float],
    families: Mapping[str, Hashable],
) -> Relabelling | None:
    """The exchange of two or three rows of one family that makes ``values`` fit best.

    ``values``: n rows of one or more columns that would be exchanged together, each fitted for
    itself; ``predictor``: n numbers. Both on the scale on which the line is straight. Families of
    one network are left out. ``None`` where there is nothing to exchange or no way to judge it:
    fewer than two exchanges, or a line that fits exactly as it is.
    """
    members: dict[Hashable, list[int]] = {}
    for place, label in enumerate(labels):
        members.setdefault(families[label], []).append(place)
    groups = [rows for rows in members.values() if len(rows) > 1]
    kept = [row for rows in groups for row in rows]
    exchanges = _exchanges(groups, kept)
    if len(exchanges) < 2:
        return None

    y = np.asarray(values, float)[kept]
    dummies = [[float(row in rows) for rows in groups] for row in kept]
    basis, leverage = _basis(np.column_stack([dummies, np.asarray(predictor, float)[kept]]))
    fitted = basis @ (basis.T @ y)
    residuals = y - fitted
    if not np.square(residuals).sum() > 1e-18 * np.square(y).sum():
        return None
    ratios = _ratios(y[:, :, None], exchanges, basis)[:, 0]
    order = np.argsort(ratios)

    # Residuals of small families are small since their intercept follows them: made comparable.
    spread = residuals / np.sqrt(np.maximum(1 - leverage, 1e-9))[:, None]
    generator = np.random.default_rng(_SEED)
    dealt = np.stack([spread[generator.permutation(len(y))] for _ in range(SHUFFLES)], axis=-1)
    by_chance = _ratios(fitted[:, :, None] + dealt, exchanges, basis).min(axis=0)
    as_good = int((by_chance <= ratios[order[0]]).sum())
    best = exchanges[order[0]]
    return Relabelling(
        owners={
            labels[kept[at]]: labels[kept[to]]
            # Row `to` takes the value that stands at `at`: the value at `at` is the one of `to`.
            for to, at in enumerate(best)
            if to != at
        },
        left=float(ratios[order[0]]),
        next_left=float(ratios[order[1]]),
        tried=len(exchanges),
        p=(as_good + 1) / (SHUFFLES + 1),
    )


def relabelled(values: Mapping[str, float], owners: Mapping[str, str]) -> dict[str, float]:
    """``values`` by their owners: what stands under a label goes to the network it is of."""
    moved = {owners.get(label, label): value for label, value in values.items()}
    return {label: moved[label] for label in values}


def _exchanges(groups: Sequence[Sequence[int]], kept: Sequence[int]) -> list[list[int]]:
    """Every exchange, as the place in ``kept`` from which each row takes its value."""
    place = {row: at for at, row in enumerate(kept)}
    found = []
    for rows in groups:
        for size in _SIZES:
            for chosen in combinations(rows, size):
                for order in permutations(chosen):
                    if all(a != b for a, b in zip(chosen, order, strict=True)):
                        source = list(range(len(kept)))
                        for a, b in zip(chosen, order, strict=True):
                            source[place[a]] = place[b]
                        found.append(source)
    return found


def _basis(design: Array) -> tuple[Array, Array]:
    """An orthonormal basis of the columns of ``design`` (n x r), and each row's leverage (n)."""
    left, sizes, _ = np.linalg.svd(design, full_matrices=False)
    basis = left[:, sizes > 1e-10 * sizes[0]]
    return basis, np.square(basis).sum(axis=1)


def _ratios(tables: Array, exchanges: Sequence[Sequence[int]], basis: Array) -> Array:
    """Residual sum of squares after each exchange over that before: exchanges x tables.

    ``tables``: n x columns x tables. Exchanging rows leaves the sum of squares as it is, so only
    the part that the line explains has to be worked out anew.
    """
    n, columns, count = tables.shape
    flat = tables.reshape(n, columns * count)
    total = np.square(flat).sum(axis=0)

    def left(rows: Array) -> Array:
        remaining = total - np.square(rows.T @ flat).sum(axis=0)
        summed: Array = remaining.reshape(columns, count).sum(axis=0)
        return summed

    before = left(basis)
    after = []
    for source in exchanges:
        # Rows of the basis moved the other way give the same products as moving the values.
        moved = np.empty_like(basis)
        moved[source] = basis
        after.append(left(moved))
    return np.stack(after) / before
