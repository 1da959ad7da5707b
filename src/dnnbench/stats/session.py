"""Latencies of a session's cells, estimated together.

The estimand is the median over fresh processes of the session, as in
:mod:`dnnbench.stats.intervals`. With the logarithms of the process medians:

1. The effect of the machine's state on each process is predicted
   (:mod:`dnnbench.stats.adjustment`) and subtracted.
2. The mean of a cell's adjusted processes is its level. The variance between them is moderated over
   all cells (:mod:`dnnbench.stats.moderation`), which gives a t interval.
3. The level is a mean without the machine's effect, but the estimand is a median that includes it.
   The distribution of a cell's processes is therefore composed of the effects on all processes of
   the session, and of their residuals in units of their cell's standard deviation. The median of
   this distribution is added to the level.
4. A round is a short part of a session, in which the machine may be in one state for all cells. The
   variance between rounds that all cells share is therefore added (:mod:`dnnbench.stats.rounds`):
   more processes in a round do not reduce it.

A session with a few cells has too little to share. Its cells are estimated one by one.
"""

from collections.abc import Iterable
from math import pi
from statistics import median

import numpy as np

from dnnbench.records.latency_records import LatencyLine
from dnnbench.records.published_study import STUDY
from dnnbench.stats import intervals
from dnnbench.stats.adjustment import Adjustment, adjust, centered, signals, variances
from dnnbench.stats.intervals import Estimate
from dnnbench.stats.moderation import Floats, Integers, moderated
from dnnbench.stats.rounds import shared_error

# A network and a batch size.
Cell = tuple[str, int]

# Degrees of freedom of all cells together; with fewer, cells are estimated one by one.
MIN_DF = 30
# Processes that represent the session's distribution.
_REPRESENTATIVES = 2000


def fit(lines: Iterable[LatencyLine]) -> dict[Cell, Estimate]:
    """Estimate all cells of one device, variant and protocol from one or more sessions.

    Return their latencies, in ms per pass. Lines without a latency are ignored. Cells that were
    measured in different sessions are estimated separately, because the machine may have changed.
    """
    cells: dict[Cell, list[LatencyLine]] = {}
    for line in lines:
        if line.status == "ok":
            cells.setdefault((line.model, line.batch_size), []).append(line)
    found: dict[Cell, Estimate] = {}
    together: dict[frozenset[str], dict[Cell, list[LatencyLine]]] = {}
    for cell, of in cells.items():
        if of[0].protocol == STUDY:
            found[cell] = intervals.single_process(of[0].samples_ms)
        elif len(of) == 1:
            found[cell] = intervals.interval([median(of[0].samples_ms)])
        else:
            together.setdefault(frozenset(line.session for line in of), {})[cell] = of
    for part in together.values():
        found |= _fit(part)
    return found


def _fit(cells: dict[Cell, list[LatencyLine]]) -> dict[Cell, Estimate]:
    """Estimate cells of two or more processes each, from the same sessions."""
    processes = [(line, number) for number, of in enumerate(cells.values()) for line in of]
    processes.sort(key=lambda one: one[0].started)
    lines = [line for line, _ in processes]
    times = np.array([median(line.samples_ms) for line in lines])
    numbers = np.array([number for _, number in processes])
    rounds = np.array([line.round for line in lines])
    found = estimates(times, numbers, signals(lines), rounds)
    return dict(zip(cells, found, strict=True))


def estimates(times: Floats, cells: Integers, observed: Floats, rounds: Integers) -> list[Estimate]:
    """Return the estimates of G cells from N processes in order of time.

    ``times`` [N] are process medians, ``cells`` [N] numbers from 0 to G - 1, with two or more
    processes each, ``observed`` [N, K] signals of the machine's state, and ``rounds`` [N] numbers
    of their rounds. The estimates are in the unit of ``times``.
    """
    count = np.bincount(cells)
    free = len(times) - len(count)
    if free < MIN_DF:
        return [intervals.interval(times[cells == cell].tolist()) for cell in range(len(count))]
    logs = np.log(times)
    machine = adjust(logs, cells, observed)
    adjusted = logs - machine.sensitivity[cells] * machine.effect
    level = np.bincount(cells, adjusted) / count
    rest = centered(adjusted, cells)
    variance, df = moderated(
        variances(rest, cells) * free / (free - machine.df), (count - 1).astype(float), level
    )
    sd = np.sqrt(variance)
    standardized = rest / (sd * np.sqrt(1 - 1 / count))[cells]
    shift, shift_se = _median(machine, sd, df, standardized)
    shared = shared_error(logs, cells, rounds)
    own = zip(np.hypot(sd / np.sqrt(count), shift_se).tolist(), df.tolist(), strict=True)
    return [
        intervals.estimate(value, *intervals.combined(within, shared), within=within)
        for value, within in zip(np.exp(level + shift).tolist(), own, strict=True)
    ]


def _median(
    machine: Adjustment, sd: Floats, df: Floats, standardized: Floats
) -> tuple[Floats, Floats]:
    """Return the median [G] of the distribution of each cell's processes around its level.

    Also return its standard error [G], because sensitivity and standard deviation are estimates,
    and the processes a sample: pi / 2 x variance / N for the median of a normal distribution.
    """
    some = slice(None, None, -(-len(standardized) // _REPRESENTATIVES))
    effect, residual = machine.effect[some], standardized[some]

    def at(sensitivity: Floats, deviation: Floats) -> Floats:
        return np.median(np.outer(sensitivity, effect) + np.outer(deviation, residual), axis=1)

    own, own_se = machine.sensitivity, machine.sensitivity_se
    sd_se = sd / np.sqrt(2 * df)
    by_sd = (at(own, sd + sd_se) - at(own, sd - sd_se)) / 2
    by_sensitivity = (at(own + own_se, sd) - at(own - own_se, sd)) / 2
    total = sd**2 + own**2 * effect.var()
    by_sample = np.sqrt(pi / 2 * total / len(effect))
    return at(own, sd), np.sqrt(by_sd**2 + by_sensitivity**2 + by_sample**2)
