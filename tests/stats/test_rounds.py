"""Variance between the rounds of a session that all cells share."""

import numpy as np
import pytest

from dnnbench.stats import intervals, session
from dnnbench.stats.rounds import shared_error

CELLS, ROUNDS, MANY = 16, 5, 3


def drawn(rng, state):
    """Return logarithms, cells and rounds of sessions of MANY processes per cell and round.

    ``state`` is the standard deviation of the machine's state between rounds.
    """
    rounds, cells = np.divmod(np.arange(ROUNDS * CELLS * MANY), CELLS * MANY)
    cells = cells % CELLS
    logs = rng.normal(0, 0.04, len(cells)) + rng.normal(0, state, ROUNDS)[rounds]
    return logs, cells, rounds


def test_the_variance_between_rounds_is_found_on_average():
    rng = np.random.default_rng(1)
    found = [shared_error(*drawn(rng, 0.06))[0] ** 2 for _ in range(400)]
    assert np.mean(found) == pytest.approx(0.06**2 / ROUNDS, rel=0.15)


def test_rounds_that_do_not_differ_add_little():
    rng = np.random.default_rng(2)
    found = [shared_error(*drawn(rng, 0.0))[0] ** 2 for _ in range(400)]
    assert np.mean(found) < 0.1 * 0.04**2 / (ROUNDS * MANY)


def test_a_cell_that_missed_a_round_takes_part():
    rng = np.random.default_rng(3)
    logs, cells, rounds = drawn(rng, 0.06)
    some = (cells != 0) | (rounds != 2)
    assert shared_error(logs[some], cells[some], rounds[some])[0] == pytest.approx(
        shared_error(logs, cells, rounds)[0], rel=0.3
    )


def test_a_single_round_says_nothing_about_rounds():
    assert shared_error(np.array([1.0, 1.1]), np.array([0, 0]), np.array([4, 4]))[0] == 0


def test_intervals_cover_both_states_of_a_machine():
    rng = np.random.default_rng(4)
    covered = []
    for _ in range(60):
        logs, cells, rounds = drawn(rng, 0.0)
        logs += 0.1 * rng.integers(0, 2, ROUNDS)[rounds]
        found = session.estimates(np.exp(logs), cells, np.empty((len(logs), 0)), rounds)
        covered += [one.low <= np.exp(0.05) <= one.high for one in found]
    # All cells of a session share its five rounds, of which 1 in 16 sessions has five alike.
    assert np.mean(covered) > 0.9


def test_a_ratio_within_a_session_leaves_out_what_its_cells_share():
    rng = np.random.default_rng(5)
    logs, cells, rounds = drawn(rng, 0.1)
    found = session.estimates(np.exp(logs), cells, np.empty((len(logs), 0)), rounds)
    apart, within = (ratio(*found[:2]) for ratio in (intervals.ratio, intervals.ratio_within))
    assert within.se < apart.se / 2
    assert within.value == apart.value
