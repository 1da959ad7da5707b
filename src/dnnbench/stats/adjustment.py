"""Effects of the machine's state on the processes of a session.

What disturbs one process often disturbs its neighbors in time, whatever network they run. A
process's effect is therefore predicted, from signals next to the process and from the processes
before and after it. All effects are logarithms.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log, log1p
from statistics import fmean

import numpy as np
from scipy.optimize import nnls

from dnnbench.records.disturbance_records import Disturbance
from dnnbench.records.latency_records import LatencyLine
from dnnbench.stats.moderation import Floats, Integers

# The most informative first, because a session may have too few processes for all.
SIGNALS: Sequence[Callable[[Disturbance], float | None]] = (
    lambda seen: log(fmean(seen.reference_compute_ms)),
    lambda seen: None if seen.run_delay is None else log1p(seen.run_delay),
    lambda seen: None if seen.touch_ms is None else log(seen.touch_ms[1]),
    lambda seen: log(fmean(seen.reference_memory_ms)),
    lambda seen: None if seen.steal is None else log1p(seen.steal),
    lambda seen: None if seen.stopped is None else log1p(seen.stopped),
)
DF_PER_SIGNAL = 10
DF_STATE = 40
# Number of processes before and after one that show the state of the machine.
NEIGHBORS = 8
# Bounds of the variance of the sensitivities to the machine's state, which are 1 on average.
_SPREAD = 0.04, 0.25
# Residuals beyond twice the usual are bounded, and cells beyond 9 times the variance.
_BOUND, _MAX_SQUARE = 2.0, 9.0


@dataclass(frozen=True)
class Adjustment:
    """Effect of the machine's state on N processes of G cells.

    ``effect`` [N] has a mean of 0. A cell feels ``sensitivity`` [G] times the effect, with the
    standard error ``sensitivity_se`` [G]. ``df`` is the number of coefficients shared by all cells.
    """

    effect: Floats
    sensitivity: Floats
    sensitivity_se: Floats
    df: int


def signals(lines: Sequence[LatencyLine]) -> Floats:
    """Return the signals [N, K] that all lines have and that vary."""
    columns = []
    for signal in SIGNALS:
        values = [None if (seen := line.disturbance) is None else signal(seen) for line in lines]
        known = [value for value in values if value is not None]
        if len(known) == len(lines) and max(known) > min(known):
            columns.append(known)
    return np.array(columns).reshape(-1, len(lines)).T


def adjust(logs: Floats, cells: Integers, observed: Floats) -> Adjustment:
    """Return the effects on N processes in order of time.

    ``logs`` [N] are the logarithms of their latencies, ``cells`` [N] their cells from 0 to G - 1,
    of two or more processes each, and ``observed`` [N, K] their signals.
    """
    count = np.bincount(cells)
    free = len(logs) - len(count)
    effect, df = np.zeros(len(logs)), 0
    observed = observed[:, : free // DF_PER_SIGNAL]
    if observed.size:
        coefficients = _coefficients(logs, cells, observed)
        effect, df = observed @ coefficients, int((coefficients > 0).sum())
    if free >= DF_STATE:
        rest = centered(logs - effect, cells)
        weight = _weights(rest, cells)
        state = _state(rest, cells, weight)
        own = centered(state, cells)
        share = float(weight @ (own * rest)) / max(float(weight @ own**2), 1e-300)
        effect, df = effect + min(max(share, 0.0), 1.0) * state, df + 1
    effect = effect - effect.mean()
    return Adjustment(effect, *_sensitivity(logs, cells, effect), df)


def centered(values: Floats, cells: Integers) -> Floats:
    """Return values minus the mean of their cell."""
    return values - (np.bincount(cells, values) / np.bincount(cells))[cells]


def variances(rest: Floats, cells: Integers) -> Floats:
    """Return the variance [G] of residuals, at least that of rounded times."""
    return np.maximum(np.bincount(cells, rest**2) / (np.bincount(cells) - 1), 1e-12)


def _weights(rest: Floats, cells: Integers) -> Floats:
    """Return weights [N] that are lower for cells with a large variance."""
    variance = variances(rest, cells)
    weights: Floats = 1 / (np.median(variance) + variance)
    return weights[cells]


def _coefficients(logs: Floats, cells: Integers, observed: Floats) -> Floats:
    """Return the coefficients [K] of a robust regression within cells.

    They are not negative, because a slower reference does not make a network faster.
    """
    columns = np.column_stack([centered(column, cells) for column in observed.T])
    scale = np.sqrt((columns**2).mean(axis=0)) + 1e-12
    target = centered(logs, cells)
    usual = np.sqrt(_weights(target, cells))
    weight = usual
    coefficients = np.zeros(len(scale))
    for _ in range(3):
        coefficients = nnls(columns / scale * weight[:, None], target * weight)[0] / scale
        rest = abs(target - columns @ coefficients) * usual
        bound = _BOUND * 1.4826 * np.median(rest)
        weight = usual * np.sqrt(np.minimum(1, bound / np.maximum(rest, 1e-12)))
    return coefficients


def _state(rest: Floats, cells: Integers, weight: Floats) -> Floats:
    """Return the weighted mean of the residuals of other cells' processes nearby in time."""
    total, weights = np.zeros(len(rest)), np.full(len(rest), 1e-300)
    for step in range(1, min(NEIGHBORS, len(rest) - 1) + 1):
        other = (cells[step:] != cells[:-step]) * (1 - step / (NEIGHBORS + 1))
        before, after = other * weight[:-step], other * weight[step:]
        total[step:] += before * rest[:-step]
        weights[step:] += before
        total[:-step] += after * rest[step:]
        weights[:-step] += after
    state: Floats = total / weights
    return state


def _sensitivity(logs: Floats, cells: Integers, effect: Floats) -> tuple[Floats, Floats]:
    """Return the sensitivity of each cell and its standard error.

    A cell's own regression coefficient is drawn toward 1. The less certain it is, the more it is
    drawn (moment estimator of DerSimonian and Laird, Control. Clin. Trials 7, 1986).
    """
    own = centered(effect, cells)
    squares = np.bincount(cells, own**2)
    if not squares.max() > 1e-12:
        return np.ones(len(squares)), np.zeros(len(squares))
    variance = variances(centered(logs, cells) - own, cells)
    error = (variance + np.median(variance)) / 2 / np.maximum(squares, 1e-12)
    excess = np.bincount(cells, own * logs) / np.maximum(squares, 1e-12) - 1
    weight = 1 / error
    surplus = np.minimum(excess**2 / error, _MAX_SQUARE).sum() - len(error)
    spread = surplus / max(float(weight.sum() - (weight**2).sum() / weight.sum()), 1e-300)
    spread = float(np.clip(spread, *_SPREAD))
    share = spread / (spread + error)
    return np.clip(1 + share * excess, 0, 2), np.sqrt(share * error)
