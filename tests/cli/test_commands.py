"""Commands of the real application on small tables: answers, errors, and exit codes."""

import csv
import importlib
import io
import json
import os
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from helpers import host_trees, studies, toys
from helpers.paths import ROOT

from dnnbench.cli import app, commands, messages
from dnnbench.core.storage import columns
from dnnbench.devices import cpu
from dnnbench.machines import resolution
from dnnbench.machines.checks import all_checks
from dnnbench.machines.checks.machine import watch
from dnnbench.networks import registry
from dnnbench.queries import wording
from dnnbench.queries.best_fit import Entry, Pick, pick
from dnnbench.records import labels
from dnnbench.records.study_records import StudyRow

SOURCE = Path(app.__file__).parents[2]


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str


Run = Callable[..., Done]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the published study and a made-up CPU with rounds of two networks."""
    lines = [
        *studies.timed("resnet50", [12.0, 13.2, 10.8, 12.1, 11.9]),
        *studies.timed("dpn68", [10.0, 11.0, 9.0, 10.0, 10.0]),
    ]
    rows = [
        row.model_copy(update={"stability_reason": "because [of] a neighbor"})
        if row.stability == "noisy"
        else row
        for row in studies.tables()[0]
    ]
    return studies.write(tmp_path_factory.mktemp("study") / "results", rows, lines=lines)


@pytest.fixture
def run(results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs ``dnnbench`` in the study, in a terminal of 80 columns."""
    monkeypatch.chdir(results.parent)

    def command(*words: str, columns: int = 80) -> Done:
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setattr(sys, "argv", ["dnnbench", *words])
        with pytest.raises(SystemExit) as stop:
            app.app()
        code = stop.value.code
        said = capsys.readouterr()
        if isinstance(code, str):  # sys.exit prints a string and exits with 1.
            return Done(1, said.out, f"{said.err}{code}\n")
        return Done(int(code or 0), said.out, said.err)

    return command


def one_line(done: Done) -> str:
    assert (done.code, done.out) == (1, "")
    (line,) = done.err.splitlines()
    return line


# pick ----------------------------------------------------------------------------------------


def expected(device: str, batch_size: int = 1, **limits: float) -> Pick:
    rows, models = studies.tables()
    by_key = {model.model: model for model in models}
    return pick(rows, by_key, device, limits, batch_size)


def words(line: str) -> str:
    return " ".join(line.split())


@pytest.mark.parametrize("columns", [80, 120])
def test_pick_lists_what_the_package_picks(run: Run, columns: int) -> None:
    done = run("pick", "--max-memory", "0.1", "--min-fps", "20", columns=columns)
    answer = expected("cpu", max_memory_gib=0.1, min_fps=20)
    assert (done.code, done.err) == (0, "")
    assert answer.entries
    names = {key: network.name for key, network in registry.load_registry().items()}
    lines = done.out.splitlines()
    assert all(len(line) <= columns for line in lines)
    listed = [line for line in lines if line[:1].isdigit() and "networks" not in line]
    for entry, line in zip(answer.entries, listed, strict=True):
        assert words(line).startswith(f"{entry.rank} {names[entry.model]}")
        assert f"{entry.top1:.2f}" in line
        assert f"{entry.memory_mib:,.0f}" in line
    assert lines[0].startswith("cpu, batch size 1: at most 0.1 GiB, at least 20 images/s (50.0 ms")
    assert f"{answer.fit} of {answer.networks} networks fit" in done.out
    said = words(done.out.split("Top-1 accuracy: ")[1])
    sources = {labels.accuracy_source(entry.accuracy_source) for entry in answer.entries}
    assert all(f"({source})" in said for source in sources)


def test_pick_only_counts_inconclusive_networks_that_are_not_better(run: Run) -> None:
    done = run("pick", "--min-fps", "60", "--max-memory", "0.3", columns=200)
    answer = expected("cpu", max_memory_gib=0.3, min_fps=60)
    # AlexNet is inconclusive, but less accurate than the best.
    assert (answer.fit, answer.cannot_tell, answer.inconclusive) == (3, 1, [])
    assert (
        "3 of 43 networks fit. 1 more is inconclusive: its confidence interval straddles a limit."
        " It is not more accurate than the best."
    ) in done.out.splitlines()
    assert "AlexNet" not in done.out


def doubtful(folder: Path, *models: str) -> list[str]:
    """Return arguments for a study of some of three networks on the CPU.

    At 60 images/s, ResNet-18 fits, ResNet-34 is inconclusive, and ResNet-50 is very uncertain.
    """
    intervals = {"resnet18": (15, 15.5, 16), "resnet34": (14.5, 16, 17.5)}
    intervals["resnet50"] = 0.0000501, 23.2, 4.58e6
    names = ("latency_ms_low", "latency_ms", "latency_ms_high")
    rows = [
        row.model_copy(
            update={"stability": "noisy", **dict(zip(names, intervals[row.model], strict=True))}
        )
        for row in studies.tables()[0]
        if (row.device, row.batch_size) == ("cpu", 1) and row.model in models
    ]
    return ["--results", str(studies.write(folder, rows))]


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_pick_leads_with_the_best_that_certainly_fits(
    run: Run, tmp_path: Path, columns: int
) -> None:
    study = doubtful(tmp_path, "resnet18", "resnet34", "resnet50")
    done = run("pick", "--min-fps", "60", *study, columns=columns)
    assert done.code == 0
    lead, _, apart = words(done.out).partition(wording.text("might_be_better"))
    assert "1 ResNet-18 69.64 15.5 (15.0 to 16.0)~" in lead
    assert "ResNet-34" not in lead and "ResNet-50" not in lead
    assert apart.startswith(
        " ResNet-50: 76.01% top-1, 23.2 ms per image (very uncertain)~, 136 MiB. Inconclusive in"
        " throughput. Measure it again to settle it. ResNet-34: 73.27% top-1, 16.0 ms per image"
        " (14.5 to 17.5)~, 112 MiB. Inconclusive in throughput. Estimate: 17 more rounds would"
        " settle it."
    )
    assert "very uncertain: the interval is wider than a factor of two." in apart


def test_digits_of_an_interval_wider_than_a_factor_of_two_are_not_printed(
    run: Run, tmp_path: Path
) -> None:
    study = doubtful(tmp_path, "resnet18", "resnet50")
    for command in (["show", "resnet50"], ["pick"]):
        said = words(run(*command, *study).out)
        assert "(very uncertain)" in said and messages.UNCERTAIN in said, command
        assert not re.search(r"0\.0000|\d,\d{3},\d{3}", said), command


def test_pick_says_that_nothing_fits_for_certain_then_lists_what_might(
    run: Run, tmp_path: Path
) -> None:
    study = doubtful(tmp_path, "resnet34", "resnet50")
    done = run("pick", "--min-fps", "60", "--top", "1", *study)
    assert done.code == 3
    count, _, listed = words(done.out).partition(wording.text("might_fit"))
    assert "No network fits for certain. 2 of 2 networks are inconclusive" in count
    assert listed.startswith(" ResNet-50: ") and "and 1 more" in listed
    answer = json.loads(run("pick", "--min-fps", "60", "--json", *study).out)
    assert (answer["best"], answer["entries"], answer["might_be_better"]) == (None, [], 2)
    assert [entry["model"] for entry in answer["inconclusive"]] == ["resnet50", "resnet34"]


def test_pick_as_csv_has_the_inconclusive_networks_last(run: Run, tmp_path: Path) -> None:
    study = doubtful(tmp_path, "resnet18", "resnet34", "resnet50")
    rows = csv.DictReader(io.StringIO(run("pick", "--min-fps", "60", "--csv", *study).out))
    found = [(row["model"], row["fits"], row["settled_by"], row["more_rounds"]) for row in rows]
    assert found == [
        ("resnet18", "yes", "", ""),
        ("resnet50", "cannot_tell", "again", ""),
        ("resnet34", "cannot_tell", "rounds", "17"),
    ]


def test_pick_names_limiting_constraints_and_left_out_networks(run: Run) -> None:
    done = run("pick", "--min-fps", "60", "--max-memory", "0.3", columns=200)
    (binding,) = expected("cpu", max_memory_gib=0.3, min_fps=60).binding
    assert binding.limit == "min_fps"
    needed = done.out.split("--min-fps ")[1].split()[0]
    assert float(needed) == pytest.approx(binding.miss.gives[0].needed, rel=0.01)
    assert "Not evaluated: SENet-154 (failed)." in done.out.splitlines()


def test_the_limit_that_a_miss_needs_admits_it(run: Run) -> None:
    done = run("pick", "--max-memory", "0.001", columns=200)
    assert done.code == 3
    assert done.out.splitlines()[1] == "None of the 43 networks fits."
    first = done.out.split("Nearest misses")[1].splitlines()[1]
    option, value = first.split("--")[1].split()[:2]
    again = run("pick", f"--{option}", value, columns=200)
    assert again.code == 0
    assert first.split("(")[0].strip() in again.out
    assert again.out.splitlines()[1] == "1 of 43 networks fits."


def test_pick_as_json_is_the_whole_answer(run: Run) -> None:
    done = run("pick", "--device", "Titan XP", "--min-top1", "80", "--deadline-ms", "30", "--json")
    answer = Pick.model_validate_json(done.out)
    same = expected("titanxp-2018", min_top1=80, deadline_ms=30)
    assert answer.model_dump() == same.model_dump()
    assert [entry.device for entry in answer.entries][:1] == ["titanxp-2018"]


def test_pick_as_csv_has_one_row_per_entry(run: Run) -> None:
    done = run("pick", "--max-params", "10", "--top", "3", "--csv")
    rows = list(csv.DictReader(io.StringIO(done.out)))
    assert list(rows[0]) == columns(Entry)
    answer = expected("cpu", max_params_m=10)
    assert [row["model"] for row in rows] == [entry.model for entry in answer.entries[:3]]
    assert float(rows[0]["latency_ms"]) == answer.entries[0].latency_ms


@pytest.mark.parametrize("form", ["--json", "--csv"])
def test_the_exit_code_reports_that_nothing_fits_in_every_format(run: Run, form: str) -> None:
    done = run("pick", "--min-top1", "99", form)
    assert done.code == 3
    if form == "--json":
        answer = json.loads(done.out)
        assert (answer["best"], answer["entries"]) == (None, [])
        assert answer["nearest"][0]["model"] == "nasnetalarge"
    else:
        assert done.out.splitlines() == [",".join(columns(Entry))]


def test_pick_at_another_batch_size(run: Run) -> None:
    done = run("pick", "--batch-size", "8", "--deadline-ms", "100")
    assert "batch size 8: at most 100 ms per batch (12.5 ms per image)" in done.out
    answer = expected("cpu", 8, deadline_ms=100)
    assert f"{answer.entries[0].top1:.2f}" in done.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--min-fps", "nan"], "--min-fps"),
        (["--max-memory", "inf"], "--max-memory"),
        (["--max-memory", "0"], "expected a number above 0"),
        (["--min-top1", "-1"], "-1: expected a number above 0"),
        (["--min-top1", "0.7"], "0.7: a percentage. Did you mean 70?"),
        (["--top", "0"], "--top"),
        (["--batch-size", "0"], "'--batch-size': '0': should be greater than or equal to 1"),
        (["--min-fps", "fast"], "'--min-fps': 'fast': should be a valid number"),
        (["--top", "1.5"], "'--top': '1.5': should be a valid integer"),
        (["--json", "--csv"], "choose one"),
        (["--min-fsp", "3"], "--min-fps"),
    ],
)
def test_an_invalid_option_ends_with_2(run: Run, arguments: list[str], said: str) -> None:
    done = run("pick", *arguments, columns=200)
    assert (done.code, done.out) == (2, "")
    assert said in done.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["pick", "--device", "2018"],
            "--device: '2018': several names match. Did you mean titanxp",
        ),
        (["pick", "--device", "xyz"], "--device: 'xyz': no such name. Known: cpu, titanxp-2018"),
        (["pick", "--batch-size", "4"], "--batch-size: 4: cpu has 1, 8. Choose one, or add it"),
        (["pick", "--results", "none"], "none/study.csv: no such file. Run: snakemake --profile"),
        (["show", "resnet51"], "MODEL: 'resnet51': no such name. Did you mean resnet50?"),
        (["compare", "resnt50", "vgg16"], "A: 'resnt50': no such name. Did you mean resnet50?"),
        (["compare", "vgg16", "VGG-16"], "B: 'VGG-16': the same network as A (vgg16)."),
        (["show", "xyz"], "MODEL: 'xyz': no such name. Known: alexnet, bninception,"),
        (["show", "xyz"], " more."),
        (["device-file", "--select", "7"], "--select: '7': "),
        (["compare", "results", "vgg16"], "vgg16: not a folder with a study.csv, unlike results."),
        (["compare", "results", "results", "--device", "gpu"], "device 'gpu' was not measured"),
        (["devices", "--results", "none"], "none/study.csv: no such file"),
        (["models", "--results", "none"], "none/models.csv: no such file"),
        (["summary", "--results", "none"], "none/study.csv: no such file"),
    ],
)
def test_a_mistake_is_one_line_with_its_remedy(run: Run, arguments: list[str], said: str) -> None:
    line = one_line(run(*arguments))
    assert line.startswith("dnnbench: ") and said in line


def test_an_invalid_number_is_reported_with_its_line(run: Run, tmp_path: Path) -> None:
    studies.write(tmp_path)
    file = tmp_path / "study.csv"
    header, first, *rest = file.read_text().splitlines()
    cells = dict(zip(header.split(","), first.split(","), strict=True)) | {"latency_ms": "nan"}
    file.write_text("\n".join([header, ",".join(cells.values()), *rest]) + "\n")
    line = one_line(run("pick", "--results", str(tmp_path)))
    assert f"{file}:2: latency_ms: 'nan'" in line
    assert line.endswith("Remove the file to create it again.")


# Which device --------------------------------------------------------------------------------


def only(folder: Path, *devices: str) -> str:
    rows = [row for row in studies.tables()[0] if row.device in devices]
    return str(studies.write(folder, rows))


def test_a_study_of_one_device_needs_no_device_option(run: Run, tmp_path: Path) -> None:
    done = run("pick", "--results", only(tmp_path, "titanxp-2018"), "--json")
    assert json.loads(done.out)["device"] == "titanxp-2018"


def test_a_study_of_two_published_devices_needs_a_device_option(run: Run, tmp_path: Path) -> None:
    folder = only(tmp_path, "titanxp-2018", "jetsontx1-2018")
    line = one_line(run("pick", "--results", folder))
    assert line == (
        "dnnbench: --device: missing, and the study has titanxp-2018, jetsontx1-2018."
        " Name one of them."
    )
    done = run("pick", "--results", folder, "--device", "jetson-tx1", "--min-fps", "30")
    assert "Memory: whole process on Titan Xp, 2018." in done.out


def test_an_empty_table_is_an_error(run: Run, tmp_path: Path) -> None:
    line = one_line(run("pick", "--results", only(tmp_path)))
    assert line.startswith(f"dnnbench: {tmp_path / 'study.csv'}: no rows")


def test_an_empty_study_says_how_to_measure(run: Run, tmp_path: Path) -> None:
    folder = only(tmp_path)
    file = tmp_path / "study.csv"
    for command, said in (
        ("devices", f"No devices: {file} has no rows. To measure this machine, run `make study`."),
        ("summary", messages.NOTHING_MEASURED),
        ("show", "No device of this study has a row for it."),
    ):
        model = ["vgg16"] if command == "show" else []
        done = run(command, *model, "--results", folder, columns=200)
        assert (done.code, done.err) == (0, "")
        assert said in done.out
        assert "─" not in done.out  # No header of an empty table.


def test_a_summary_without_accuracy_says_why_there_is_no_table(run: Run, tmp_path: Path) -> None:
    rows = [
        row.model_copy(update={"top1": None, "accuracy_source": None})
        for row in studies.tables()[0]
        if row.device == "cpu"
    ]
    done = run("summary", "--results", str(studies.write(tmp_path, rows)), columns=200)
    assert messages.NO_BUDGET_MET.format(device="cpu") in done.out.splitlines()
    assert "─" not in done.out


def test_runs_without_a_common_cell_say_what_to_measure(
    run: Run, two_runs: list[str], tmp_path: Path
) -> None:
    rows = [row for row in studies.tables()[0] if (row.device, row.model) == ("cpu", "alexnet")]
    other = str(studies.write(tmp_path / "other", rows, lines=studies.timed("alexnet", [1, 2])))
    done = run("compare", two_runs[0], other, columns=200)
    assert done.code == 0
    assert messages.NONE_COMPARED in done.out.splitlines()


def test_without_accuracy_no_network_can_be_evaluated(run: Run, tmp_path: Path) -> None:
    rows = [
        row.model_copy(update={"top1": None, "accuracy_source": None})
        for row in studies.tables()[0]
        if row.device == "cpu"
    ]
    done = run("pick", "--results", str(studies.write(tmp_path, rows)), "--min-fps", "1")
    assert (done.code, done.out.splitlines()[1]) == (3, "No network can be evaluated.")
    assert "Not evaluated: AlexNet, " in done.out


# compare -------------------------------------------------------------------------------------


def test_compare_of_two_networks_names_the_faster_one_and_the_evidence(run: Run) -> None:
    done = run("compare", "ResNet-50", "dpn-68")
    assert done.code == 0
    lines = [words(line) for line in done.out.splitlines()]
    assert lines[0] == "A: ResNet-50, B: DPN-68, on cpu."
    (time,) = [line for line in lines if line.startswith("latency, ms/image 1 ")]
    assert "x 1.20 (1.19 to 1.21)" in time
    assert time.endswith("B faster")
    # Batch size 8 has no rounds here.
    (other,) = [line for line in lines if line.startswith("latency, ms/image 8 ")]
    assert other.endswith("inconclusive")
    (top1,) = [line for line in lines if line.startswith("top-1, % ")]
    assert top1 == "top-1, % 76.01 75.95 +0.06 (+0.05 to +0.07) A better"
    assert "Latency: both networks were timed in each of 5 rounds of one session;" in words(
        done.out
    )


@pytest.mark.parametrize("device", ["Titan-Xp", "titan"])
def test_compare_on_a_published_device(run: Run, device: str) -> None:
    done = run("compare", "vgg16", "vgg19", "--device", device, columns=120)
    assert done.code == 0
    assert done.out.count("latency, ms/image ") >= 7
    assert "rounding of the published values" in words(done.out)


def test_compare_of_a_network_without_a_row(run: Run, tmp_path: Path) -> None:
    rows = [row for row in studies.tables()[0] if row.model != "vgg16"]
    folder = str(studies.write(tmp_path, rows))
    line = one_line(run("compare", "vgg16", "vgg19", "--results", folder, "--device", "cpu"))
    assert line.startswith(f"dnnbench: {tmp_path / 'study.csv'}: vgg16: no row for cpu.")


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return two folders; in the second, VGG-16 takes 1.5 times as long, and VGG-19 as long."""
    rows, models = studies.tables()
    folders = []
    for name, session, slow in (("before", "1", 1.0), ("after", "2", 1.5)):
        own = [
            row.model_copy(update={"session": session, "latency_ms": 10 * factor})
            for row in rows
            if row.device == "cpu" and row.batch_size == 1 and row.model in ("vgg16", "vgg19")
            for factor in [slow if row.model == "vgg16" else 1.0]
        ]
        lines = [
            *studies.timed(
                "vgg16", [x * slow for x in (10, 10.1, 9.9, 10, 10.05)], session=session
            ),
            *studies.timed("vgg19", [x + 0.01 * slow for x in (10, 10.1, 9.9)], session=session),
        ]
        folder = tmp_path_factory.mktemp("runs") / name
        folders.append(str(studies.write(folder, own, models, lines)))
    return folders


def test_compare_of_two_runs_lists_cells_that_became_slower(run: Run, two_runs: list[str]) -> None:
    done = run("compare", *two_runs, columns=200)
    assert done.code == 0
    assert "2 cells were measured in both runs." in done.out
    (slower,) = [words(line) for line in done.out.splitlines() if line.startswith("VGG-16")]
    assert slower.startswith("VGG-16 1 10.0 15.0 x 1.50 (1.")
    assert slower.endswith("slower")
    assert "1 of 2 cells: equivalent, at most 5% slower or faster." in done.out
    assert "reference kernels took 1.00 (compute) and 1.00 (memory)" in done.out


def test_a_narrower_margin_makes_a_cell_inconclusive(run: Run, two_runs: list[str]) -> None:
    done = run("compare", *two_runs, "--margin", "0.5%", columns=200)
    assert "1 of 2 cells: inconclusive; the intervals include 1, but also changes above" in done.out


def test_a_gate_ends_with_4_for_a_regression_and_names_it(run: Run, two_runs: list[str]) -> None:
    done = run("compare", *two_runs, "--fail-on", "slower=5%", columns=200)
    assert done.code == 4
    *_, failed, _blank, verdict = map(words, done.out.splitlines())
    assert failed.startswith("cpu fp32-eager VGG-16 x 1 slower x 1.50 (1.")
    assert verdict == "1 regression (slower=5%): 1 passed, 0 inconclusive."
    assert run("compare", *reversed(two_runs), "--fail-on", "slower=5%").code == 0


def test_a_strict_gate_ends_with_5_if_a_cell_is_inconclusive(run: Run, two_runs: list[str]) -> None:
    gate = ["compare", *reversed(two_runs), "--fail-on", "slower=0%"]
    assert run(*gate).code == 0
    done = run(*gate, "--strict", "--markdown")
    assert done.code == 5
    verdict, _, _, _, *cells = done.out.splitlines()
    assert verdict == "**No regression (slower=0%): 1 passed, 1 inconclusive.**"
    assert [cell.split(" | ")[2] for cell in cells] == ["VGG-19 x 1"]


def test_a_gate_on_memory_ignores_latency(run: Run, two_runs: list[str]) -> None:
    done = run("compare", *two_runs, "--fail-on", "memory=10%", columns=200)
    assert done.code == 0
    assert done.out.endswith("No regression (memory=10%): 2 passed, 0 inconclusive.\n")


def test_a_comment_on_a_pull_request_starts_with_the_verdict(run: Run, two_runs: list[str]) -> None:
    done = run("compare", *two_runs, "--fail-on", "slower=5%", "--markdown")
    assert done.code == 4
    verdict, blank, header, line, row = done.out.splitlines()
    assert verdict == "**1 regression (slower=5%): 1 passed, 0 inconclusive.**"
    assert (blank, set(line)) == ("", {"|", "-"})
    assert header.count("|") == line.count("|") == row.count("|")
    assert row.startswith("| cpu | fp32-eager | VGG-16 x 1 | slower | 10.0 | 15.0 | 1.50 (1.4")
    done = run("compare", *two_runs, "--markdown")
    verdict, _, _, _, row = done.out.splitlines()
    assert verdict == "**1 slower, 0 faster, 1 equivalent within 5%, 0 inconclusive.**"
    assert row.endswith("| slower |")


def test_a_junit_report_has_a_test_case_per_check(
    run: Run, two_runs: list[str], tmp_path: Path
) -> None:
    file = tmp_path / "reports" / "gate.xml"
    limits = ["--fail-on", "slower=5%", "--fail-on", "memory=10%"]
    assert run("compare", *two_runs, *limits, "--junit", str(file)).code == 4
    root = ElementTree.parse(file).getroot()
    (suite,) = root
    assert (root.tag, suite.tag) == ("testsuites", "testsuite")
    counts = {"tests": "4", "failures": "1", "errors": "0", "skipped": "0"}
    assert root.attrib == counts
    assert suite.attrib == {"name": "dnnbench compare"} | counts
    cases = {(case.get("classname"), case.get("name")): case for case in suite}
    assert {case.tag for case in suite} == {"testcase"}
    assert len(cases) == 4
    (failure,) = cases[("cpu.fp32-eager.slower", "vgg16 x 1")]
    assert failure.tag == "failure" and (failure.get("message") or "").startswith("x 1.50 (1.")
    assert len(cases[("cpu.fp32-eager.memory", "vgg16 x 1")]) == 0
    reverse = ["compare", *reversed(two_runs), "--fail-on", "slower=0%"]
    run(*reverse, "--junit", str(file))
    (skipped,) = ElementTree.parse(file).getroot().iter("skipped")
    assert (skipped.get("message") or "").startswith("inconclusive: x ")


def test_compare_prints_its_answers_as_json(run: Run, two_runs: list[str]) -> None:
    done = run("compare", *two_runs, "--fail-on", "slower=5%", "--json")
    answer = json.loads(done.out)
    assert done.code == 4
    assert [cell["verdict"] for cell in answer["cells"]] == ["slower", "equivalent"]
    assert answer["gate"]["outcome"] == "regression"
    assert json.loads(run("compare", *two_runs, "--json").out)["gate"] is None
    done = run("compare", "resnet50", "dpn68", "--json", "--margin", "30%")
    answer = json.loads(done.out)
    assert (answer["a"], answer["b"], answer["margin"]) == ("resnet50", "dpn68", 0.3)
    verdicts = [one["verdict"] for one in answer["comparisons"] if one["quantity"] == "time"]
    assert verdicts == ["equivalent", "inconclusive"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--fail-on", "slow=5%"], "--fail-on: 'slow=5%': expected slower=5% or memory=5%."),
        (["--fail-on", "slower"], "--fail-on: 'slower': expected slower=5% or memory=5%."),
        (["--fail-on", "slower=0.05"], "--fail-on: slower: '0.05': not a percentage. Write,"),
        (["--fail-on", "slower=-5%"], "--fail-on: slower: '-5%': not a percentage. Write,"),
        (["--fail-on", "slower=5%"] * 2, "slower has two limits. Drop one."),
        (["--margin", "0%"], "--margin: '0%': not above 0%. Write, for example, 5%."),
        (["--margin", "wide"], "--margin: 'wide': not a percentage. Write, for example, 5%."),
        (["--strict"], "--strict: there is no limit. Add, for example, --fail-on slower=5%."),
        (["--junit", "x.xml"], "--junit: 'x.xml': there is no limit. Add, for example, --fail-on"),
    ],
)
def test_a_mistake_in_the_options_of_a_gate_is_one_line(
    run: Run, two_runs: list[str], options: list[str], said: str
) -> None:
    line = one_line(run("compare", *two_runs, *options))
    assert line.startswith("dnnbench: ") and said in line


def test_two_networks_have_no_gate(run: Run) -> None:
    line = one_line(run("compare", "vgg16", "vgg19", "--fail-on", "slower=5%"))
    assert line == (
        "dnnbench: --fail-on: A: 'vgg16': not a folder with a study.csv. Name two runs."
    )


def test_compare_of_a_run_with_itself_compares_nothing(run: Run) -> None:
    done = run("compare", "results", "results", columns=120)
    assert (done.code, done.err) == (0, "")
    assert "0 cells were measured in both runs." in done.out
    assert "85 more are the same measurement in both runs, and are not compared." in done.out


# predict ---------------------------------------------------------------------------------------


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> dict[str, registry.Network]:
    """Limit the networks outside the study to two, because each has to be counted."""
    known = registry.load_registry()
    keys = ("efficientnet_lite0", "timm-mobilenetv4_conv_small.e2400_r224_in1k")
    others = {key: known[key] for key in keys}
    judged = {key for key, one in others.items() if any(source.top1 for source in one.weights)}
    assert judged == {"efficientnet_lite0"}
    fewer = {key: one for key, one in known.items() if one.published} | others
    monkeypatch.setattr(registry, "load_registry", lambda *_: fewer)
    return others


@pytest.fixture
def untimed(run: Run, tmp_path: Path) -> list[str]:
    """Return arguments for a study with two unmeasured networks, and one out of memory."""
    rows, models = studies.tables()
    lost = {"resnet50": "not_measured", "vgg16": "not_measured", "vgg19": "oom"}
    time = dict.fromkeys(name for name in columns(StudyRow) if name.startswith(("latency", "fps")))
    rows = [
        row.model_copy(update={**time, "batch_ms": None, "status": lost[row.model]})
        if row.source == "measured" and row.model in lost
        else row
        for row in rows
    ]
    folder = studies.write(tmp_path / "untimed", rows, models)
    return ["--results", str(folder)]


def test_predict_lists_unmeasured_networks_and_the_error_of_predictions(
    run: Run, untimed: list[str], elsewhere: dict[str, registry.Network]
) -> None:
    done = run("predict", *untimed)
    assert done.code == 0
    answer = json.loads(run("predict", "--json", *untimed).out)
    found = {one["model"]: one for one in answer["predictions"]}
    assert found.keys() == {"resnet50", "vgg16", *elsewhere}
    for one in found.values():
        assert one["latency_ms_low"] < one["latency_ms"] < one["latency_ms_high"]
    timed = [row for row in studies.tables()[0] if (row.device, row.batch_size) == ("cpu", 1)]
    costs, line = answer["quality"]
    assert (costs["basis"], line["basis"]) == ("costs", "line")
    assert costs["networks"] == sum(row.status == "ok" for row in timed) - 3
    errors = f"{costs['networks']} {costs['median_error']:.0%} {costs['p90_error']:.0%}"
    assert f"fp32-eager costs {errors}" in words(done.out)
    assert "VGG-19" not in done.out


def test_predict_covers_every_variant_or_the_one_that_is_asked_for(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    published = {key: one for key, one in registry.load_registry().items() if one.published}
    monkeypatch.setattr(registry, "load_registry", lambda *_: published)
    rows, models = studies.tables()
    timed = [row for row in rows if (row.device, row.batch_size) == ("cpu", 1) and row.latency_ms]
    compiled, int8, openvino = (
        [row.model_copy(update={"variant": variant}) for row in timed[:count]]
        for variant, count in (("fp32-compile", 5), ("int8-openvino", 20), ("fp32-openvino", 40))
    )
    folder = studies.write(tmp_path / "variants", [*rows, *compiled, *int8, *openvino], models)
    command = ("predict", "--device", "cpu", "--results", str(folder))
    found = json.loads(run(*command, "--json").out)
    assert Counter(one["variant"] for one in found["predictions"]) == {
        "int8-openvino": len(models) - 20,
        "fp32-openvino": len(models) - 40,
    }
    # fp32 has the same answers as fp32-eager, and the accuracy of int8 was not measured.
    for one in found["predictions"]:
        assert (one["top1"] is None) == (one["variant"] == "int8-openvino")
    assert {one["basis"] for one in found["predictions"]} == {"costs", "reference"}
    said = words(run(*command).out)
    assert "fewer than 8 networks were measured: fp32-compile (5)." in said
    one = run(*command, "--variant", "fp32-openvino").out
    assert "cpu, fp32-openvino, batch size 1: " in one and "int8-openvino" not in one
    line = one_line(run(*command, "--variant", "fp32-compile"))
    assert "cpu, fp32-compile, batch size 1: 5 measured networks, but predictions need" in line
    line = one_line(run(*command, "--variant", "bf16-eager"))
    assert line.startswith("dnnbench: --variant: 'bf16-eager': cpu has fp32-eager, fp32-compile, ")


def test_predict_says_why_there_is_nothing_to_predict(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = {key: one for key, one in registry.load_registry().items() if one.published}
    monkeypatch.setattr(registry, "load_registry", lambda *_: published)
    done = run("predict", columns=200)
    assert (done.code, done.out.splitlines()[-1]) == (0, messages.NONE_TO_PREDICT)


def test_predict_needs_enough_measured_networks(run: Run, tmp_path: Path) -> None:
    rows, models = studies.tables()
    few = {model.model for model in models[:5]}
    folder = studies.write(tmp_path / "few", [row for row in rows if row.model in few], models)
    line = one_line(run("predict", "--device", "cpu", "--results", str(folder)))
    assert line == (
        f"dnnbench: {folder / 'study.csv'}: cpu, fp32-eager, batch size 1: 5 measured networks, but"
        " predictions need at least 8. Measure more networks (params.yaml: models)."
    )


def test_pick_lists_predicted_networks_only_when_asked(
    run: Run, untimed: list[str], elsewhere: dict[str, registry.Network]
) -> None:
    plain = json.loads(run("pick", "--json", "--top", "99", *untimed).out)
    assert "resnet50" in {one["model"] for one in plain["left_out"]}
    asked = json.loads(run("pick", "--predicted", "--json", "--top", "99", *untimed).out)
    sources = {entry["model"]: entry["source"] for entry in asked["entries"]}
    predicted = {model for model, source in sources.items() if source == "predicted"}
    # The other network has no accuracy to be ranked by.
    assert predicted == {"resnet50", "vgg16", "efficientnet_lite0"}
    shown = run("pick", "--predicted", "--top", "99", *untimed).out
    assert sum("‡" in line for line in shown.splitlines()) == len(predicted) + 1
    assert "‡ predicted, with a 95% prediction interval; " in shown


# show, devices, models, summary --------------------------------------------------------------


def test_show_has_the_network_on_every_device_and_why_it_is_noisy(run: Run) -> None:
    (noisy, *_) = [
        row for row in studies.tables()[0] if row.stability == "noisy" and row.batch_size == 1
    ]
    done = run("show", noisy.model.upper())
    name = registry.load_registry()[noisy.model].name
    assert done.out.splitlines()[0] == f"{name} ({noisy.model})"
    assert "cpu, batch size 1: ~ noisy: because [of] a neighbor. Measured in 5 processes" in words(
        done.out
    )
    assert done.out.count("Titan Xp, 2018 ") >= 7 and done.out.count("Jetson TX1, 2018 ") >= 7
    source = labels.accuracy_source(noisy.accuracy_source)
    assert f"Top-1: {noisy.top1:.2f}% ({source})." in done.out
    assert all(len(line) <= 80 for line in done.out.splitlines())


def test_show_has_the_cost_of_a_pass_to_the_kernel_and_the_process_that_was_disturbed(
    run: Run,
) -> None:
    (row, *_) = [row for row in studies.tables()[0] if row.stability == "disturbed"]
    said = words(run("show", row.model).out)
    assert (
        f"cpu, batch size 1: † disturbed: {row.stability_reason}. Measured in 5 processes, with"
        f" {row.page_faults:,.0f} page faults and 2.50 ms of system time per pass."
    ) in said


def test_show_of_a_single_process_says_that_its_stability_is_unknown(
    run: Run, tmp_path: Path
) -> None:
    reason = "single process: the spread between processes is unknown"
    alone = {"stability": None, "stability_reason": reason, "processes": 1, "page_faults": None}
    rows = [row.model_copy(update=alone) for row in studies.tables()[0] if row.model == "vgg16"]
    said = words(run("show", "vgg16", "--results", str(studies.write(tmp_path, rows))).out)
    assert f"cpu, batch size 1: {reason}. Measured in 1 process. cpu" in said


SOURCE = "published+measured:folder"


@pytest.fixture
def two_variants(tmp_path: Path) -> list[str]:
    """Return arguments for a study whose CPU also ran every network in bf16, twice as fast."""
    rows = studies.tables()[0]
    times = ("latency_ms", "latency_ms_low", "latency_ms_high")
    faster = [
        row.model_copy(
            update={"variant": "bf16-eager", "top1_change": 0.0}
            | {name: value / 2 for name in times if (value := getattr(row, name)) is not None}
        )
        for row in rows
        if row.device == "cpu" and row.latency_ms is not None
    ]
    return ["--results", str(studies.write(tmp_path / "variants", [*rows, *faster]))]


def test_pick_names_the_variant_to_use(run: Run, two_variants: list[str]) -> None:
    every, plain, other = (
        json.loads(run("pick", "--device", "cpu", "--json", *option, *two_variants).out)
        for option in ([], ["--variant", "fp32-eager"], ["--variant", "bf16-eager"])
    )
    assert [one["variant"] for one in (every, plain, other)] == [None, "fp32-eager", "bf16-eager"]
    assert {entry["variant"] for entry in every["entries"]} == {"bf16-eager"}
    assert every["best"] == plain["best"] == other["best"]
    assert other["entries"][0]["latency_ms"] == plain["entries"][0]["latency_ms"] / 2
    said = run("pick", "--device", "cpu", *two_variants).out
    assert "86 of 86 configurations of 43 networks fit." in said
    assert said.count("  bf16-eager  ") == 5
    narrowed = run("pick", "--device", "cpu", "--variant", "bf16-eager", *two_variants).out
    assert narrowed.startswith("cpu, batch size 1, bf16-eager: no limits.")
    assert "43 of 43 networks fit." in narrowed


def test_compare_names_the_variants_that_it_compares(run: Run, two_variants: list[str]) -> None:
    pair = ("compare", "ResNet-50", "DPN-68", "--device", "cpu", *two_variants)
    said = run(*pair).out
    assert "A in bf16-eager, B in bf16-eager" in said
    assert "the fastest variant that gives the answers of fp32-eager" in said
    narrowed = run(*pair, "--variant", "fp32-eager").out
    assert "A in fp32-eager, B in fp32-eager" in narrowed and "the fastest" not in narrowed
    assert "in fp32-eager" not in run("compare", "ResNet-50", "DPN-68", "--device", "cpu").out
    done = run(*pair, "--variant", "fp16-eager")
    assert "--variant: 'fp16-eager': cpu has fp32-eager, bf16-eager." in done.err


def in_bf16(folder: Path, **changes: object) -> list[str]:
    """Return the arguments for a study whose CPU ran every network in bf16."""
    rows = [row for row in studies.tables()[0] if row.device == "cpu"]
    others = [row.model_copy(update={"variant": "bf16-eager", **changes}) for row in rows]
    results = studies.write(folder / "bf16", [*rows, *others])
    return ["pick", "--device", "cpu", "--variant", "bf16-eager", "--results", str(results)]


def test_pick_says_that_the_accuracy_of_a_variant_is_unknown(run: Run, tmp_path: Path) -> None:
    done = run(*in_bf16(tmp_path, top1=None, top5=None, accuracy_source=None))
    assert done.code == 3
    said = words(done.out)
    assert "No network can be evaluated." in said
    assert "(accuracy unknown until it is measured on images)" in said


def test_pick_marks_networks_whose_accuracy_certainly_drops(run: Run, tmp_path: Path) -> None:
    change = {"top1_change": -4.0, "top1_change_low": -6.0, "accuracy_source": SOURCE}
    lost = run(*in_bf16(tmp_path / "lost", **change, top1_change_high=-2.0)).out
    assert sum("↓" in line for line in lost.splitlines()) == 5 + 1
    assert "↓ accuracy is certainly lower than in fp32-eager" in words(lost)
    assert "published for fp32-eager, plus the change measured on folder" in words(lost)
    assert "↓" not in run(*in_bf16(tmp_path / "kept", **change, top1_change_high=-0.9)).out


def test_a_variant_without_rows_is_an_error_that_names_the_measured_ones(
    run: Run, two_variants: list[str]
) -> None:
    done = run("pick", "--device", "cpu", "--variant", "fp32-compile", *two_variants)
    assert done.code == 1
    assert "--variant: 'fp32-compile': cpu has fp32-eager, bf16-eager." in done.err


def test_show_names_the_variants_if_there_are_two(run: Run, two_variants: list[str]) -> None:
    assert "fp32-eager" not in run("show", "resnet50").out
    said = run("show", "resnet50", *two_variants).out
    assert said.count("bf16-eager") == 4
    assert said.count("cpu, batch size 8, bf16-eager: stable. Measured in 5 processes") == 1


def test_show_also_has_the_accuracy_that_does_not_determine_the_rank(
    run: Run, tmp_path: Path
) -> None:
    models = [
        model.model_copy(update={"top1_published": 70.5, "top1_measured": 68.25})
        if model.model == "vgg16"
        else model
        for model in studies.tables()[1]
    ]
    folder = str(studies.write(tmp_path, models=models))
    done = run("show", "vgg16", "--results", folder)
    assert "; measured: 68.25%; published: 70.50%." in words(done.out)


def test_show_of_a_network_that_is_not_in_the_study(run: Run, tmp_path: Path) -> None:
    rows, models = ([one for one in table if one.model != "vgg16"] for table in studies.tables())
    folder = studies.write(tmp_path, rows, models)
    done = run("show", "vgg16", "--results", str(folder), columns=200)
    assert done.code == 0
    assert f"Not in this study: no row in {folder / 'models.csv'}." in done.out


def test_devices_lists_the_cells_measured_on_each_device(run: Run) -> None:
    done = run("devices", columns=100)
    rows = [line for line in done.out.splitlines() if line[:4] in ("cpu ", "tita", "jets")]
    cpu, titan, jetson = (words(row) for row in rows)
    cells = [row for row in studies.tables()[0] if row.device == "cpu"]
    counts = Counter(row.stability for row in cells)
    stability = f"{counts['stable']} {counts['noisy']} {counts['disturbed']}"
    assert cpu.startswith(f"cpu 44/44 85/88 {stability} 1, 8 A processor,")
    assert titan.startswith("titanxp-2018 44/44 308/308 1, 2, 4, 8,")
    assert jetson.startswith("jetsontx1-2018 44/44 264/308 1, 2, 4, 8,")


def test_models_lists_the_study_and_then_the_rest_of_the_registry(run: Run, tmp_path: Path) -> None:
    kept = studies.tables()[1][3:]
    folder = str(studies.write(tmp_path, models=kept))
    done = run("models", "--results", folder, columns=120)
    keys = [line.split()[0] for line in done.out.splitlines()[3:-3] if line[0] != " "]
    known = list(registry.load_registry())
    listed = [model.model for model in kept]
    assert keys == [key for key in known if key in listed] + [
        key for key in known if key not in listed
    ]
    assert done.out.count("not in this study") == len(known) - len(kept)


def test_markup_in_a_name_is_printed_literally(run: Run, tmp_path: Path) -> None:
    rows, models = studies.tables()
    (row,) = [one for one in rows if (one.device, one.model, one.batch_size) == ("cpu", "vgg16", 1)]
    odd = row.model_copy(update={"accuracy_source": "[red]oops[/red]"})
    done = run("pick", "--results", str(studies.write(tmp_path, [odd], models)))
    assert "Top-1 accuracy: [red]oops[/red]." in done.out


def test_summary_names_the_variants_to_use(run: Run, two_variants: list[str]) -> None:
    lines = run("summary", *two_variants).out.splitlines()
    budgets = [line for line in lines if re.match(r" +[\d.]+ +\d+ ", line)]
    assert len(budgets) > 3 and all("  bf16-eager  " in line for line in budgets)


def test_a_variant_that_failed_everywhere_is_in_no_answer(run: Run, tmp_path: Path) -> None:
    rows, models = studies.tables()
    empty = dict.fromkeys(name for name in columns(StudyRow) if name.startswith("latency"))
    other = {**empty, "variant": "bf16-eager", "status": "failed", "batch_ms": None}
    others = [row.model_copy(update=other) for row in rows if row.source == "measured"]
    folder = studies.write(tmp_path / "two", [*rows, *others], models)
    plain, both = run("summary"), run("summary", "--results", str(folder))
    assert both.code == 0

    def best(done: Done) -> list[str]:
        return [line for line in done.out.splitlines() if re.match(r" +[\d.]+ +\d+ ", line)]

    assert len(best(plain)) > 3
    assert [re.sub(r" fp32-eager *", " ", line).split() for line in best(both)] == [
        line.split() for line in best(plain)
    ]


def test_a_network_can_be_named_as_in_the_parameters(run: Run, tmp_path: Path) -> None:
    rows, models = studies.tables()
    key, spec = "timm-convnext_atto.d2_in1k", "timm:convnext_atto.d2_in1k"
    model = models[0].model_copy(update={"model": key, "spec": spec})
    folder = studies.write(tmp_path / "named", rows, [*models, model])
    for name in (spec, "timm:convnext_atto", key):
        done = run("show", name, "--results", str(folder))
        assert (done.code, key in done.out) == (0, True), done.err


def test_summary_names_the_best_network_for_each_budget(run: Run) -> None:
    done = run("summary")
    assert done.code == 0
    assert "85 of 88 cells measured" in done.out
    assert done.out.splitlines()[-1] == f"Page: {Path('reports/index.html')}"


def test_summary_leads_with_the_best_that_certainly_fits(run: Run, tmp_path: Path) -> None:
    said = words(run("summary", *doubtful(tmp_path, "resnet18", "resnet34", "resnet50")).out)
    best, _, rest = said.partition(wording.text("might_be_better"))
    assert "0.7 60 ResNet-18 69.64 15.5" in best and "0.7 30 ResNet-34 73.27 16.0" in best
    assert "For 60 images/s, ResNet-34: 73.27% top-1, 16.0 ms per image (14.5 to 17.5)" in rest
    assert rest.count("For 60 images/s, ResNet-50: 76.01% top-1, 23.2 ms per image (very unc") == 1
    assert "2 noisy (~): the half-width is up to 9%, so" in best
    assert "1 noisy (~) and very uncertain: the interval is wider than a factor of two." in best


def test_summary_says_that_nothing_fits_a_budget_for_certain(run: Run, tmp_path: Path) -> None:
    said = words(run("summary", *doubtful(tmp_path, "resnet34")).out)
    assert "0.7 30 ResNet-34 73.27 16.0 112 0.7 60 none fits for certain 1 15 ResNet-34" in said


def test_summary_counts_the_verdicts_and_names_the_most_common_disturbance(
    run: Run, tmp_path: Path
) -> None:
    reasons = [
        "1 of 5 processes failed: no memory",
        "1 of 5 processes was disturbed (round 1: threads waited for a core for 20% of the time)",
        "2 of 9 processes were disturbed (round 3, process 2: the hypervisor took 2.0% of the time,"
        " 9 MiB were swapped out; round 4: threads waited for a core for 31% of the time); round 5:"
        " other programs used 9% of the machine before the round",
    ]
    verdicts = [("disturbed", reason) for reason in reasons] + [("noisy", None), (None, None)]
    rows = [row for row in studies.tables()[0] if row.source == "measured" and row.latency_ms]
    changed = [
        row.model_copy(update={"stability": stability, "stability_reason": reason})
        for row, (stability, reason) in zip(rows, verdicts, strict=False)
    ]
    folder = studies.write(tmp_path, changed)
    said = words(run("summary", "--results", str(folder), "--reports", str(tmp_path)).out)
    assert said.startswith(
        "cpu: 5 of 5 cells measured. 1 noisy (~): the half-width is up to 2%, so the latency is"
        " known less well. 3 disturbed (†): something happened in particular processes. Measure"
        " these cells again. Most common reason (2 of 3): threads waited for a core for 20% of the"
        " time. 1 of unknown stability: a single process has no interval. Most accurate network"
    )


def test_pick_marks_noisy_and_disturbed_latencies_differently(run: Run) -> None:
    asked = ("pick", "--device", "cpu", "--top", "44")
    entries = {entry["rank"]: entry for entry in json.loads(run(*asked, "--json").out)["entries"]}
    said = run(*asked, columns=200).out
    lines = re.findall(r"^ ?(\d+) .*\)(.?) ", said, re.MULTILINE)
    marks = {int(rank): mark.strip() for rank, mark in lines}
    expected = {"stable": "", "noisy": "~", "disturbed": "†"}
    assert marks == {rank: expected[entry["stability"]] for rank, entry in entries.items()}
    assert len(set(marks.values())) == 3
    for note in wording.stability_notes(("noisy", "disturbed")):
        assert note in said


# check ---------------------------------------------------------------------------------------


@pytest.fixture
def look_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that starts a study on a machine with made-up proc and sys trees."""

    def begin(tree: dict[str, str], settings: str = "", busy: float = 0.0) -> None:
        folder = tmp_path / "study"
        (folder / "config/devices").mkdir(parents=True)
        (folder / "params.yaml").write_text(f"profile: cpu\n{settings}")
        device = "device: cpu\nbackend: cpu\nbatch_sizes: [1]\nthreads: 1\n"
        (folder / "config/devices/cpu.yaml").write_text(device)
        (folder / "config/models.yaml").symlink_to(studies.ROOT / "config/models.yaml")
        monkeypatch.chdir(folder)
        of = host_trees.machine(tmp_path / "root", tree, cpus=8)
        seen = watch(of, lambda seconds: (busy, "cc1plus (pid 7)"))
        monkeypatch.setattr(all_checks, "look", lambda settings: all_checks.judge(seen))

    return begin


def test_check_of_a_quiet_machine(run: Run, look_at: Callable[..., None]) -> None:
    look_at(host_trees.SERVER | host_trees.cores(8, **host_trees.LOCKED))
    done = run("check")
    assert (done.code, done.err) == (0, "")
    first, *rest = done.out.splitlines()
    assert first == "cpu: 0 of 17 checks found a disturbance; 0 are unknown."
    assert sum(line.startswith("ok ") for line in rest) == 17


@pytest.mark.parametrize("columns", [80, 120])
def test_check_prints_each_fix_on_one_line(
    run: Run, look_at: Callable[..., None], columns: int
) -> None:
    look_at(host_trees.LAPTOP, busy=0.3)
    done = run("check", "--device", "cpu", columns=columns)
    assert done.code == 4
    lines = done.out.splitlines()
    assert lines[0].startswith("cpu: 6 of 17 checks found a disturbance")
    commands = [line for line in lines[4:] if re.match(r" {4}\S", line)]
    assert all(len(line) <= columns for line in lines if line not in commands)
    assert len(commands) == 6
    switch = "/sys/devices/system/cpu/intel_pstate/no_turbo"
    assert f"    To turn it off: echo 1 | sudo tee {switch}" in commands
    assert "warn other programs use 30% of CPU capacity, mostly cc1plus (pid 7)" in words(done.out)
    assert "governor: If the clock follows the load, a forward pass begins at a low clock." in lines


def test_check_as_json_is_the_whole_answer(run: Run, look_at: Callable[..., None]) -> None:
    look_at(host_trees.GUEST_TREE)
    done = run("check", "--json")
    assert done.code == 0
    answer = json.loads(done.out)
    assert (answer["device"], answer["resolution"]) == ("cpu", None)
    governor = answer["checks"][2]
    assert (governor["name"], governor["state"]) == ("governor", "unknown")
    assert [one["name"] for one in answer["checks"]] == list(
        dict.fromkeys(one["name"] for one in answer["checks"])
    )


@pytest.mark.slow  # tests/machines/test_resolution.py measures real rounds.
def test_check_resolves_with_real_rounds(
    run: Run, look_at: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    look_at(host_trees.SERVER, settings="latency: {rounds: 2}\n")
    monkeypatch.setattr(registry, "load_registry", lambda *_: {"small": toys.entry("small")})
    monkeypatch.setattr(resolution, "NETWORKS", ("small",))
    done = run("check", "--resolve")
    assert done.code == 0
    assert (
        "this machine can detect is" in words(done.out)
        or "This machine can only detect" in done.out
    )
    assert "small at batch size 1, in 4 alternating sessions of 2 rounds" in words(done.out)
    assert "6 comparisons of a network with itself" in words(done.out)
    assert "resolving: 8 of 8 in" in done.err
    assert not Path("results").exists()


@pytest.mark.parametrize(
    ("factor", "said"),
    [
        (1.0437, "can detect is 4.4%."),
        (3.0, "can only detect changes in latency by a factor of 3.0 or more."),
    ],
)
def test_the_verdict_on_the_resolution(
    run: Run,
    look_at: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    factor: float,
    said: str,
) -> None:
    found = resolution.Resolution(
        device="cpu",
        networks=["resnet18"],
        sessions=4,
        rounds=5,
        resolution=factor,
        comparisons=6,
        outside=1,
        different=0,
        processes=20,
        disturbed=3,
        failed={"mobilenetv2": "too large"},
    )
    look_at(host_trees.SERVER)
    monkeypatch.setattr(resolution, "run", lambda settings, networks: found)
    text = words(run("check", "--resolve").out)
    assert said in text
    assert "0 of 6 comparisons were called slower or faster by mistake. 1 of 6 intervals" in text
    assert "3 of 20 processes were disturbed" in text
    assert "MobileNet-v2 could not be measured: too large." in text
    answer = json.loads(run("check", "--resolve", "--json").out)
    assert answer["resolution"] == found.model_dump()


def test_findings_are_printed_even_if_the_resolution_study_is_refused(
    run: Run, look_at: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    look_at(host_trees.SERVER, settings="when_busy: refuse\n")
    monkeypatch.setattr(cpu.Cpu, "others_busy", lambda self, seconds: (0.5, "cc1plus (pid 7)"))
    done = run("check", "--resolve")
    assert done.code == 1
    assert done.out.startswith("cpu: 0 of 17 checks found")
    said = "dnnbench: cpu: other programs use 50% of the machine, mostly cc1plus (pid 7). Stop them"
    assert done.err.splitlines()[-1].startswith(said)


def test_check_of_a_device_without_a_file_is_an_error(
    run: Run, look_at: Callable[..., None]
) -> None:
    look_at(host_trees.SERVER)
    said = one_line(run("check", "--device", "gpu"))
    assert said.startswith("dnnbench: --device: 'gpu': config/devices/gpu.yaml: no such file")


def test_check_outside_a_study_is_an_error(run: Run) -> None:
    said = one_line(run("check"))
    assert said == "dnnbench: params.yaml: no such file. Run this in the folder of the study."


# Help, color, completion ---------------------------------------------------------------------


def test_help_has_examples_and_every_exit_code(run: Run) -> None:
    done = run("--help")
    assert done.code == 0
    for code in ("0  success", "1  error", "2  invalid", "3  pick: no network", "4  check:"):
        assert code in done.out
    for command in ("pick", "compare", "show", "devices", "models", "check"):
        assert command in done.out
        own = run(command, "--help").out
        assert f"dnnbench {command}" in own.split("Example")[1]


@pytest.mark.parametrize("command", [(), ("pick",), ("compare",), ("check",)])
def test_h_shows_the_help(run: Run, command: tuple[str, ...]) -> None:
    assert run(*command, "-h").out == run(*command, "--help").out


COMMANDS = sorted(
    file.stem.replace("_", "-") for file in Path(commands.__path__[0]).glob("[a-z]*.py")
)


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS)])
def test_help_names_the_values_of_options_instead_of_types(run: Run, command: list[str]) -> None:
    said = run(*command, "--help").out
    assert re.findall(r"<(?:str|int|float|path|bool|list).*>", said) == []
    (usage,) = [line for line in said.splitlines() if "Usage:" in line]
    assert not {"{", "}"} & set(usage)


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS)])
def test_help_in_a_narrow_terminal_cuts_no_option_and_no_example(
    run: Run, command: list[str]
) -> None:
    narrow, wide = (run(*command, "--help", columns=columns).out for columns in (40, 120))
    option = re.compile(r"--[a-z][a-z0-9-]*")
    assert "…" not in narrow
    assert set(option.findall(wide)) <= set(option.findall(narrow))
    if command:
        examples = [line.strip() for line in wide.splitlines() if line.startswith("   dnnbench ")]
        assert set(examples) <= {line.strip() for line in narrow.splitlines()}


def test_the_value_of_a_limit_has_its_unit(run: Run) -> None:
    said = words(run("pick", "--help").out)
    assert "--max-memory GIB Maximum memory, in GiB." in said
    assert "--min-top1 PERCENT " in said


def test_the_help_of_a_script_names_the_values_of_options() -> None:
    script = [sys.executable, ROOT / "workflow/scripts/report.py", "--help"]
    done = subprocess.run(script, capture_output=True, text=True, check=True, cwd=ROOT)
    assert "--config KEY=VALUE Setting that overrides" in words(done.stdout)
    assert "<" not in done.stdout


def test_the_version_is_that_of_the_package(run: Run) -> None:
    done = run("--version")
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert (done.code, done.out) == (0, f"dnnbench {declared}\n")


def test_each_command_module_is_listed_with_its_help(run: Run) -> None:
    listed = words(run("--help", columns=200).out)
    for file in Path(commands.__path__[0]).glob("[a-z]*.py"):
        function = getattr(importlib.import_module(f"{commands.__name__}.{file.stem}"), file.stem)
        summary = function.__doc__.partition("\n\n")[0]
        assert words(f"{file.stem.replace('_', '-')} {summary}") in listed


def test_the_examples_in_the_help_work(run: Run) -> None:
    text = run("--help").out + run("pick", "--help").out + run("show", "--help").out
    examples = [
        line.strip(" │").split()[1:]
        for line in text.splitlines()
        if line.strip().startswith("dnnbench ") and '"' not in line
    ]
    assert len(examples) >= 6
    for example in examples:
        assert run(*example).code in (0, 3)


def test_colors_appear_only_in_terminals_that_support_them(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ("compare", "resnet50", "resnet18", "--device", "cpu")
    plain = run(*asked)
    monkeypatch.setenv("FORCE_COLOR", "1")
    colored = run(*asked)
    monkeypatch.setenv("NO_COLOR", "1")
    uncolored = run(*asked)
    assert "\x1b" not in plain.out
    assert "\x1b[32mB smaller" in colored.out
    assert "\x1b[32m" not in uncolored.out


@pytest.mark.parametrize(
    ("typed", "index", "offered"),
    [
        (
            "dnnbench show ResNet-",
            2,
            {f"ResNet-{name}" for name in (18, 34, 50, 101, 152, "50-SB", "RS-50")},
        ),
        ("dnnbench compare vgg11 vgg-11", 3, {"vgg-11", "vgg-11_bn"}),
        ("dnnbench pick --device t", 3, {"titanxp-2018"}),
        ("dnnbench pick --device Titan-", 3, {"Titan-xp-2018"}),
        ("dnnbench pick --results elsewhere --device ", 5, set()),
        ("dnnbench co", 1, {"compare"}),
        ("dnnbench ch", 1, {"check"}),
    ],
)
def test_names_complete_in_a_shell(
    results: Path, typed: str, index: int, offered: set[str]
) -> None:
    settings: dict[str, Any] = {
        "_DNNBENCH_COMPLETE": "complete_bash",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(index),
        "PYTHONPATH": str(SOURCE),
    }
    done = subprocess.run(
        [sys.executable, "-c", "from dnnbench.cli.app import app; app()"],
        cwd=results.parent,
        env=os.environ | settings,
        capture_output=True,
        text=True,
        check=False,
    )
    assert set(done.stdout.split()) == offered
    assert done.stderr == ""
