"""Variances between processes, moderated over the cells of a session.

Five processes give a poor estimate of a cell's variance, but a session has many cells. Their
variances are taken to vary around a common trend in latency, and each cell's own variance is drawn
toward that trend. This is the empirical Bayes method of limma (Smyth, Stat. Appl. Genet. Mol. Biol.
3(1):3, 2004, sections 4 and 6.2), protected from cells with an exceptional variance (Phipson et
al., Ann. Appl. Stat. 10(2), 2016).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, polygamma
from scipy.stats import f, norm

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

# With fewer cells, a cell keeps its own variance, or the trend is constant.
MIN_CELLS = 5
MIN_CELLS_TREND = 20
# More degrees of freedom make no difference.
_MAX_DF = 1000.0
# Cells outside this range of the deviations from the trend do not affect it.
_RANGE = (0.1, 0.9)


@dataclass(frozen=True)
class Prior:
    """Variance that each cell would have by the trend, and its weight in degrees of freedom."""

    variance: Floats
    df: Floats


def moderated(variance: Floats, df: Floats, logs: Floats) -> tuple[Floats, Floats]:
    """Return the moderated variances [G], and their degrees of freedom [G].

    ``variance`` has the positive variances of G cells, each with ``df`` degrees of freedom, and
    ``logs`` the logarithms of their latencies. With a few cells, they are returned unchanged.
    """
    if len(variance) < MIN_CELLS:
        return variance, df
    known = prior(variance, df, logs)
    total = known.df + df
    pooled = (known.df * known.variance + df * variance) / total
    return pooled, np.minimum(total, df.sum())


def prior(variance: Floats, df: Floats, logs: Floats) -> Prior:
    """Return the prior distribution of the variances.

    The logarithm of a variance has the mean and variance of a logarithm of F(df, prior df). The
    prior df are those that explain the spread of the logarithms around their trend (Smyth, section
    6.2), taken from quantiles so that a tenth of the cells may be exceptional.
    """
    levels = np.log(variance) - _log_mean(df)
    trend, spread = _trend(levels, logs)
    prior_df = min(_MAX_DF, 2 * trigamma_inverse(spread - polygamma(1, df / 2).mean()))
    center = np.exp(trend + _log_mean(np.array(prior_df)))
    # The probability of a variance this large, and the share of cells that have one. A cell whose
    # variance is less probable than its rank suggests is drawn less toward the trend.
    tail = np.asarray(f.sf(variance / center, df, prior_df))
    rank = np.empty(len(tail))
    rank[np.argsort(tail)] = (np.arange(len(tail)) + 0.5) / len(tail)
    return Prior(center, prior_df * np.minimum(tail / rank, 1))


def _trend(levels: Floats, logs: Floats) -> tuple[Floats, float]:
    """Return a linear trend, and the variance around it, unaffected by extreme tenths."""
    columns = [np.ones(len(logs))]
    if len(logs) >= MIN_CELLS_TREND:
        columns.append(logs - logs.mean())
    design = np.column_stack(columns)
    bounded, low, high = levels, 0.0, 0.0
    for _ in range(5):
        trend = design @ np.linalg.lstsq(design, bounded)[0]
        low, high = np.quantile(levels - trend, _RANGE)
        bounded = trend + np.clip(levels - trend, low, high)
    spread = (high - low) / (norm.ppf(_RANGE[1]) - norm.ppf(_RANGE[0]))
    return trend, float(spread**2 * len(logs) / (len(logs) - len(columns)))


def _log_mean(df: Floats) -> Any:
    """Return the mean of the logarithm of a mean square with ``df`` degrees of freedom."""
    return digamma(df / 2) - np.log(df / 2)


def trigamma_inverse(value: float) -> float:
    """Return x with trigamma(x) = ``value``; infinity if it is not positive.

    Newton's method (Smyth 2004, appendix).
    """
    if value <= 0:
        return np.inf
    if value < 1e-6:
        return 1 / value
    x = 0.5 + 1 / value
    for _ in range(50):
        found = float(polygamma(1, x))
        step = found * (1 - found / value) / float(polygamma(2, x))
        x += step
        if abs(step) < 1e-8 * x:
            break
    return x
