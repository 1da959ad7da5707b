"""Our estimates against long-lived processes: benchmarks/steady_state.py."""

import sys

import pytest
from helpers import toys
from helpers.paths import ROOT
from helpers.timings import QUIET, line

from dnnbench.core import isolation
from dnnbench.stats.intervals import Estimate

sys.path.insert(0, str(ROOT / "benchmarks"))
import steady_state


@pytest.mark.parametrize(
    ("loop_ms", "agrees"), [(10.4, True), (9.6, True), (11.9, True), (12.1, False), (9.4, False)]
)
def test_a_loop_agrees_within_the_interval_or_5_percent(loop_ms: float, agrees: bool) -> None:
    assert steady_state.agrees(Estimate(10.0, 9.8, 12.0), loop_ms) is agrees


def test_the_report_counts_agreeing_cells_and_shows_both_sides() -> None:
    lines = [
        line(number, value, model=model, page_faults=100.0, system_ms=2.0)
        for model in ("a", "b")
        for number, value in enumerate(QUIET, 1)
    ]
    loops = [
        {"model": model, "batch_size": 1, "loop": loop, "passes_ms": [value] * 3}
        | {"page_faults": 50.0, "system_ms": 1.0, "scheduling": "normal"}
        for model, loop, value in (
            *(("a", 1, 10.0), ("a", 1, 10.2), ("a", 2, 10.1), ("a", 3, 30.0)),
            ("b", 1, 20.0),
        )
    ]
    report = steady_state.report(lines, loops)
    assert "| a, batch size 1 | 5 |" in report
    assert "| 10.1, 10.1, 30 | 0.990 | yes | 100, 50 | 2.0, 1.0 |" in report
    assert "Cells that agree: 1 of 2 (50.0%" in report
    assert "Loops that agree: 2 of 4 (50.0%" in report
    assert "slowest / fastest is 3.000 (median), 3.000 at most" in report


def test_a_loop_times_its_passes_in_one_process() -> None:
    isolation.prepare()
    network = toys.entry("small")
    with steady_state.loops({"small": network}, [("small", 2)]) as ends:
        parts = [steady_state._part(("small", 2), ends["small", 2], 7) for _ in range(2)]
    assert [len(part["passes_ms"]) for part in parts] == [7, 7]
    assert all(part["page_faults"] >= 0 for part in parts)


def test_a_loop_that_has_ended_is_named() -> None:
    isolation.prepare()
    with (
        steady_state.loops({"dies": toys.entry("none_such")}, [("dies", 1)]) as ends,
        pytest.raises(SystemExit, match="dies, batch size 1: its loop has ended"),
    ):
        steady_state._part(("dies", 1), ends["dies", 1], 1)
