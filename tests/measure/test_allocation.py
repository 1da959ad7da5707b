import random

import pytest
from helpers import timings

from dnnbench.config.latency_settings import PROTOCOLS
from dnnbench.core.storage import write_json
from dnnbench.measure import allocation

PASSES = PROTOCOLS["default"]
ROUNDS = PASSES.rounds
# Seconds per process, from a small network to one that takes several seconds.
COSTS = [0.1, 0.3, 0.35, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.7, 2.5, 6.0]


def test_a_cell_has_one_to_four_processes_per_round_by_its_cost():
    found = {cost: allocation.processes(cost, ROUNDS) for cost in (0.1, 0.25, 0.5, 0.7, 1.0, 6.0)}
    assert found == {0.1: 20, 0.25: 17, 0.5: 8, 0.7: 6, 1.0: 5, 6.0: 5}


def test_known_cells_are_read_from_the_records_that_exist(tmp_path):
    record = timings.memory("small", timings.memory_cell(1), device="jetson")
    write_json(tmp_path / "small.json", record)
    assert allocation.memory_cells(tmp_path, ["small", "greedy"]) == {
        "small": [timings.memory_cell(1)]
    }


@pytest.mark.parametrize(
    "memory",
    [
        None,
        timings.memory_cell(1),
        timings.memory_cell(1, cell_s=0.5, passes_s=0.1),  # A record of an earlier version.
        timings.memory_cell(1, status="failed", cell_s=0.1, passes_s=0.0, pass_s=0.0),
    ],
)
def test_a_cell_of_unknown_cost_has_one_process_per_round(memory):
    assert allocation.processes(allocation.cost_s(memory, PASSES), ROUNDS) == ROUNDS


@pytest.mark.parametrize(
    ("pass_s", "passes"),
    [
        (0.01, 6 * 0.01),  # Three warm-up passes and three timed ones.
        (0.05, 0.125 + 0.065),  # Warm-up until 0.1 s, timed passes until 0.04 s.
        (0.2, 0.2 + 0.2),
        (1.5, 2 * 1.5),  # One warm-up pass and one timed one.
    ],
)
def test_a_process_costs_its_start_its_references_and_its_passes(pass_s, passes):
    memory = timings.memory_cell(1, cell_s=5.0, passes_s=4.7, pass_s=pass_s)
    assert allocation.cost_s(memory, PASSES) == pytest.approx(0.3 + 0.06 + passes)


def test_a_process_with_a_longer_warm_up_costs_more():
    memory = timings.memory_cell(1, cell_s=5.0, passes_s=4.7, pass_s=0.2)
    passes = PASSES.model_copy(update={"discard": 3, "samples": (2, 9)})
    assert allocation.cost_s(memory, passes) == pytest.approx(0.3 + 0.06 + (3 + 2) * 0.2)


def test_more_processes_cost_at_most_the_budget_of_each_cell():
    for cost in COSTS:
        total = cost * allocation.processes(cost, ROUNDS)
        # Rounding to whole processes may add half a process.
        assert total <= max(cost * ROUNDS, 0.85 * ROUNDS + cost / 2)


@pytest.mark.parametrize("rounds", [1, 2, 5, 7])
def test_the_rounds_share_processes_evenly_and_none_is_empty(rounds):
    for count in range(rounds, 4 * rounds + 1):
        each = [allocation.in_round(count, number + 1, rounds) for number in range(rounds)]
        assert sum(each) == count
        assert min(each) >= 1 and max(each) - min(each) <= 1


def test_repetitions_of_a_cell_are_spread_over_the_round():
    counts = {"cheap": 4, **dict.fromkeys(map(str, range(96)), 1)}
    random.seed(1)
    for _ in range(20):
        order = allocation.order(counts)
        assert sorted(order) == sorted([*counts, *["cheap"] * 3])
        places = [place for place, item in enumerate(order) if item == "cheap"]
        # One in each quarter of the round, up to the jitter of the others.
        assert [round(place / 25 - 0.5) for place in places] == pytest.approx([0, 1, 2, 3], abs=1)
        assert places[3] - places[0] > 30


def test_the_order_differs_from_round_to_round():
    random.seed(1)
    counts = dict.fromkeys(range(12), 1)
    orders = {tuple(allocation.order(counts)) for _ in "123"}
    assert len(orders) == 3
