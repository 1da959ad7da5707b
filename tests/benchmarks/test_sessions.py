"""The shared module of the benchmarks that measure sessions: benchmarks/sessions.py."""

import sys
from math import exp

import pytest
from helpers.paths import ROOT
from helpers.rounds import plan
from helpers.timings import line

from dnnbench.core.storage import write_lines
from dnnbench.stats.intervals import Estimate

sys.path.insert(0, str(ROOT / "benchmarks"))
import sessions


def test_a_round_measures_the_chosen_cells_only() -> None:
    usual = plan("small", "normed")
    chosen = sessions.CellRound(**vars(usual), chosen=frozenset({("small", 2), ("normed", 1)}))
    assert chosen.cells() == [("default", "small", 2), ("default", "normed", 1)]


def test_spread_and_coverage_equal_those_calculated_by_hand() -> None:
    values = exp(-0.1), 1.0, exp(0.1)
    assert sessions.spread(values) == pytest.approx(0.1)
    estimates = [Estimate(0.9, 0.8, 0.95), Estimate(1.0, 0.9, 1.1), Estimate(1.0, None, None)]
    assert sessions.covered(estimates, 1.0) == 1
    assert sessions.covered_median(estimates) == 1


def test_a_session_is_read_back_by_number(tmp_path) -> None:
    for number in (2, 10):
        file = sessions.round_file(tmp_path / f"ours-{number}", 1)
        file.parent.mkdir()
        write_lines(file, [line(1, 10.0, session=f"ours-{number}")])
    (tmp_path / "ours-other").mkdir()
    found = sessions.read_sessions(tmp_path, "ours")
    assert [lines[0].session for lines in found] == ["ours-2", "ours-10"]


def test_a_failed_cell_ends_the_benchmark(tmp_path) -> None:
    failed = line(1, status="failed", message="exploded", disturbance=None)
    write_lines(sessions.round_file(tmp_path, 1), [failed])
    with pytest.raises(SystemExit, match="resnet18: failed: exploded"):
        sessions.read(tmp_path)


def test_names_of_cells_become_keys_and_batch_sizes() -> None:
    networks, cells = sessions.resolve(map(sessions.cell, ["vgg16@8", "timm:resnet18@1"]))
    assert cells == [("vgg16", 8), ("timm-resnet18.a1_in1k", 1)]
    assert set(networks) == {"vgg16", "timm-resnet18.a1_in1k"}
