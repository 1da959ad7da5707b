"""Variants compared with fp32-eager, as in results/variants.csv."""

import pytest
from helpers import studies, timings

from dnnbench.records.engine_records import Agreement, Built
from dnnbench.records.memory_records import MemoryCell
from dnnbench.records.study_records import StudyRow, VariantRow
from dnnbench.report import page
from dnnbench.report.figures.variants_table import variants_table
from dnnbench.tables import variant_ratios
from dnnbench.tables.study import Measurements, Plan

PLAN = Plan("cpu", ["fp32-eager", "fp32-compile"], [1], 3, "default")


def cells(**changes):
    """Return the rows of study.csv for one network in fp32-eager and fp32-compile."""
    (row, *_) = [
        row
        for row in studies.tables()[0]
        if (row.device, row.model, row.batch_size) == ("cpu", "resnet50", 1)
    ]
    own = {"variant": "fp32-compile", "memory_mib": row.memory_mib + 20.5, **changes}
    return [row, StudyRow.model_validate(row.model_dump() | own)]


def measured(times, **changes):
    built = Built(ms=1.0, settings={"version": "1"})
    found = Agreement(images=16, largest_difference=1e-6, top1=100)
    reference = studies.timed("resnet50", [10.0, 20.0, 12.0])
    lines = [
        line.model_copy(
            update={
                "variant": "fp32-compile",
                "built": built.model_copy(update={"ms": 1000.0 * line.round}),
                "agreement": found.model_copy(update={"largest_difference": 1e-6 * line.round}),
                **changes,
            }
        )
        for line in studies.timed("resnet50", times)
    ]
    cell = MemoryCell(batch_size=1, status="ok", built=built.model_copy(update={"ms": 60_000.0}))
    record = timings.memory("resnet50", cell, variant="fp32-compile")
    memory = {("fp32-compile", "resnet50"): record}
    return Measurements(PLAN, [*reference, *lines], memory)


def test_latencies_are_compared_within_rounds():
    (row,) = variant_ratios.compare(cells(), [measured([5.0, 10.0, 6.0])])
    # Twice as fast in each round, although the rounds differ by a factor of two.
    assert (row.variant, row.rounds, row.time_ratio) == ("fp32-compile", 3, 0.5)
    assert (row.time_ratio_low, row.time_ratio_high) == (pytest.approx(0.5), pytest.approx(0.5))
    assert row.memory_more_mib == pytest.approx(20.5)
    # The memory stage ran first, and torch caches compiled code.
    assert row.built_ms == 60_000
    assert row.largest_difference == pytest.approx(3e-6)
    assert row.top1_same == 100


def test_a_failed_variant_has_a_reason_and_no_ratio():
    failed = cells(status="failed", stability_reason="3 of 3 rounds failed: output: not finite")
    (row,) = variant_ratios.compare(failed, [measured([5.0, 10.0, 6.0], status="failed")])
    assert (row.status, row.rounds, row.time_ratio) == ("failed", 0, None)
    assert row.message == "3 of 3 rounds failed: output: not finite"
    assert row.largest_difference == pytest.approx(3e-6)


def test_variants_of_different_sessions_are_compared_like_two_runs():
    rows = cells(session="another", stability="noisy", stability_reason="a neighbor")
    (row,) = variant_ratios.compare(rows, [measured([5.0, 10.0, 6.0], session="another")])
    assert (row.rounds, row.time_ratio) == (0, 0.5)
    assert row.time_ratio_low < 0.3 and row.time_ratio_high > 0.8
    assert (row.stability, row.message) == ("noisy", "a neighbor")
    (line,) = variants_table([row], studies.study().identity).lines
    (cell,) = line[3]
    assert cell.text == "0.500~"
    assert "timed in another session than fp32-eager" in cell.note


def test_the_published_study_and_the_reference_have_no_row():
    assert variant_ratios.compare(studies.tables()[0], []) == []


def variant_row(model="resnet50", **changes):
    fields = dict.fromkeys(VariantRow.model_fields) | {
        "device": "cpu",
        "model": model,
        "variant": "bf16-eager",
        "batch_size": 1,
        "status": "ok",
        "rounds": 3,
        "time_ratio": 0.512,
        "time_ratio_low": 0.49,
        "time_ratio_high": 0.53,
        "top1_same": 100,
        "largest_difference": 0.01,
    }
    return VariantRow.model_validate(fields | changes)


def test_a_variant_whose_accuracy_certainly_drops_is_marked():
    change = {"top1_change": -4, "top1_change_low": -6, "top1_change_high": -2}
    rows = [variant_row(**change), variant_row("vgg16", **change | {"top1_change_high": -0.5})]
    table = variants_table(rows, studies.study().identity)
    cells = [line[3][0] for line in table.lines]
    assert [cell.text for cell in cells] == ["0.512↓", "0.512"]
    assert "top-1 -4.00 percentage points (-6.00 to -2.00)" in cells[0].note


def test_the_page_shows_variants_only_if_there_are_some():
    data = studies.study()
    without = page.render(data, [], [])
    assert "<h3>Variants:" not in without
    rows = [
        variant_row(),
        variant_row(batch_size=8, status="failed", time_ratio=None, message="output: <b>"),
        variant_row("vgg16", variant="fp32-compile"),
    ]
    table = variants_table(rows, data.identity)
    assert table.heads == [("bf16-eager", [1, 8]), ("fp32-compile", [1, 8])]
    assert [cell.text for cell in table.lines[0][3]] == ["0.512", "failed", *["not measured"] * 2]
    html = page.render(studies.results(*studies.tables(), variants=rows), [], [])
    assert html.count("<h3>Variants: cpu</h3>") == 1
    assert "0.490 to 0.530" in html
    assert "output: &lt;b&gt;" in html and "output: <b>" not in html
