"""Verdicts on cells: stable, noisy or disturbed."""

from statistics import median
from typing import Any

import pytest
from helpers.timings import QUIET, line, seen

from dnnbench.records.latency_records import Attempt, LatencyLine
from dnnbench.stats import disturbance, intervals
from dnnbench.tables.stability import CellTiming, cell_timing


def quiet(**changes_of_round: dict[str, Any]) -> list[LatencyLine]:
    """Return five undisturbed rounds; ``r2={...}`` changes round 2."""
    return [
        line(number, time, **changes_of_round.get(f"r{number}", {}))
        for number, time in enumerate(QUIET, start=1)
    ]


def judge(lines: list[LatencyLine], rounds: int = 5) -> CellTiming:
    medians = [median(one.samples_ms) for one in lines if one.status == "ok"]
    time = intervals.interval(medians) if medians else None
    return cell_timing(lines, rounds, time, disturbance.limits(lines))


def verdict(lines: list[LatencyLine], rounds: int = 5) -> tuple[str | None, str | None]:
    timing = judge(lines, rounds)
    return timing.stability, timing.reason


WAITED = {"disturbance": seen(run_delay=0.31)}
BUSY = {"disturbance": seen(busy_before=0.4)}
WAITING = "threads waited for a core for a total of 31.0% of the time"


def test_a_narrow_interval_of_undisturbed_processes_is_stable() -> None:
    assert verdict(quiet()) == ("stable", None)


def test_a_wide_interval_of_undisturbed_processes_is_noisy() -> None:
    lines = [line(k, time) for k, time in enumerate((10, 9, 11, 9.5, 10.5), start=1)]
    # s of the logarithms is 0.0791; 2.776 x 0.0791 / sqrt(5) = 0.098.
    assert verdict(lines) == (
        "noisy",
        "half-width of the interval is 9.8% of the value: this machine does not resolve it better"
        " in this time",
    )


def test_the_reason_has_no_digits_if_the_interval_is_wider_than_a_factor_of_two() -> None:
    lines = [line(k, time) for k, time in enumerate((10, 20), start=1)]
    expected = "interval is wider than a factor of two: this machine does not resolve it better"
    assert verdict(lines, rounds=2) == ("noisy", f"{expected} in this time")


def test_one_disturbed_process_makes_a_cell_disturbed_and_is_named() -> None:
    expected = f"1 of 5 processes was disturbed (round 2: {WAITING})"
    assert verdict(quiet(r2=WAITED)) == ("disturbed", expected)


@pytest.mark.parametrize(
    ("disturbed", "processes", "stability"),
    [(1, 10, "disturbed"), (1, 11, "stable"), (2, 20, "disturbed"), (1, 20, "stable")],
)
def test_fewer_than_a_tenth_of_the_processes_are_only_mentioned(
    disturbed: int, processes: int, stability: str
) -> None:
    lines = [
        line(
            1, 10.0 + k / 1000, process=k, processes=processes, **(WAITED if k <= disturbed else {})
        )
        for k in range(1, processes + 1)
    ]
    found, reason = verdict(lines)
    assert found == stability
    assert reason is not None
    assert reason.startswith(f"{disturbed} of {processes} processes w")


def test_a_cell_can_be_disturbed_and_wide() -> None:
    lines = [line(k, time) for k, time in enumerate((10, 9, 11, 9.5), start=1)]
    stability, reason = verdict([*lines, line(5, 14.0, **WAITED)])
    assert stability == "disturbed"
    assert reason is not None
    assert reason.startswith("1 of 5 processes was disturbed (round 5: ")
    assert "; half-width of the interval is " in reason


def test_processes_are_numbered_in_rounds_that_have_several() -> None:
    many = {"processes": 6}
    lines = [
        *(line(k, 10.0 + k / 100, **many) for k in range(1, 5)),
        line(5, 10.01, process=1, **many, **WAITED),
        line(5, 10.02, process=2, **many, **WAITED),
    ]
    _, reason = verdict(lines)
    assert reason == (
        "2 of 6 processes were disturbed"
        f" (round 5, process 1: {WAITING}; round 5, process 2: {WAITING})"
    )


def test_at_most_three_disturbed_processes_are_named() -> None:
    _, reason = verdict(quiet(r1=WAITED, r2=WAITED, r3=WAITED, r4=WAITED, r5=WAITED))
    assert reason is not None
    assert reason.startswith("5 of 5 processes were disturbed (round 1: ")
    assert reason.endswith(f"round 3: {WAITING}; and 2 more)")


def test_other_programs_disturb_a_cell_if_half_of_its_rounds_were_busy() -> None:
    before = "other programs used 40% of the machine before the round"
    assert verdict(quiet(r2=BUSY, r4=BUSY)) == ("stable", f"round 2: {before}; round 4: {before}")
    stability, reason = verdict(quiet(r1=BUSY, r2=BUSY, r4=BUSY))
    assert stability == "disturbed"
    assert reason is not None
    assert reason.startswith(f"3 of 5 processes were disturbed (round 1: {before}; round 2: ")


def test_a_process_that_was_repeated_is_mentioned() -> None:
    first = Attempt(
        discarded_ms=[20.0],
        samples_ms=[15.0],
        disturbance=seen(run_delay=0.3),
        started=line(1, 10.0).started,
    )
    lines = quiet(r2={"first_attempt": first})
    assert verdict(lines) == ("stable", "1 of 5 processes repeated after a disturbance")


def test_a_missing_process_makes_a_cell_disturbed() -> None:
    assert verdict(quiet()[:4]) == ("disturbed", "4 of 5 processes measured")
    planned = [line(k, time, processes=8) for k, time in enumerate(QUIET, start=1)]
    assert verdict(planned) == ("disturbed", "5 of 8 processes measured")
    timing = judge([line(3, 10.0)])
    assert timing.time == intervals.interval([10.0])
    assert (timing.stability, timing.reason) == ("disturbed", "1 of 5 processes measured")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"fingerprint": "g"}, "processes used different code or settings"),
        ({"scheduling": "nice -20"}, "processes ran at different priorities"),
    ],
)
def test_processes_measured_in_different_ways_make_a_cell_disturbed(
    change: dict[str, Any], said: str
) -> None:
    assert verdict(quiet(r4=change)) == ("disturbed", said)


def test_a_single_process_has_no_stability_unless_it_was_disturbed() -> None:
    single = "single process: the spread between processes is unknown"
    assert verdict([line(1, 10.0)], rounds=1) == (None, single)
    stability, _ = verdict([line(1, 10.0, **WAITED)], rounds=1)
    assert stability == "disturbed"


def test_processes_that_are_orders_of_magnitude_apart_are_noisy() -> None:
    expected = "noisy", "processes differ too much for an interval"
    assert verdict([line(1, 1e-6), line(2, 1e6)], rounds=2) == expected


def test_several_sessions_are_mentioned() -> None:
    later = {"session": "2026-11-25T10:00"}
    timing = judge(quiet(r4=later, r5=later))
    assert timing.session == "2026-11-24T09:12+2026-11-25T10:00"
    assert (timing.stability, timing.reason) == ("stable", "processes from 2 sessions")


def test_clocks_that_are_not_locked_are_mentioned() -> None:
    floating = {"disturbance": seen(clocks_locked=False, clock_mhz=(1900, 1900))}
    assert verdict(quiet(r3=floating)) == ("stable", "the GPU's clocks are not locked")
