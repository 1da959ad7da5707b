"""The comparison of two versions of the protocol: benchmarks/protocols.py."""

import subprocess
import sys
from math import log, sqrt
from statistics import stdev

import pytest
from helpers.paths import ROOT
from helpers.timings import QUIET, line

sys.path.insert(0, str(ROOT / "benchmarks"))
import protocols


def session(name: str, factor: float):
    return [
        line(number, factor * value, session=name, model=model)
        for model in ("a", "b", "c")
        for number, value in enumerate(QUIET, 1)
    ]


def test_the_report_compares_both_versions() -> None:
    found = {
        version: [session(f"{version}-{at}", factor) for at, factor in enumerate((1.0, 1.02), 1)]
        for version in protocols.VERSIONS
    }
    rounds = [{"version": "old", "seconds": 50.0}, {"version": "new", "seconds": 25.0}]
    report = protocols.report(found, rounds)
    assert "| time (s) | 50 | 25 | 0.50 |" in report
    assert "| processes | 30 | 30 | 1.00 |" in report
    # ln(1.02) / sqrt(2)
    assert "| spread between sessions, median | 1.4% | 1.4% | 1.00 |" in report
    assert "old 6 of 6 (100.0%" in report


def test_the_earlier_estimate_is_a_t_interval_around_the_median() -> None:
    lines = [line(number, value) for number, value in enumerate(QUIET, 1)]
    (found,) = protocols.earlier_estimates(lines).values()
    half = 2.7764 * stdev(map(log, QUIET)) / sqrt(5)
    assert found.value == 10.0
    assert log(found.high / found.low) / 2 == pytest.approx(half, rel=1e-4)


def test_a_commit_is_measured_with_its_own_code(tmp_path) -> None:
    head = subprocess.run(
        ["git", "-C", str(ROOT), "rev-parse", "--verify", "--quiet", "HEAD"],
        capture_output=True,
        text=True,
    )
    if head.returncode:
        pytest.skip("not a clone")
    with protocols.checked_out(head.stdout.strip()) as source:
        assert (source / "dnnbench" / "measure" / "round.py").exists()
        assert not source.is_relative_to(ROOT)
    assert not source.exists()


def test_an_unknown_commit_ends_the_benchmark() -> None:
    with pytest.raises(SystemExit, match="not in this clone"), protocols.checked_out("0" * 40):
        pass


@pytest.mark.slow  # It times real processes.
def test_a_round_runs_in_another_interpreter(tmp_path) -> None:
    output = protocols.sessions.round_file(tmp_path / "new-1", 1)
    settings = {
        "networks": ["squeezenet1_1"],
        "batch_sizes": [1],
        "number": 1,
        "session": "new-1",
        "cell_timeout_s": 60,
        "memory": {},
        "output": str(output),
    }
    assert protocols.run_round(settings, ROOT / "src") > 0
    (found,) = protocols.sessions.read(tmp_path / "new-1")
    assert found.model == "squeezenet1_1"
