"""Detection of table rows whose labels were exchanged.

One quantity of a network (such as its latency) is predicted from another that is certain (its
counted operations) by a line with a common slope and an intercept for each family. Two or three
rows of one family whose values were exchanged are far from that line, and close to it once the
exchange is undone. Every such exchange is tried.

One exchange always fits best. A permutation test shows whether it is significant: the residuals are
reassigned to the networks at random, and the best exchange is searched in each random table. ``p``
is the share of tables, including the actual one, whose best exchange improves the fit as much.

The residuals of exchanged rows are permuted with the rest, which makes the test conservative. Of
200 simulated tables of 48 rows without an exchange, none had p <= 0.01 with normal noise, and 2%
did with Student's t noise of three degrees of freedom. (With residuals taken after undoing the best
exchange, it would have been 3% and 19%.) The price: two outliers fall into one family by chance in
about one table in a hundred, so p of an exchange of two rows can exceed 0.01 even if it is obvious.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Significance level of an exchange.
LEVEL = 0.01
SHUFFLES = 1_999
_SEED = 20181001
_SIZES = (2, 3)

Array = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Relabeling:
    """The best-fitting exchange within a family.

    ``owners``: label -> owner of the row's value.

    ``left`` and ``next_left`` are the sums of squared residuals with the best and the second best
    exchange undone, as shares of the sum as labeled. ``tried`` is the number of exchanges.
    """

    owners: dict[str, str]
    left: float
    next_left: float
    tried: int
    p: float

    @property
    def found(self) -> bool:
        """Whether the exchange is significant at the 1% level."""
        return self.p <= LEVEL


def best_relabeling(
    labels: Sequence[str],
    values: Sequence[Sequence[float]],
    predictor: Sequence[float],
    families: Mapping[str, Hashable],
) -> Relabeling | None:
    """Return the exchange of two or three rows of a family that fits best.

    ``values``: n rows of one or more columns, exchanged together but fitted separately;
    ``predictor``: n numbers. Both must be on a scale on which the relation is linear. Families with
    one network are ignored. Returns ``None`` if there are fewer than two exchanges, or if the line
    fits exactly.
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

    # The intercept of a small family follows its rows, so rescale residuals by their leverage.
    spread = residuals / np.sqrt(np.maximum(1 - leverage, 1e-9))[:, None]
    generator = np.random.default_rng(_SEED)
    dealt = np.stack([spread[generator.permutation(len(y))] for _ in range(SHUFFLES)], axis=-1)
    by_chance = _ratios(fitted[:, :, None] + dealt, exchanges, basis).min(axis=0)
    as_good = int((by_chance <= ratios[order[0]]).sum())
    best = exchanges[order[0]]
    return Relabeling(
        owners={
            labels[kept[at]]: labels[kept[to]]
            # Row `to` takes the value found in row `at`, so the value in row `at` belongs to `to`.
            for to, at in enumerate(best)
            if to != at
        },
        left=float(ratios[order[0]]),
        next_left=float(ratios[order[1]]),
        tried=len(exchanges),
        p=(as_good + 1) / (SHUFFLES + 1),
    )


def relabeled(values: Mapping[str, float], owners: Mapping[str, str]) -> dict[str, float]:
    """Return ``values`` by owner: each value moves from its label to its owner."""
    moved = {owners.get(label, label): value for label, value in values.items()}
    return {label: moved[label] for label in values}


def _exchanges(groups: Sequence[Sequence[int]], kept: Sequence[int]) -> list[list[int]]:
    """Return every exchange, as the position in ``kept`` of each row's value."""
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
    """Return an orthonormal basis [n, r] of the design's columns, and leverages [n]."""
    left, sizes, _ = np.linalg.svd(design, full_matrices=False)
    basis = left[:, sizes > 1e-10 * sizes[0]]
    return basis, np.square(basis).sum(axis=1)


def _ratios(tables: Array, exchanges: Sequence[Sequence[int]], basis: Array) -> Array:
    """Return the residual sum of squares after each exchange relative to before.

    ``tables``: [n, columns, tables]; the result is [exchanges, tables]. Exchanging rows does not
    change the total sum of squares, so only the explained part is recomputed.
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
        # Moving rows of the basis the other way gives the same products as moving the values.
        moved = np.empty_like(basis)
        moved[source] = basis
        after.append(left(moved))
    return np.stack(after) / before
