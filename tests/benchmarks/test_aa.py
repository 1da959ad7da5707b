"""The A/A study of benchmarks/aa.py: its statistics calculated by hand, and a small real run."""

import sys

import pytest
from helpers.paths import ROOT

from dnnbench.stats.intervals import Estimate

sys.path.insert(0, str(ROOT / "benchmarks"))
import aa


def test_the_naive_interval_equals_the_one_calculated_by_hand() -> None:
    # s = 1, t(2) = 4.3027: 4.3027 / sqrt(3).
    found = aa.naive([9.0, 10.0, 11.0])
    assert (found.value, found.low, found.high) == pytest.approx((10, 7.5159, 12.4841), abs=1e-4)


def test_the_table_shows_the_statistics_of_a_known_study() -> None:
    cell = "a", 1
    wide = [{cell: (Estimate(value, 9.0, 11.0), 2.0)} for value in (10.0, 10.1, 9.9)]
    narrow = [{cell: (Estimate(v, v - 0.01, v + 0.01), 1.0)} for v in (10.0, 11.0, 12.0)]
    _, _, ours, old = aa.table({"ours": wide, "2018": narrow}).splitlines()
    assert ours == (
        "| ours | 1 | 2.0 | 1.0% (1.0% to 1.0%) | 10.0% | 3 of 3 (100.0%, 29.2% to 100.0%) | none |"
    )
    assert old.startswith("| 2018 | 1 | 1.0 | 9.1% (9.1% to 9.1%) | 0.1% | 1 of 3 (33.3%,")


def test_ratios_of_two_sessions_count_if_their_interval_contains_1() -> None:
    near, far = Estimate(10.0, 9.8, 10.2, 0.01, 9.0), Estimate(20.0, 19.6, 20.4, 0.01, 9.0)
    cell = "a", 1
    *_, row = aa.table({"ours": [{cell: (one, 1.0)} for one in (near, near, far)]}).splitlines()
    assert row.endswith("| 1 of 3 (33.3%, 0.8% to 90.6%) |")


@pytest.mark.slow  # It times real processes.
def test_a_small_study_runs_and_its_folder_can_be_analyzed_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path
) -> None:
    arguments = ["aa.py", str(tmp_path), "--cells", "squeezenet1_1@1", "--sessions", "2"]
    monkeypatch.setattr(sys, "argv", arguments)
    aa.main()
    measured = capsys.readouterr().out
    assert [row.split(" | ")[0] for row in measured.splitlines()[3:]] == [
        "| bianco2018",
        "| bianco2018, same time",
    ]
    monkeypatch.setattr(sys, "argv", [*arguments, "--analyze"])
    aa.main()
    assert capsys.readouterr().out == measured
