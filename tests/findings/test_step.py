"""A step along an order: planted steps are found, and high families are not mistaken for one."""

import numpy as np
import pytest

from dnnbench.findings import step

N, FAMILIES, NOISE = 44, 17, 20.0


@pytest.fixture(autouse=True)
def _fewer_orders(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use few orders, but enough for p = 0.0005."""
    monkeypatch.setattr(step, "ORDERS", 1_999)


def table(seed: int, place: int | None = None, size: float = 150.0):
    """Return sizes, memory and families, with a step behind ``place`` if given."""
    generator = np.random.default_rng(seed)
    x = generator.uniform(5, 550, N)
    y = 1.1 * x + 650 + generator.normal(0, NOISE, N)
    if place is not None:
        y[place:] += size
    # Families are mostly adjacent, as in alphabetical order.
    families = np.sort(generator.integers(0, FAMILIES, N))
    return list(x), list(y), list(families)


@pytest.mark.parametrize("place", [12, 26, 34])
@pytest.mark.parametrize("seed", range(5))
def test_a_planted_step_is_found(seed: int, place: int) -> None:
    x, y, families = table(seed, place)
    found, luck = step.best_step(x, y), step.chance(x, y, families)
    assert found is not None and luck is not None and luck.found
    assert abs(found.place - place) <= 1
    assert found.low <= 150 <= found.high or abs(found.size - 150) < 30
    assert found.explained > 0.8
    assert found.slope == pytest.approx(1.1, abs=0.1)


def test_no_step_is_found_if_none_was_planted() -> None:
    seen = [step.chance(x, y, families) for x, y, families in map(table, range(40))]
    assert all(luck is not None for luck in seen)
    assert sum(luck.found for luck in seen if luck) <= 2
    # Without a step, p is spread over all values.
    assert 0.3 < float(np.median([luck.p_order for luck in seen if luck])) < 0.7


def test_a_planted_step_is_lost_when_labels_are_shuffled() -> None:
    seen = []
    for seed in range(20):
        x, y, families = table(seed, 26)
        order = np.random.default_rng(seed).permutation(N)
        shuffled = [[column[i] for i in order] for column in (x, y, families)]
        seen.append(step.chance(*shuffled))
    assert sum(luck.found for luck in seen if luck) <= 1


def test_high_families_are_not_a_step_along_the_order() -> None:
    # Every other family is high, so cuts along the order explain little.
    seen = []
    for seed in range(20):
        x, y, families = table(seed)
        raised = [v + 150 * (family % 2) for v, family in zip(y, families, strict=True)]
        seen.append(step.chance(x, raised, families))
    assert sum(luck.found for luck in seen if luck) <= 1


def test_with_two_large_families_an_order_is_indistinguishable_from_families() -> None:
    # With two families, any order of whole families has the same cut.
    x, y, _ = table(3, 22)
    luck = step.chance(x, y, [0] * 22 + [1] * 22)
    assert luck is not None and luck.p_order < 0.01 and luck.p_family == 1 and not luck.found


@pytest.mark.parametrize("seed", range(5))
def test_the_best_cut_agrees_with_fitting_every_cut(seed: int) -> None:
    # Independent oracle: least squares with every cut.
    x, y, _ = table(seed, 30, size=40.0)

    def left(place: int) -> float:
        design = np.column_stack([np.ones(N), x, np.arange(N) >= place])
        return float(np.linalg.lstsq(design, np.array(y), rcond=None)[1][0])

    whole = float(np.linalg.lstsq(np.column_stack([np.ones(N), x]), np.array(y), rcond=None)[1][0])
    best = min(range(1, N), key=left)
    found = step.best_step(x, y)
    assert found is not None and found.place == best
    assert found.explained == pytest.approx(1 - left(best) / whole)


def test_the_interval_covers_a_planted_step() -> None:
    covered = 0
    for seed in range(200):
        x, y, _ = table(seed, 26, size=50.0)
        found = step.step_at(x, y, 26)
        assert found is not None
        covered += found.low <= 50 <= found.high
    assert 180 <= covered <= 200


@pytest.mark.parametrize(
    ("x", "y"),
    [
        ([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 1.0, 2.0]),
        ([1.0] * 6, [1.0, 2.0, 1.0, 2.0, 3.0, 1.0]),
        ([1.0, 2.0, 3.0, 4.0, 5.0], [2.0, 4.0, 6.0, 8.0, 10.0]),
    ],
)
def test_tables_without_a_testable_step_give_none(x: list[float], y: list[float]) -> None:
    assert step.best_step(x, y) is None
    assert step.chance(x, y, x) is None
