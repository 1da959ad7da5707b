"""The comparison with timm's script, with a stand-in: benchmarks/timm_comparison.py."""

import sys

import pytest
from helpers.paths import ROOT
from helpers.timings import QUIET, line

from dnnbench.core.storage import write_lines

sys.path.insert(0, str(ROOT / "benchmarks"))
import timm_comparison

STANDIN = """\
import json, sys
given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
wanted = {"--bench": "inference", "--device": "cpu", "--batch-size": "1", "--model": "vgg16"}
assert given == wanted, given
print("Running inference benchmark", file=sys.stderr)
print("--result\\n" + json.dumps({"model": given["--model"], "infer_step_time": 12.5}, indent=4))
"""


def test_the_script_is_asked_for_one_network_and_its_mean_is_read(tmp_path) -> None:
    script = tmp_path / "benchmark.py"
    script.write_text(STANDIN)
    assert timm_comparison.step_ms(script, "vgg16") == 12.5


def test_a_result_without_latency_ends_the_benchmark(tmp_path) -> None:
    script = tmp_path / "benchmark.py"
    script.write_text('print(\'--result\\n{"model": "vgg16", "error": "no memory"}\')')
    with pytest.raises(SystemExit, match=r"no latency of vgg16: [^*]*no memory"):
        timm_comparison.step_ms(script, "vgg16")


def test_without_a_script_the_comparison_is_skipped_in_one_line(monkeypatch, capsys) -> None:
    monkeypatch.delenv("TIMM_BENCHMARK", raising=False)
    monkeypatch.setattr(sys, "argv", ["timm_comparison.py"])
    timm_comparison.main()
    assert capsys.readouterr().out.startswith("Skipped: ")


def test_the_report_compares_time_and_spread(tmp_path) -> None:
    for at, factor in enumerate((1.0, 1.1), 1):
        lines = [
            line(number, factor * ms, session=f"ours-{at}") for number, ms in enumerate(QUIET, 1)
        ]
        write_lines(timm_comparison.sessions.round_file(tmp_path / f"ours-{at}", 1), lines)
        for program, seconds in (("timm", 20.0 + at), ("ours", 10.0 + at)):
            record = {"program": program, "times_ms": {"resnet18": 10.0 * factor**2}}
            file = tmp_path / "timm.jsonl"
            timm_comparison.sessions.append(file, {**record, "seconds": seconds})
    report = timm_comparison.report(tmp_path)
    # ln(1.1) / sqrt(2), and twice as much.
    assert "| timm | 21 to 22 | 13.5% (13.5% to 13.5%) |" in report
    assert "| ours | 11 to 12 | 6.7% (6.7% to 6.7%) |" in report
