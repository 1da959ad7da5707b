"""Disturbances of processes: limits calibrated on recorded sessions, and rules that do not bias.

``tests/data/recorded_sessions.csv`` has two sessions of one virtual machine.
"""

import csv
import random
from collections import Counter, defaultdict
from collections.abc import Callable
from math import exp, log
from statistics import fmean, median
from typing import Any

import pytest
from helpers.paths import DATA
from helpers.timings import line, seen

from dnnbench.records.latency_records import LatencyLine
from dnnbench.stats import disturbance

# One sign --------------------------------------------------------------------------------------


def process(number: int = 1, changes: dict[str, Any] | None = None, **signs: Any) -> LatencyLine:
    return line(number, 10.0, disturbance=seen(**signs), **(changes or {}))


# Twenty quiet processes: the references vary by 1%, and the main thread rarely sleeps.
SESSION = [
    process(
        number,
        reference_compute_ms=(50 + number % 2, 50.0),
        reference_memory_ms=(60.0, 60 + number % 2),
        touch_ms=(25.0, 24.0 + number % 3),
        stopped=0.001 * (number % 4),
    )
    for number in range(1, 21)
]


def reasons(one: LatencyLine) -> list[str]:
    return disturbance.reasons(one, disturbance.limits([*SESSION, one]))


@pytest.mark.parametrize(
    ("signs", "said"),
    [
        ({"run_delay": 0.31}, "threads waited for a core for a total of 31.0% of the time"),
        ({"steal": 0.12}, "the hypervisor took 12.0% of the time"),
        ({"stopped": 0.4}, "the process was stopped for 40.0% of the time"),
        (
            {"reference_compute_ms": (75.0, 75.0)},
            "the compute reference kernel took 1.49 times its median of the session",
        ),
        (
            {"reference_memory_ms": (120.0, 120.0)},
            "the memory reference kernel took 1.98 times its median of the session",
        ),
        (
            {"touch_ms": (175.0, 175.0)},
            "new memory took 7.3 times as long to touch as in other processes",
        ),
        ({"swapped_mib": 30.0}, "30 MiB were swapped out"),
    ],
    ids=["busy core", "guest", "stopped", "throttled", "memory hog", "cold memory", "swap"],
)
def test_a_disturbed_process_is_named_with_the_reason(signs: dict[str, Any], said: str) -> None:
    assert reasons(process(**signs)) == [said]


@pytest.mark.parametrize(
    "signs",
    [
        {"run_delay": 0.05},
        {"steal": 0.02},
        {"stopped": 0.05},
        {"reference_compute_ms": (50.0, 60.0)},  # One side only: 1.09 times the median.
        {"touch_ms": (175.0, 25.0)},  # Cold at first, then warm.
        {"run_delay": None, "steal": None},
    ],
)
def test_a_small_or_unknown_sign_is_no_reason(signs: dict[str, Any]) -> None:
    assert reasons(process(**signs)) == []


def test_cold_memory_does_not_disturb_a_network_that_maps_none() -> None:
    cold = {"touch_ms": (175.0, 175.0)}
    assert reasons(process(changes={"page_faults": 20.0}, **cold)) == []
    assert reasons(process(changes={"page_faults": 115_000.0}, **cold)) != []


def test_slow_pages_are_found_by_comparison_with_processes_of_the_same_cell() -> None:
    warm = [
        process(k, {"page_faults": 100_000.0, "system_ms": 200.0 + k, "model": "vgg16"})
        for k in range(1, 5)
    ]
    cold = process(5, {"page_faults": 100_000.0, "system_ms": 1000.0, "model": "vgg16"})
    limits = disturbance.limits([*SESSION, *warm, cold])
    assert [disturbance.reasons(one, limits) for one in warm] == [[]] * 4
    expected = ["the kernel took 10.0 us per page of memory instead of 2.0"]
    assert disturbance.reasons(cold, limits) == expected


def test_references_are_compared_within_a_session() -> None:
    elsewhere = {"session": "2026-11-25T09:12"}
    slow = [process(k, elsewhere, reference_compute_ms=(90.0, 90.0)) for k in range(1, 6)]
    limits = disturbance.limits([*SESSION, *slow])
    assert [disturbance.reasons(one, limits) for one in slow] == [[]] * 5


def test_one_fast_reference_does_not_make_the_others_slow() -> None:
    limits = disturbance.limits([*SESSION, process(21, reference_compute_ms=(30.0, 30.0))])
    assert [found for one in SESSION if (found := disturbance.reasons(one, limits))] == []


def test_two_modes_of_the_machine_are_no_disturbance() -> None:
    modes = [process(k, reference_memory_ms=(100.0 + 40 * (k % 3 == 0),) * 2) for k in range(1, 31)]
    limits = disturbance.limits(modes)
    assert [found for one in modes if (found := disturbance.reasons(one, limits))] == []


def test_a_disturbance_of_a_third_of_the_processes_is_found() -> None:
    some = [
        process(k, stopped=0.3 if k % 3 == 0 else 0.001, reference_memory_ms=(60.0 + k % 2,) * 2)
        for k in range(1, 31)
    ]
    limits = disturbance.limits(some)
    found = [one.round for one in some if disturbance.reasons(one, limits)]
    assert found == [k for k in range(1, 31) if k % 3 == 0]


def test_other_programs_disturb_a_round_unless_its_processes_have_priority() -> None:
    text = ["other programs used 40% of the machine before the round"]
    assert disturbance.round_reasons(process(busy_before=0.4)) == text
    nice = {"scheduling": "nice -20"}
    assert disturbance.round_reasons(process(changes=nice, busy_before=0.4)) == []
    # Without a run-queue delay, it is not known whether the priority helped.
    hidden = process(changes=nice, busy_before=0.4, run_delay=None)
    assert disturbance.round_reasons(hidden) == text
    on_gpu = process(changes=nice, busy_before=0.4, events_ms=10.0, wall_ms=10.0)
    assert disturbance.round_reasons(on_gpu) == text


def test_programs_that_run_for_the_whole_session_disturb_most_processes() -> None:
    draw = random.Random(1)
    busy = [process(k, run_delay=0.5 * exp(draw.gauss(0, 0.5))) for k in range(1, 101)]
    limits = disturbance.limits(busy)
    assert sum(bool(disturbance.reasons(one, limits)) for one in busy) > 95


# Recorded sessions -------------------------------------------------------------------------------


def recorded(session: str) -> list[LatencyLine]:
    """Return the first attempts of all processes of a recorded session."""
    with (DATA / "recorded_sessions.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["session"] == session]
    return [
        line(
            int(row["round"]),
            float(row["median_ms"]),
            model=row["model"],
            batch_size=int(row["batch_size"]),
            disturbance=seen(
                busy_before=float(row["busy_before"]),
                steal=float(row["steal"]),
                run_delay=float(row["run_delay"]),
                reference_compute_ms=(row["compute_before_ms"], row["compute_after_ms"]),
                reference_memory_ms=(row["memory_before_ms"], row["memory_after_ms"]),
            ),
        )
        for row in rows
        if row["attempt"] == "1"
    ]


def by_cell(lines: list[LatencyLine]) -> list[list[LatencyLine]]:
    cells: dict[tuple[str, int], list[LatencyLine]] = defaultdict(list)
    for one in lines:
        cells[one.model, one.batch_size].append(one)
    return list(cells.values())


def test_each_sign_exceeds_its_limit_in_at_most_one_percent_of_quiet_processes() -> None:
    lines = recorded("quiet")
    limits = disturbance.limits(lines)
    kinds = Counter(
        reason.split()[1] for one in lines for reason in disturbance.reasons(one, limits)
    )
    assert len(lines) == 440
    assert kinds == {"waited": 1, "compute": 1, "memory": 1, "hypervisor": 1}


def test_at_most_a_tenth_of_the_cells_of_a_quiet_session_has_a_disturbed_process() -> None:
    lines = recorded("quiet")
    limits = disturbance.limits(lines)
    cells = by_cell(lines)
    disturbed = sum(any(disturbance.reasons(one, limits) for one in cell) for cell in cells)
    assert (disturbed, len(cells)) == (4, 88)


@pytest.mark.parametrize(("session", "processes", "times"), [("quiet", 4, 3), ("noisy", 59, 1.3)])
def test_disturbed_processes_deviate_more_from_the_others_of_their_cell(
    session: str, processes: int, times: float
) -> None:
    lines = recorded(session)
    limits = disturbance.limits(lines)
    deviations: dict[bool, list[float]] = {True: [], False: []}
    for cell in by_cell(lines):
        for one in cell:
            others = median(log(other.samples_ms[0]) for other in cell if other is not one)
            disturbed = bool(disturbance.reasons(one, limits))
            deviations[disturbed].append(abs(log(one.samples_ms[0]) - others))
    assert len(deviations[True]) == processes
    assert median(deviations[True]) > times * median(deviations[False])


# Bias ------------------------------------------------------------------------------------------

Rule = Callable[[list[LatencyLine]], list[LatencyLine]]


TEMPLATES = {
    disturbed: process(run_delay=0.3 if disturbed else 0.005) for disturbed in (True, False)
}


def draw_process(draw: random.Random, share: float) -> LatencyLine:
    """Return a process of 10 ms with 3% of noise; a ``share`` of them is disturbed by 30%."""
    disturbed = draw.random() < share
    time = 10.0 * exp(draw.gauss(0, 0.03)) * (1.3 if disturbed else 1.0)
    return TEMPLATES[disturbed].model_copy(update={"samples_ms": [time]})


def none(_: list[LatencyLine]) -> list[LatencyLine]:
    return []


def by_signs(cell: list[LatencyLine]) -> list[LatencyLine]:
    return [one for one in cell if disturbance.severity(one, {}) > 1]


def by_latency(cell: list[LatencyLine]) -> list[LatencyLine]:
    return [max(cell, key=lambda one: one.samples_ms[0])]


def bias(rule: Rule, share: float) -> float:
    """Return the mean error of the estimate if a rule selects the processes to repeat."""
    draw = random.Random(7)
    errors = []
    for _ in range(4000):
        cell = [draw_process(draw, share) for _ in range(5)]
        repeated = rule(cell)
        kept = [one for one in cell if one not in repeated]
        again = [draw_process(draw, share) for _ in repeated]
        errors.append(log(median(one.samples_ms[0] for one in kept + again) / 10.0))
    return fmean(errors)


def test_repeating_disturbed_processes_leaves_the_estimate_unbiased() -> None:
    assert bias(none, share=0.15) > 0.012
    assert abs(bias(by_signs, share=0.15)) < 0.004
    assert abs(bias(by_signs, share=0.0)) < 0.001


def test_repeating_slow_processes_would_bias_the_estimate() -> None:
    assert bias(by_latency, share=0.0) < -0.004
