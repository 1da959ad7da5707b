"""The coverage of the engines on toy networks: benchmarks/engine_coverage.py."""

import sys

import pytest
from helpers import toys
from helpers.paths import ROOT

sys.path.insert(0, str(ROOT / "benchmarks"))
import engine_coverage

VARIANTS = ["fp32-onnxruntime", "int8-onnxruntime"]


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.setattr(engine_coverage, "VARIANTS", VARIANTS)
    return tmp_path / "coverage.csv"


def networks(*names):
    return {name: toys.entry(name) for name in names}


def test_a_network_that_cannot_be_exported_fails_with_the_reason_and_others_run(table) -> None:
    chosen = networks("normed", "branching")
    engine_coverage.examine(chosen, table)
    found = engine_coverage.read(table)
    assert [(row.model, row.variant) for row in found] == [
        (name, variant) for name in chosen for variant in VARIANTS
    ]
    plain, quantized, *failed = found
    assert {plain.status, quantized.status} == {"ok"}
    assert quantized.quantized_operators == "2 of 2"
    assert 0 < quantized.size_mib < plain.size_mib
    assert plain.largest_difference < quantized.largest_difference
    assert [(row.status, row.message[:7]) for row in failed] == [("failed", "graph: ")] * 2
    report = engine_coverage.report(chosen, found)
    assert "| int8-onnxruntime | 1 of 2 | 0 of 0 |" in report
    assert f"| branching | int8-onnxruntime | failed | {failed[1].message} |" in report


def test_finished_rows_are_kept(table) -> None:
    rows = [
        engine_coverage.Row(model="normed", variant=name, status="timeout") for name in VARIANTS
    ]
    engine_coverage.storage.write_table(table, engine_coverage.Row, rows)
    engine_coverage.examine(networks("normed"), table)
    assert engine_coverage.read(table) == rows


def test_without_a_file_it_is_skipped_in_one_line(monkeypatch, capsys) -> None:
    monkeypatch.setattr(sys, "argv", ["engine_coverage.py"])
    engine_coverage.main()
    assert capsys.readouterr().out.startswith("Skipped: ")
