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
    # Of a's loops of 10.1, 10.1 and 30 ms, one pair of three; b has a single loop.
    assert "within 5% of each other: 1 of 3 (33.3%" in report
    # 10 / 10.1 and 10 / 20: the geometric mean is 10 / sqrt(202).
    assert "Mean ratio over the cells: 0.704 (" in report
    assert "slowest / fastest is 3.000 (median), 3.000 at most" in report


def test_three_loops_share_the_passes_of_a_cell_evenly() -> None:
    isolation.prepare()
    # Nine passes in five parts of two: loops of three passes change within a part.
    loops = steady_state.CellLoops(toys.entry("small"), ("small", 2), 3, 5)
    try:
        parts = [[*loops.next_parts()] for _ in range(5)]
    finally:
        loops.stop()
    shares = [[(part["loop"], len(part["passes_ms"])) for part in of] for of in parts]
    assert shares == [[(1, 2)], [(1, 1), (2, 1)], [(2, 2)], [(3, 2)], [(3, 1)]]
    assert all(part["page_faults"] >= 0 for of in parts for part in of)


def test_a_loop_that_has_ended_is_named() -> None:
    isolation.prepare()
    loops = steady_state.CellLoops(toys.entry("none_such"), ("dies", 1), 3, 5)
    with pytest.raises(SystemExit, match="dies, batch size 1: its loop has ended"):
        next(loops.next_parts())
    loops.stop()
