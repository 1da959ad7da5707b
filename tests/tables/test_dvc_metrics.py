"""Metrics for comparing two versions of a study."""

import pytest
from helpers.rows import row

from dnnbench.records.study_records import SelectionRow
from dnnbench.tables.dvc_metrics import metrics


def chosen(device: str, top1: float, rank: int = 1) -> SelectionRow:
    return SelectionRow(
        device=device,
        max_memory_gib=1.0,
        min_fps=30.0,
        rank=rank,
        variant="fp32-eager",
        model=f"m{top1:g}",
        top1=top1,
        fits="yes",
    )


def test_a_device_is_summarized_in_a_few_numbers() -> None:
    rows = [
        row(
            "a",
            device="cpu",
            latency_ms=10.0,
            latency_ms_low=9.0,
            latency_ms_high=11.0,
            stability="disturbed",
        ),
        row(
            "b",
            device="cpu",
            latency_ms=10.0,
            latency_ms_low=9.8,
            latency_ms_high=10.2,
            stability="stable",
        ),
        row(
            "c",
            device="cpu",
            latency_ms=10.0,
            latency_ms_low=7.0,
            latency_ms_high=13.0,
            stability="noisy",
            memory_status="oom",
        ),
        row(
            "d",
            device="cpu",
            status="timeout",
            latency_ms=None,
            latency_ms_low=None,
            latency_ms_high=None,
        ),
        row("a", device="titanxp-2018", source="published"),
    ]
    selection = [
        chosen("cpu", 70.0),
        chosen("cpu", 60.0, rank=2),
        chosen("cpu", 80.0),
        chosen("titanxp-2018", 82.0),
    ]
    ((name, seen),) = metrics(rows, selection).devices.items()
    assert name == "cpu"
    assert (seen.cells, seen.cells_ok) == (4, 2)
    assert (seen.cells_stable, seen.cells_noisy, seen.cells_disturbed) == (1, 1, 1)
    assert seen.median_half_width_pct == pytest.approx(10.0)
    assert (seen.budgets_met, seen.best_top1_low, seen.best_top1_high) == (2, 70.0, 80.0)


def test_a_device_without_a_time_has_no_interval_and_no_best_network() -> None:
    none = {"latency_ms": None, "latency_ms_low": None, "latency_ms_high": None}
    seen = metrics([row("a", device="cpu", status="oom", **none)], []).devices["cpu"]
    assert (seen.cells, seen.cells_ok, seen.budgets_met) == (1, 0, 0)
    assert seen.median_half_width_pct is None
    assert seen.best_top1_low is None
