"""Moderated variances against limma's published formulas, recomputed here without scipy."""

import numpy as np
import pytest

from dnnbench.stats import moderation


@pytest.mark.parametrize("x", [0.3, 1.0, 2.0, 7.5, 400.0])
def test_the_inverse_of_trigamma_inverts_its_series(x):
    # trigamma(x) is the sum of 1 / (x + k)^2; the integral approximates the rest.
    count = 200_000
    trigamma = (1 / (x + np.arange(count)) ** 2).sum() + 1 / (x + count - 0.5)
    assert moderation.trigamma_inverse(trigamma) == pytest.approx(x, rel=1e-4)


def test_a_spread_below_that_of_samples_has_infinite_degrees_of_freedom():
    assert moderation.trigamma_inverse(0.0) == np.inf


def drawn(seed, cells=4000, prior_df=6.0, variance=0.01, df=4):
    """Return sample variances of cells, and the logarithms of their latencies."""
    rng = np.random.default_rng(seed)
    logs = rng.uniform(2, 7, cells)
    own = variance * prior_df / rng.chisquare(prior_df, cells) * np.exp(-0.4 * (logs - 4.5))
    return own * rng.chisquare(df, cells) / df, np.full(cells, float(df)), logs


def test_the_prior_that_variances_were_drawn_from_is_recovered():
    variances, df, logs = drawn(seed=1)
    prior = moderation.prior(variances, df, logs)
    assert np.median(prior.df) == pytest.approx(6, rel=0.25)
    expected = 0.01 * np.exp(-0.4 * (logs - 4.5))
    assert np.median(abs(np.log(prior.variance / expected))) < 0.1


def test_a_moderated_variance_is_the_mean_weighted_by_degrees_of_freedom():
    variances, df, logs = drawn(seed=2, cells=60)
    prior = moderation.prior(variances, df, logs)
    found, total = moderation.moderated(variances, df, logs)
    cell = int(np.argsort(variances)[30])
    d0, s0 = prior.df[cell], prior.variance[cell]
    # Smyth 2004, section 4.
    assert found[cell] == pytest.approx((d0 * s0 + 4 * variances[cell]) / (d0 + 4))
    assert total[cell] == pytest.approx(d0 + 4)


def test_cells_with_a_hundredfold_variance_keep_it_and_leave_the_others_alone():
    variances, df, logs = drawn(seed=3, cells=88, prior_df=50.0)
    noisy = variances * np.where(np.arange(88) < 5, 100, 1)
    found, total = moderation.moderated(noisy, df, logs)
    assert found[:5] == pytest.approx(noisy[:5], rel=0.2)
    assert total[:5] == pytest.approx(4, abs=2)
    undisturbed, _ = moderation.moderated(variances, df, logs)
    assert np.median(found[5:] / undisturbed[5:]) == pytest.approx(1, abs=0.25)


def test_a_few_cells_keep_their_variances():
    variances, df, logs = drawn(seed=4, cells=4)
    found, total = moderation.moderated(variances, df, logs)
    assert found.tolist() == variances.tolist()
    assert total.tolist() == df.tolist()
