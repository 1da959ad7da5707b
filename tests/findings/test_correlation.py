import numpy as np
import pytest
from scipy import stats

from dnnbench.findings import correlation

FAMILIES = tuple(range(22)) * 2


def sample(seed: int, rho: float, n: int = 44) -> tuple[tuple[float, ...], tuple[float, ...]]:
    generator = np.random.default_rng(seed)
    x = generator.normal(size=n)
    y = rho * x + np.sqrt(1 - rho**2) * generator.normal(size=n)
    return tuple(x), tuple(y)


@pytest.mark.parametrize("rho", [-0.9, 0.0, 0.5])
def test_coefficients_agree_with_scipy(rho: float) -> None:
    x, y = sample(1, rho)
    y = tuple(round(value, 1) for value in y)  # Ties.
    linear, ranks = (f(x, y, FAMILIES) for f in (correlation.pearson, correlation.spearman))
    assert linear.value == pytest.approx(stats.pearsonr(x, y).statistic)
    assert ranks.value == pytest.approx(stats.spearmanr(x, y).statistic)


@pytest.mark.parametrize("measure", [correlation.pearson, correlation.spearman])
def test_intervals_are_reproducible_and_give_the_sign(measure) -> None:
    rising, falling, flat = (measure(*sample(2, rho), FAMILIES) for rho in (0.8, -0.8, 0.0))
    measure.cache_clear()
    assert rising == measure(*sample(2, 0.8), FAMILIES)
    assert (rising.sign, falling.sign, flat.sign) == (1, -1, 0)
    for found in (rising, falling, flat):
        assert found.low < found.value < found.high
        assert f"{found.value:.2f} ({found.low:.2f} to {found.high:.2f};" in str(found)


def test_intervals_cover_the_true_coefficient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(correlation, "RESAMPLES", 999)
    found = [correlation.pearson(*sample(seed, 0.6), FAMILIES) for seed in range(200)]
    covered = sum(each.low <= 0.6 <= each.high for each in found)
    assert 0.87 <= covered / len(found) <= 0.99


@pytest.mark.parametrize(
    ("x", "y"), [((1.0, 2.0), (1.0, 2.0)), ((1.0, 1.0, 1.0), (1.0, 2.0, 3.0)), ((1.0,) * 3, (1.0,))]
)
def test_too_few_or_constant_values_are_refused(x: tuple[float, ...], y: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="expected at least 3 pairs that vary"):
        correlation.pearson(x, y, FAMILIES)


def test_a_correlation_that_depends_on_one_family_is_detected() -> None:
    x, y = sample(3, 0.0)
    # One family is far away in both columns, so the coefficient depends on it alone.
    x, y = (*x[:-4], 20.0, 21.0, 22.0, 23.0), (*y[:-4], 20.0, 21.0, 22.0, 23.0)
    families = (*range(40), *["far"] * 4)
    found = correlation.pearson(x, y, families)
    assert found.value > 0.9
    assert found.without_low == pytest.approx(stats.pearsonr(x[:-4], y[:-4]).statistic)
    assert found.least == min(found.low, found.without_low) < 0.5
    spread = correlation.pearson(*sample(2, 0.8), FAMILIES)
    assert spread.low < spread.without_low <= spread.value <= spread.without_high < spread.high
    assert correlation.Correlation(0.5, 0.2, 0.7, -0.1, 0.6).sign == 0
    assert correlation.Correlation(-0.5, -0.7, -0.2, -0.6, -0.1).sign == -1


def test_a_perfect_correlation_has_an_interval_of_zero_width() -> None:
    x = tuple(float(i) for i in range(10))
    found = correlation.spearman(x, x, x)
    assert (found.low, found.value, found.high) == (1, 1, 1)
