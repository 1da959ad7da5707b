"""Intervals and tests of shares: published examples, hand-computed cases, and simulations."""

from math import comb

import numpy as np
import pytest

from dnnbench.stats import proportions

# One share -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    # Newcombe, Statistics in Medicine 17, 1998, 857: the examples of his table I, method 3.
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_intervals_match_published_wilson_intervals(
    right: int, n: int, low: float, high: float
) -> None:
    assert proportions.wilson(right, n) == pytest.approx(
        (100 * right / n, 100 * low, 100 * high), abs=0.005
    )
    assert proportions.wilson(right, n)[1] >= 0
    mirrored = proportions.wilson(n - right, n)
    assert mirrored[2] == pytest.approx(100 - 100 * low, abs=0.005) and mirrored[2] <= 100


# A pair --------------------------------------------------------------------------------------


def test_paired_differences_match_a_published_example() -> None:
    # Fagerland, Lydersen and Laake, Statistical Analysis of Contingency Tables, chapter 8, from
    # Cavo et al. 2012: of 161 patients 6 responded only before and 16 only after the therapy.
    diff, low, high = proportions.paired_difference(6, 16, 161)
    assert (diff, low, high) == pytest.approx((-0.0621, -0.1195, -0.0032), abs=5e-5)
    assert proportions.mcnemar(6, 16) == pytest.approx(0.052479, abs=5e-7)


@pytest.mark.parametrize(("one", "other"), [(1, 7), (0, 5), (3, 20)])
def test_mcnemars_p_value_is_a_binomial_tail(one: int, other: int) -> None:
    n = one + other
    tail = sum(comb(n, k) for k in range(one + 1)) / 2**n
    assert proportions.mcnemar(one, other) == pytest.approx(2 * tail)
    assert proportions.mcnemar(other, one) == pytest.approx(2 * tail)


def test_even_or_no_disagreements_are_inconclusive() -> None:
    assert proportions.mcnemar(4, 4) == proportions.mcnemar(0, 0) == 1
    diff, low, high = proportions.paired_difference(0, 0, 100)
    assert diff == 0 and low == -high < 0


def test_an_interval_stays_within_its_range() -> None:
    assert proportions.paired_difference(3, 0, 3)[2] <= 1
    assert proportions.paired_difference(0, 3, 3)[1] >= -1


@pytest.mark.parametrize("n", [20, 100, 2000])
@pytest.mark.parametrize(("only_a", "only_b"), [(0.05, 0.05), (0.15, 0.05), (0.01, 0.02)])
def test_the_interval_covers_the_truth(n: int, only_a: float, only_b: float) -> None:
    luck = np.random.default_rng(n)
    tables = luck.multinomial(n, [only_a, only_b, 1 - only_a - only_b], size=3000)
    covered = 0
    for table in tables.tolist():
        _, low, high = proportions.paired_difference(table[0], table[1], n)
        covered += low <= only_a - only_b <= high
    # With few disagreements, coverage exceeds the level, which is conservative.
    assert covered / len(tables) >= 0.935
    if n == 2000:
        assert covered / len(tables) <= 0.965


def test_holms_correction_has_the_values_computed_by_hand() -> None:
    # In order: 0.005 x 4, 0.01 x 3, 0.03 x 2, and 0.04 x 1, which may not fall below that.
    assert proportions.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert proportions.holm([0.9, 0.8]) == [1, 1]
    assert proportions.holm([]) == []


def test_holm_controls_the_error_of_a_whole_table() -> None:
    # Ten true hypotheses: at least one of them is rejected in at most 5% of the tables.
    luck = np.random.default_rng(1)
    tables = luck.uniform(size=(4000, 10)).tolist()
    assert np.mean([min(proportions.holm(table)) < 0.05 for table in tables]) <= 0.055
