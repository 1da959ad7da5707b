"""Tables joined from made-up records."""

import json
import random
from collections.abc import Callable, Mapping
from math import exp, sqrt
from pathlib import Path
from statistics import stdev
from typing import Any

import pytest
from helpers.paths import ROOT
from helpers.projects import stage
from helpers.timings import (
    ACCURACY,
    PLAN,
    QUIET,
    complexity,
    line,
    memory,
    memory_cell,
)

from dnnbench.config.stated_accuracy import StatedAccuracy
from dnnbench.core.storage import RecordError, read_rows, write_json, write_lines, write_table
from dnnbench.networks.registry import Network, WeightsSource, load_registry
from dnnbench.records.comparison_records import AccuracyRow, VariantAccuracyRow
from dnnbench.records.complexity_records import Complexity
from dnnbench.records.latency_records import LatencyLine
from dnnbench.records.memory_records import MemoryCell, MemoryRecord
from dnnbench.records.plan import Plan
from dnnbench.records.set_aside_records import SetAside
from dnnbench.records.study_records import ModelRow, SelectionRow, StudyRow
from dnnbench.tables import accuracy_ranking, published, study

TABLES = ROOT / "published" / "bianco2018"
NETWORKS = {"resnet18": load_registry()["resnet18"]}


def quiet(**changes_of_round: Mapping[str, Any]) -> list[LatencyLine]:
    """Return five undisturbed rounds; ``r2={...}`` changes round 2."""
    return [
        line(number, time, **changes_of_round.get(f"r{number}", {}))
        for number, time in enumerate(QUIET, start=1)
    ]


def failed(status: str, message: str | None = None) -> dict[str, Any]:
    return {"status": status, "message": message, "samples_ms": [], "disturbance": None}


def rows_of(
    lines: list[LatencyLine],
    plan: Plan = PLAN,
    models: tuple[str, ...] = ("resnet18",),
    records: Mapping[tuple[str, str], MemoryRecord] | None = None,
) -> list[StudyRow]:
    rows, _ = study.aggregate(
        models,
        {model: complexity(model) for model in models},
        dict.fromkeys(models, ACCURACY),
        [study.Measurements(plan, lines, records or {})],
        None,
    )
    return rows


def only_row(lines: list[LatencyLine], plan: Plan = PLAN) -> StudyRow:
    (row,) = rows_of(lines, plan)
    return row


# One cell ------------------------------------------------------------------------------------


def test_an_undisturbed_cell_has_the_values_computed_by_hand() -> None:
    row = only_row(quiet())
    assert (row.status, row.source, row.protocol) == ("ok", "measured", "default")
    assert row.latency_ms == row.batch_ms == 10.0
    assert row.latency_quiet_ms == 9.8
    assert row.fps == 100.0
    # Logarithms of 0.98 .. 1.02: mean -0.000100035, s = 0.015813; t(4) = 2.776445.
    half = 2.776445 * stdev([-0.0202027, -0.0100503, 0, 0.0099503, 0.0198026]) / sqrt(5)
    assert row.latency_ms_low == pytest.approx(10 * exp(-0.000100035 - half), rel=1e-6)
    assert row.latency_ms_high == pytest.approx(10 * exp(-0.000100035 + half), rel=1e-6)
    assert (row.stability, row.stability_reason, row.processes) == ("stable", None, 5)
    assert row.session == "2026-11-24T09:12"
    assert row.latency_p95_ms is None  # Five passes.
    assert (row.top1, row.top5, row.accuracy_source) == (70.0, 90.0, "published:table3")


def test_times_are_per_image_of_process_medians() -> None:
    plan = Plan("cpu", ["fp32-eager"], [8], 3, "default")
    lines = [
        line(1, 80.0, 800.0, 81.0, batch_size=8),
        line(2, 79.0, 81.0, batch_size=8),
        line(3, 88.0, batch_size=8),
    ]
    row = only_row(lines, plan)  # Medians 81, 80, 88.
    assert row.batch_ms == 81.0
    assert row.latency_ms == pytest.approx(81 / 8)
    assert row.latency_quiet_ms == pytest.approx(10.0)
    assert row.fps == pytest.approx(8000 / 81)
    assert row.latency_ms_low is not None and row.latency_ms_high is not None
    assert row.latency_ms_low < 81 / 8 < row.latency_ms_high


def test_p95_pools_the_passes_of_all_rounds() -> None:
    lines = [line(k, *(float(x) for x in range(1, 13))) for k in range(1, 6)]  # 60 passes.
    assert only_row(lines).latency_p95_ms == pytest.approx(12.0)
    assert only_row([*lines[:4], line(5, 6.5)]).latency_p95_ms is None


def test_page_faults_and_system_time_are_medians_over_the_processes() -> None:
    lines = [
        line(k, time, page_faults=1000.0 * k, system_ms=float(k))
        for k, time in enumerate(QUIET, start=1)
    ]
    row = only_row([*lines[:4], lines[4].model_copy(update={"page_faults": None})])
    assert (row.page_faults, row.system_ms) == (2500.0, 3.0)
    assert only_row(quiet()).page_faults is None


def test_a_cell_may_have_several_processes_in_a_round() -> None:
    twice = [
        line(k, time, process=process, processes=10)
        for k, time in enumerate(QUIET, start=1)
        for process in (1, 2)
    ]
    row = only_row(twice)
    assert (row.latency_ms, row.processes, row.stability) == (10.0, 10, "stable")


def test_the_2018_protocol_is_the_mean_of_one_process() -> None:
    plan = Plan("cpu", ["fp32-eager"], [1], 1, "bianco2018")
    row = only_row([line(1, 10.0, 10.0, 13.0, protocol="bianco2018")], plan)
    assert (row.latency_ms, row.latency_quiet_ms) == (11.0, 10.0)
    assert row.latency_ms_low is row.latency_ms_high is row.stability is None
    assert row.stability_reason == "single process: the spread between processes is unknown"


def test_lines_of_another_protocol_do_not_count() -> None:
    row = only_row(quiet(r1={"protocol": "bianco2018"}))
    assert row.latency_ms == pytest.approx(10.0)  # The median of 9.8, 9.9, 10.1, 10.2.
    assert row.stability_reason == "4 of 5 processes measured"
    assert only_row([line(1, 10.0, protocol="bianco2018")]).status == "not_measured"


# Statuses ------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["oom", "timeout", "failed"])
def test_a_cell_that_never_ran_has_a_row_with_its_status(status: str) -> None:
    change = failed(status, "first line\n  second line")
    row = only_row(quiet(r1=change, r2=change, r3=change, r4=change, r5=change))
    assert row.status == status
    assert row.latency_ms is row.batch_ms is row.fps is row.latency_quiet_ms is None
    assert row.stability is row.processes is None
    assert row.stability_reason == f"5 of 5 processes {status}: first line second line"
    assert row.top1 == 70.0


@pytest.mark.parametrize("status", ["oom", "timeout", "failed"])
def test_a_minority_of_failures_leaves_a_disturbed_value(status: str) -> None:
    row = only_row(quiet(r1=failed(status, "why"), r5=failed(status)))
    assert (row.status, row.latency_ms) == ("ok", 9.9)  # The median of 9.9, 10.1, 9.8.
    assert row.stability == "disturbed"
    assert row.stability_reason is not None
    assert row.stability_reason.startswith(f"2 of 5 processes {status}: why")


def test_half_the_processes_failing_is_a_failure() -> None:
    row = only_row(quiet(r1=failed("oom"), r2=failed("oom"))[:4])
    assert (row.status, row.latency_ms, row.stability) == ("oom", None, None)


def test_the_most_common_failure_is_the_status() -> None:
    lines = quiet(
        r1=failed("timeout", "60 s"), r2=failed("oom"), r3=failed("timeout"), r4=failed("oom")
    )
    row = only_row([*lines[:4], line(5, 10.0)])
    assert row.status == "oom"  # Of two equally common statuses, the more specific one.
    assert row.stability_reason == "2 of 5 processes timeout: 60 s; 2 of 5 processes oom"
    assert only_row(lines[:3]).status == "timeout"


def test_a_cell_without_records_has_a_row() -> None:
    row = only_row([])
    assert (row.status, row.memory_status) == ("not_measured", "not_measured")
    assert row.latency_ms is row.memory_mib is row.stability is row.session is None
    assert (row.device, row.model, row.top1) == ("cpu", "resnet18", 70.0)
    assert only_row([line(1, **failed("not_measured"))]).status == "not_measured"


# Tables --------------------------------------------------------------------------------------


def test_the_table_has_exactly_the_planned_cells_in_order() -> None:
    plan = Plan("cpu", ["fp32-eager", "bf16-eager"], [8, 1], 5, "default")
    lines = [
        *quiet(),
        line(1, 5.0, model="dropped"),
        line(1, 5.0, batch_size=64),
        line(1, 5.0, variant="int8"),
    ]
    records = {("fp32-eager", "dropped"): memory("dropped")}
    rows = rows_of(lines, plan, ("vgg16", "resnet18"), records)
    assert [(row.variant, row.model, row.batch_size) for row in rows] == [
        (variant, model, batch_size)
        for variant in ("fp32-eager", "bf16-eager")
        for model in ("vgg16", "resnet18")
        for batch_size in (8, 1)
    ]
    assert {(row.variant, row.model, row.batch_size) for row in rows if row.status == "ok"} == {
        ("fp32-eager", "resnet18", 1)
    }


def test_memory_is_joined_by_batch_size() -> None:
    plan = Plan("cpu", ["fp32-eager"], [1, 8, 64, 128], 5, "default")
    record = memory(
        "resnet18",
        memory_cell(8, memory_mib=120.25),
        memory_cell(1),
        MemoryCell(batch_size=64, status="oom", message="killed"),
        memory_cell(2),
    )
    rows = rows_of([], plan, records={("fp32-eager", "resnet18"): record})
    assert [(row.batch_size, row.memory_status, row.memory_mib) for row in rows] == [
        (1, "ok", 76.5),
        (8, "ok", 120.25),
        (64, "oom", None),
        (128, "not_measured", None),
    ]
    first = rows[0]
    assert (first.memory_basis, first.memory_net_mib, first.memory_runtime_mib) == (
        "net",
        76.5,
        310.0,
    )
    assert (first.weights_mib, first.activations_mib) == (44.6, 9.2)


def test_published_devices_follow_with_the_listed_networks() -> None:
    models = ("resnet18", "newer", "alexnet")
    rows, model_rows = study.aggregate(
        models,
        {model: complexity(model) for model in models},
        dict.fromkeys(models, ACCURACY),
        [study.Measurements(PLAN, quiet(), {})],
        published.read(TABLES),
    )
    assert [row.model for row in model_rows] == list(models)
    assert [(row.device, row.model) for row in rows[:3]] == [("cpu", model) for model in models]
    assert [(row.device, row.model) for row in rows[3::7]] == [
        (device, model)
        for device in ("titanxp-2018", "jetsontx1-2018")
        for model in ("resnet18", "alexnet")
    ]
    # Published devices keep their published accuracy.
    assert rows[0].top1 == 70.0 and rows[3].top1 == 69.64


def test_models_table_joins_complexity_and_accuracy() -> None:
    _, (row,) = study.aggregate(
        ["resnet18"], {"resnet18": complexity()}, {"resnet18": ACCURACY}, [], None
    )
    assert row.model_dump(include=set(Complexity.model_fields)) == complexity().model_dump()
    assert (row.top1, row.top1_published, row.top1_source) == (70.0, 70.0, "published:table3")
    assert (row.top5, row.top5_published, row.top5_source) == (90.0, 90.0, "published:figure")
    assert row.top1_measured is row.top5_measured is row.top1_low is row.top1_high is None


def test_accuracy_is_that_of_the_study_then_of_a_library() -> None:
    networks = load_registry()
    assert accuracy_ranking.published_accuracy(networks["alexnet"]) == accuracy_ranking.Accuracy(
        56.64, "published:figure", 79.06, "published:figure"
    )
    assert (
        accuracy_ranking.published_accuracy(networks["resnet18"]).top1_source == "published:table3"
    )

    def source(**changes: Any) -> WeightsSource:
        fields: dict[str, Any] = {
            "tier": "C",
            "library": "l",
            "url": "https://example.org/w.pth",
            "filename": "w.pth",
            "hash": None,
        }
        return WeightsSource(**(fields | changes))

    def newer(*weights: WeightsSource) -> Network:
        return networks["resnet18"].model_copy(update={"published": None, "weights": weights})

    stated = newer(source(), source(top1=76.1, top5=92.9))
    assert accuracy_ranking.published_accuracy(stated) == accuracy_ranking.Accuracy(
        76.1, "published:library", 92.9, "published:library"
    )
    half = accuracy_ranking.published_accuracy(newer(source(top1=76.1)))
    assert (half.top1_source, half.top5, half.top5_source) == ("published:library", None, None)
    assert accuracy_ranking.published_accuracy(newer(source())) == accuracy_ranking.Accuracy()


def test_a_setting_replaces_the_accuracy_stated_in_the_file_of_a_network() -> None:
    network = load_registry()["resnet18"]
    assert accuracy_ranking.stated_accuracy(network) is None
    own = network.model_copy(update={"accuracy": StatedAccuracy(top1=71.5, top5=91, source="us")})
    assert accuracy_ranking.stated_accuracy(own) == accuracy_ranking.Accuracy(
        71.5, "stated:us", 91, "stated:us"
    )
    setting = StatedAccuracy(top1=72, source="a paper: Table 2")
    assert accuracy_ranking.stated_accuracy(own, setting) == accuracy_ranking.Accuracy(
        72, "stated:a paper: Table 2"
    )


# Accuracy ------------------------------------------------------------------------------------


def accuracy_row(model: str = "resnet18", **changes: Any) -> AccuracyRow:
    """Return an accuracy over all validation images, with the published protocol."""
    fields: dict[str, Any] = {
        "model": model,
        "dataset": "imagenet",
        "protocol": "bianco2018",
        "status": "ok",
        "n": 50_000,
        "classes": 1000,
        "top1": 69.5,
        "top1_low": 69.1,
        "top1_high": 69.9,
        "top5": 89.1,
        "top5_low": 88.8,
        "top5_high": 89.4,
    }
    return AccuracyRow(**(fields | changes))


def ranked(*measured: AccuracyRow, models: tuple[str, ...] = ("resnet18", "alexnet")) -> list[Any]:
    """Return (top1, source, low, measured, published) for each network of models.csv."""
    rows, model_rows = study.aggregate(
        models,
        {model: complexity(model) for model in models},
        dict.fromkeys(models, ACCURACY),
        [study.Measurements(PLAN, [], {})],
        published.read(TABLES),
        measured,
    )
    for row, model_row in zip(rows, model_rows, strict=False):
        assert (row.device, row.top1, row.top5) == ("cpu", model_row.top1, model_row.top5)
        assert row.accuracy_source == model_row.top1_source
    for row in rows[len(models) :]:
        assert row.accuracy_source in ("published:table3", "published:figure")
    return [
        (row.top1, row.top1_source, row.top1_low, row.top1_measured, row.top1_published)
        for row in model_rows
    ]


PUBLISHED = (70.0, "published:table3", None, None, 70.0)
MEASURED = (69.5, "measured:imagenet", 69.1, 69.5, 70.0)
NOT_RANKED = (70.0, "published:table3", None, 69.5, 70.0)


def test_accuracy_over_all_validation_images_replaces_the_published_one() -> None:
    assert ranked(accuracy_row()) == [MEASURED, PUBLISHED]
    assert ranked(accuracy_row(), accuracy_row("alexnet")) == [MEASURED, MEASURED]
    _, (row,) = study.aggregate(
        ["resnet18"],
        {"resnet18": complexity()},
        {"resnet18": accuracy_ranking.Accuracy()},
        [],
        None,
        [accuracy_row()],
    )
    assert (row.top5, row.top5_low, row.top5_high) == (89.1, 88.8, 89.4)
    assert (row.top1_published, row.top5_published, row.top5_measured) == (None, None, 89.1)


@pytest.mark.parametrize(
    "changes",
    [{"n": 49_999}, {"skipped": 1}, {"dataset": "imagenetv2"}, {"dataset": "folder", "n": 100}],
)
def test_any_other_accuracy_is_listed_next_to_the_published_one(changes: dict[str, Any]) -> None:
    assert ranked(accuracy_row(**changes)) == [NOT_RANKED, PUBLISHED]


def test_a_stated_accuracy_ranks_a_network_until_it_is_measured_on_all_images() -> None:
    stated = {"resnet18": accuracy_ranking.Accuracy(71.5, "stated:us")}
    for measured, expected in (
        ([], ("stated:us", 71.5, None)),
        ([accuracy_row(n=100)], ("stated:us", 71.5, 69.5)),
        ([accuracy_row()], ("measured:imagenet", 69.5, 69.5)),
    ):
        (cell,), (row,) = study.aggregate(
            ["resnet18"],
            {"resnet18": complexity()},
            {"resnet18": ACCURACY},
            [study.Measurements(PLAN, [], {})],
            None,
            measured,
            stated=stated,
        )
        assert (row.top1_source, row.top1, row.top1_measured) == expected
        assert (cell.accuracy_source, cell.top1) == expected[:2]
        assert (row.top1_published, row.top5_published) == (70.0, 90.0)


def test_another_protocol_replaces_all_or_none() -> None:
    one, other = (accuracy_row(model, protocol="native") for model in ("resnet18", "alexnet"))
    assert ranked(one) == [NOT_RANKED, PUBLISHED]
    assert ranked(one, other) == [MEASURED, MEASURED]
    partly = other.model_copy(update={"n": 100})
    assert ranked(one, partly) == [NOT_RANKED, NOT_RANKED]


def test_an_unmeasured_network_keeps_its_published_accuracy() -> None:
    missed = AccuracyRow(model="resnet18", dataset="imagenet", status="not_measured", message="404")
    dropped = accuracy_row("vgg16")
    assert ranked(missed, dropped) == [PUBLISHED, PUBLISHED]


def test_floats_are_read_back_unchanged(tmp_path: Path) -> None:
    luck = random.Random(1)
    lines = [line(k, 10 * exp(luck.gauss(0, 0.01))) for k in range(1, 6)]
    rows, model_rows = study.aggregate(
        ["resnet18"],
        {"resnet18": complexity()},
        {"resnet18": ACCURACY},
        [study.Measurements(PLAN, lines, {("fp32-eager", "resnet18"): memory()})],
        published.read(TABLES),
    )
    write_table(tmp_path / "study.csv", StudyRow, rows)
    write_table(tmp_path / "models.csv", ModelRow, model_rows)
    assert read_rows(tmp_path / "study.csv", StudyRow) == rows
    assert read_rows(tmp_path / "models.csv", ModelRow) == model_rows


# Files ---------------------------------------------------------------------------------------


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Write five rounds of resnet18 at batch size 1, and records of a dropped network."""
    folder = tmp_path / "results" / "cpu" / "fp32-eager"
    for own in quiet():
        dropped = own.model_copy(update={"model": "alexnet"})
        write_lines(folder / "latency" / f"round-{own.round}.jsonl", [own, dropped])
    # A malformed round beyond the plan.
    (folder / "latency" / "round-6.jsonl").write_text("left over\n")
    write_json(folder / "memory" / "resnet18.json", memory())
    (folder / "memory" / "alexnet.json").write_text("left over\n")
    write_table(tmp_path / "results" / "complexity.csv", Complexity, [complexity()])
    return tmp_path / "results"


def test_only_planned_files_are_read(results: Path) -> None:
    measured = study.read_measurements(results, PLAN, ["resnet18", "vgg16"])
    assert list(measured.memory) == [("fp32-eager", "resnet18")]
    rows, _ = study.aggregate(
        ["resnet18"], {"resnet18": complexity()}, {"resnet18": ACCURACY}, [measured], None
    )
    (row,) = rows
    assert (row.latency_ms, row.stability, row.memory_mib) == (10.0, "stable", 76.5)


def test_missing_files_are_missing_measurements(tmp_path: Path) -> None:
    measured = study.read_measurements(tmp_path, PLAN, ["resnet18"])
    assert (measured.latency, measured.memory) == ([], {})


def _edit(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    content = json.loads(
        path.read_text().splitlines()[0] if path.suffix == ".jsonl" else path.read_text()
    )
    change(content)
    path.write_text(json.dumps(content) + "\n")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("device", "gpu", "device: 'gpu': expected 'cpu' here"),
        ("variant", "int8", "variant: 'int8': expected 'fp32-eager' here"),
        ("schema_version", 0, "schema_version: 0: this version of dnnbench reads version 1"),
        ("round", 4, "round: 4: expected 3 here"),
        ("samples_ms", [1.0, -2.0], "samples_ms.1: -2.0: "),
        ("status", "okay", "status: 'okay': "),
        ("stauts", "ok", "stauts: 'ok': extra inputs are not permitted"),
    ],
)
def test_a_wrong_line_is_named(results: Path, key: str, value: object, message: str) -> None:
    path = results / "cpu" / "fp32-eager" / "latency" / "round-3.jsonl"
    _edit(path, lambda content: content.__setitem__(key, value))
    measured = study.read_measurements(results, PLAN, ["resnet18"])
    (aside,) = map(str, measured.aside)
    assert aside.startswith(f"{path}:1: {message}")
    assert aside.isprintable() and aside.endswith("Remove the line to measure its cell again.")
    assert {line.round for line in measured.latency} == {1, 2, 4, 5}


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("device", "gpu", "device: 'gpu': expected 'cpu' here"),
        ("model", "vgg16", "model: 'vgg16': expected 'resnet18' here"),
        ("schema_version", 2, "schema_version: 2: this version of dnnbench reads version 1"),
        ("cells", [{"batch_size": -1, "status": "ok"}], "cells.0.batch_size: -1: "),
    ],
)
def test_a_wrong_memory_record_is_named(
    results: Path, key: str, value: object, message: str
) -> None:
    path = results / "cpu" / "fp32-eager" / "memory" / "resnet18.json"
    _edit(path, lambda content: content.__setitem__(key, value))
    measured = study.read_measurements(results, PLAN, ["resnet18"])
    (aside,) = map(str, measured.aside)
    assert aside.startswith(f"{path}: {message}")
    assert aside.isprintable() and aside.endswith("Remove it to measure again.")
    assert {line.round for line in measured.latency} == {1, 2, 3, 4, 5}
    assert measured.memory == {}


@pytest.mark.parametrize("file", ["latency/round-2.jsonl", "memory/resnet18.json"])
def test_a_truncated_record_is_named(results: Path, file: str) -> None:
    path = results / "cpu" / "fp32-eager" / file
    path.write_bytes(path.read_bytes()[:-40])
    (aside,) = map(str, study.read_measurements(results, PLAN, ["resnet18"]).aside)
    assert aside.startswith(str(path)) and aside.isprintable() and "Remove" in aside


def test_complexity_has_a_row_for_every_network(results: Path) -> None:
    path = results / "complexity.csv"
    assert study.read_complexity(path, NETWORKS).rows == {"resnet18": complexity()}
    with pytest.raises(RecordError, match=r"complexity\.csv: model: 'vgg16': no row\. Run the"):
        study.read_complexity(path, NETWORKS | {"vgg16": load_registry()["vgg16"]})
    with pytest.raises(RecordError, match=r"none\.csv: no such file\. Run the complexity stage"):
        study.read_complexity(results / "none.csv", NETWORKS)


@pytest.mark.parametrize(
    ("edit", "line", "named"),
    [
        (lambda row: row.rsplit(",", 1)[0], 2, "fields: 17, expected 18. Remove"),
        (lambda row: row.replace("1814073344", "-3"), 2, "macs: '-3': "),
        (lambda row: row.replace("1814073344", "1e999"), 2, "macs: '1e999': "),
        (
            lambda row: row.replace("1814073344", "5"),
            2,
            "grouped_macs, conv_macs, macs: 0, 1813561344, 5: ",
        ),
        (lambda row: row.replace("resnet18", "../x"), 2, "model: '../x': "),
        (lambda row: f"{row}\n{row}", 3, "a second row for resnet18; the first one counts"),
    ],
)
def test_an_invalid_row_of_complexity_is_set_aside(
    results: Path, edit: Callable[[str], str], line: int, named: str
) -> None:
    path = results / "complexity.csv"
    header, row = path.read_text().splitlines()
    path.write_text(f"{header}\n{edit(row)}\n")
    found = study.read_complexity(path, NETWORKS)
    (aside,) = map(str, found.aside)
    assert aside.startswith(f"{path}:{line}: {named}")
    if line == 2:
        unknown = found.rows["resnet18"]
        assert (unknown.complexity_status, unknown.macs) == ("not_measured", None)
        assert unknown.complexity_message == f"excluded: {aside}"
    assert _script(results)[0] == 0
    (row, *_) = read_rows(results / "models.csv", ModelRow)
    assert row.complexity_status == ("not_measured" if line == 2 else "ok")
    (one,) = read_rows(results / "set_aside.csv", SetAside)
    assert (str(one), one.device) == (aside, None)


# The script ----------------------------------------------------------------------------------


def _script(results: Path, *arguments: str) -> tuple[int, str]:
    return stage("aggregate", "resnet18", "--results", results, *arguments)


def test_the_script_writes_three_tables(results: Path) -> None:
    done = _script(results, "--config", "budgets={max_memory_gib: [0.05, 1]}")
    assert done == (0, "")
    rows = read_rows(results / "study.csv", StudyRow)
    assert [(row.device, row.batch_size, row.status) for row in rows[:2]] == [
        ("cpu", 1, "ok"),
        ("cpu", 8, "not_measured"),
    ]
    assert len(rows) == 2 + 2 * 7
    (model,) = read_rows(results / "models.csv", ModelRow)
    assert (model.params, model.top1) == (11689512, 69.64)
    # 76.5 MiB and 100 images/s; 1.79 and 21.16 ms with 0.67 GB on the 2018 devices.
    chosen = read_rows(results / "selection.csv", SelectionRow)
    assert [(row.device, row.max_memory_gib, row.min_fps) for row in chosen] == [
        *(("cpu", 1.0, fps) for fps in (15, 30, 60)),
        *(("titanxp-2018", 1.0, fps) for fps in (15, 30, 60)),
        *(("jetsontx1-2018", 1.0, fps) for fps in (15, 30)),
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--config", "batch_sizes=[1, 0]"], "batch_sizes.1: 0"),
        (["--config", "budgets={min_fps: [15, fast]}"], "budgets.min_fps.1: 'fast'"),
        (["--config", "budgets={min_fps: [.inf]}"], "budgets.min_fps.0: .inf"),
        (["--config", "budgets"], "'budgets': no value. Write KEY=VALUE"),
        (["--profile", "xeon"], "config/devices/xeon.yaml: no such file"),
        (["vgg16"], "'vgg16': no row. Run the complexity stage"),
    ],
)
def test_a_mistake_on_the_command_line_writes_nothing(
    results: Path, arguments: list[str], message: str
) -> None:
    code, output = _script(results, *arguments)
    assert code != 0
    assert message in output and "Traceback" not in output
    assert not (results / "study.csv").exists()


def test_a_study_in_which_nothing_could_be_measured_is_an_error():
    def tables(lines, *cells):
        records = {("fp32-eager", "resnet18"): memory("resnet18", *cells)} if cells else {}
        measured = [study.Measurements(PLAN, lines, records)]
        return study.aggregate(
            ["resnet18"],
            {"resnet18": complexity("resnet18")},
            {"resnet18": ACCURACY},
            measured,
            None,
        )

    broken = failed("failed", "no compiler")
    lines = [line(number, 1.0, **broken) for number in range(1, 6)]
    with pytest.raises(
        study.NothingMeasuredError, match=r"^cpu: the only cell .* failed: no compiler\."
    ):
        study.check_measured(*tables(lines))
    study.check_measured(*tables([]))  # Nothing was attempted.
    study.check_measured(*tables(lines, memory_cell(1)))
    study.check_measured(*tables([*lines[1:], quiet()[0]], memory_cell(1)))
    aside = SetAside(device="cpu", file="round-1.jsonl", line=1, reason="cut")
    for count, said in ((1, "the only record is"), (2, "all 2 records are")):
        with pytest.raises(
            study.NothingMeasuredError, match=rf"{said} excluded: round-1\.jsonl:1:"
        ):
            study.check_measured(*tables([]), [aside] * count)
    study.check_measured(*tables(quiet()), [aside])
    rows, models = tables(lines)
    study.check_measured(rows, [models[0].model_copy(update={"top1_measured": 70.0})])


def test_rows_have_the_number_of_threads_and_the_accuracy_of_what_they_compute() -> None:
    names = ["fp32-eager", "fp32-eager-threads1", "bf16-eager-kept", "bf16-eager-kept-threads1"]
    plan = Plan("cpu", names, [1], 5, "default")
    lines = [*quiet(), line(1, 5.0, variant="bf16-eager-kept", threads=4)]
    measured = VariantAccuracyRow(
        device="cpu",
        variant="bf16-eager",
        model="resnet18",
        status="ok",
        dataset="folder",
        protocol="bianco2018",
        n=100,
        top1=69.0,
        top1_same=99.0,
        top1_change=-1.0,
        top1_change_low=-2.0,
        top1_change_high=0.0,
        top5=90.0,
        top5_change=0.0,
        top5_change_low=-1.0,
        top5_change_high=1.0,
    )
    rows, _ = study.aggregate(
        ["resnet18"],
        {"resnet18": complexity("resnet18")},
        {"resnet18": ACCURACY},
        [study.Measurements(plan, lines, {})],
        None,
        variant_rows=[measured],
    )
    assert [row.threads for row in rows] == [2, 1, 4, 1]
    assert [row.top1 for row in rows] == [70.0, 70.0, 69.0, 69.0]
    assert [row.top1_change for row in rows] == [None, 0.0, -1.0, -1.0]
