"""Variance between the rounds of a session that all cells share.

Another guest of the host, or the temperature, may slow a machine for a minute. All processes of a
round are then slow, and a session has only as many independent samples of this state as rounds.
"""

from math import sqrt

import numpy as np

from dnnbench.stats.moderation import Floats, Integers

# Standard deviation of a normal distribution relative to its median absolute deviation, and the
# variance of a median relative to that of a mean.
_MAD, _MEDIAN = 1.4826, np.pi / 2


def shared_error(logs: Floats, cells: Integers, rounds: Integers) -> tuple[float, float]:
    """Return the standard error of a session's mean due to its rounds, and its degrees of freedom.

    ``logs`` [N] are logarithms of latencies, ``cells`` [N] numbers from 0 to G - 1 and ``rounds``
    [N] the numbers of R rounds. The effect of a round is the median deviation of its cells from
    their means. Its variance, less what the spread between cells explains, is divided by R. The
    error is 0 for a single round.
    """
    _, rounds = np.unique(rounds, return_inverse=True)
    shape = int(cells.max()) + 1, int(rounds.max()) + 1
    if shape[1] == 1:
        return 0.0, 1.0
    sums, count = np.zeros(shape), np.zeros(shape)
    np.add.at(sums, (cells, rounds), logs)
    np.add.at(count, (cells, rounds), 1)
    means = np.where(count, sums / np.maximum(count, 1), np.nan)
    deviations = means - np.nanmean(means, axis=1, keepdims=True)
    effects = np.nanmedian(deviations, axis=0)
    spread = _MAD * np.nanmedian(abs(deviations - effects), axis=0)
    explained = _MEDIAN * np.mean(spread**2 / (count > 0).sum(axis=0))
    variance = max(float(effects.var(ddof=1) - explained), 0.0)
    return sqrt(variance / shape[1]), shape[1] - 1.0
