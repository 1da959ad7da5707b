"""The A/A study of benchmarks/aa.py: its statistics calculated by hand, and a small real run."""

import sys
from math import exp

import pytest
from helpers import toys
from helpers.paths import ROOT

from dnnbench.config.latency_settings import PROTOCOLS
from dnnbench.stats.intervals import Estimate

sys.path.insert(0, str(ROOT / "benchmarks"))
import aa


def test_the_naive_interval_equals_the_one_calculated_by_hand() -> None:
    # s = 1, t(2) = 4.3027: 4.3027 / sqrt(3).
    found = aa.naive([9.0, 10.0, 11.0])
    assert (found.value, found.low, found.high) == pytest.approx((10, 7.5159, 12.4841), abs=1e-4)


def test_spread_and_coverage_equal_those_calculated_by_hand() -> None:
    estimates = [
        Estimate(exp(-0.1), 0.8, 0.95),
        Estimate(1.0, 0.9, 1.1),
        Estimate(exp(0.1), 0.99, 1.3),
    ]
    assert aa.spread(estimates) == pytest.approx(0.1)
    # The median is 1, which the first interval does not cover.
    assert aa.coverage(estimates) == 2


def test_the_table_shows_the_statistics_of_a_known_study() -> None:
    wide = [aa.Session(Estimate(value, 9.0, 11.0), 2.0) for value in (10.0, 10.1, 9.9)]
    narrow = [aa.Session(Estimate(v, v - 0.01, v + 0.01), 1.0) for v in (10.0, 11.0, 12.0)]
    _, _, ours, old = aa.table({"ours": {"a": wide}, "2018": {"a": narrow}})
    assert ours == "| ours | x 1.00 | 1.0% (1.0% to 1.0%) | 10.0% | 3 of 3 (100%) |"
    assert old == "| 2018 | x 0.50 | 9.1% (9.1% to 9.1%) | 0.1% | 1 of 3 (33%) |"


@pytest.mark.slow  # tests/machines/test_resolution.py times real rounds.
def test_a_small_study_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(aa, "OURS", PROTOCOLS["default"].model_copy(update={"rounds": 2}))
    # The longer protocol would run thousands of passes of a network this small.
    monkeypatch.setattr(aa, "_longer", lambda network, line: PROTOCOLS["bianco2018"])
    aa.main({"small": toys.entry("small")}, sessions=2)
    rows = capsys.readouterr().out.splitlines()
    assert [row.split(" | ")[0] for row in rows[2:5]] == [
        "| ours",
        "| 2018",
        "| 2018, same time",
    ]
    assert all(" of 2 (" in row for row in rows[2:5])
    assert "of 4 of our processes were disturbed" in rows[5]
