"""Predicted latencies: of networks with known rates, and of the published devices."""

import random
from statistics import median
from typing import Any

import pytest
from helpers import rows, studies
from helpers.paths import ROOT

from dnnbench.core.formatting import PREDICTED_MARK
from dnnbench.queries import predicted_rows, prediction
from dnnbench.queries.predicted_rows import Accuracies
from dnnbench.queries.prediction import Conditions
from dnnbench.queries.selection import candidates, fitting
from dnnbench.records import published_study
from dnnbench.records.comparison_records import VariantAccuracyRow
from dnnbench.records.complexity_records import Complexity
from dnnbench.records.study_records import ModelRow, StudyRow
from dnnbench.report import explorer_data
from dnnbench.report.figures import captions
from dnnbench.report.figures.cells import time_table
from dnnbench.report.figures.device_charts import speed_chart
from dnnbench.tables import published

CPU = Conditions("cpu", 1)
OPENVINO = Conditions("cpu", 1, "fp32-openvino")
PUBLISHED = ROOT / "published/bianco2018"


def network(name: str, **costs: float) -> Complexity:
    fields: dict[str, Any] = {
        "input_size": 224,
        "params": 1,
        "params_executed": 1,
        "flops": 0,
        "conv_macs": 0,
        "thop_macs": None,
        "weights_mib": 1.0,
        "activations_mib": 1.0,
    }
    return Complexity(model=name, spec=name, **(fields | costs))


def some(count: int, seed: int = 1) -> list[Complexity]:
    chance = random.Random(seed)
    return [
        network(
            f"n{number}",
            macs=chance.randint(10**8, 10**10),
            grouped_macs=chance.randint(0, 10**8),
            linear_mib=chance.uniform(1, 500),
            traffic_mib=chance.uniform(10, 500),
            operators=chance.randint(10, 700),
        )
        for number in range(count)
    ]


def time_ms(row: Complexity) -> float:
    return (
        4e-9 * row.grouped_macs
        + 1e-9 * (row.macs - row.grouped_macs)
        + 0.05 * row.linear_mib
        + 0.02 * row.traffic_mib
        + 0.01 * row.operators
    )


def fitted(networks: list[Complexity]) -> prediction.TimeModel:
    return prediction.fit(networks, [time_ms(row) for row in networks])


def test_latencies_that_are_a_sum_of_parts_are_predicted_exactly() -> None:
    model = fitted(some(8))
    for row in some(20, seed=2):
        found = model.predict(CPU, row)
        assert found.latency_ms == pytest.approx(time_ms(row), rel=1e-6)
        assert found.latency_ms_high == pytest.approx(found.latency_ms_low, rel=1e-5)
    errors = {one.basis: one.median_error for one in model.quality}
    assert errors["costs"] < 1e-6 < errors["line"]
    assert {one.networks for one in model.quality} == {8}


def test_no_cost_makes_a_network_faster() -> None:
    networks = some(12)
    chance = random.Random(3)
    model = prediction.fit(
        networks, [time_ms(row) * chance.lognormvariate(0, 1) for row in networks]
    )
    assert min(model.costs.rates) >= 0
    base, more = (
        network(name, macs=10**9, grouped_macs=0, linear_mib=1, traffic_mib=1, operators=number)
        for name, number in (("a", 10), ("b", 1000))
    )
    times = [model.predict(CPU, row).latency_ms for row in (base, more)]
    assert times[1] >= times[0]


def test_a_cost_beyond_all_measured_networks_is_named() -> None:
    plain = [row.model_copy(update={"grouped_macs": 0}) for row in some(10)]
    model = fitted(plain)
    (one,) = some(1, seed=5)
    small = one.model_copy(update={"macs": 10**8, "linear_mib": 1.0, "traffic_mib": 10.0})
    small = small.model_copy(update={"operators": 10, "grouped_macs": 5})
    assert model.predict(CPU, small).beyond == "grouped multiply-adds"
    assert model.predict(CPU, plain[0]).beyond is None


def test_too_few_networks_are_refused() -> None:
    with pytest.raises(ValueError, match="7 networks: expected at least 8"):
        fitted(some(7))


# Other variants ------------------------------------------------------------------------------


def test_a_variant_is_predicted_from_fp32_eager_if_that_is_more_accurate() -> None:
    networks, chance = some(24), random.Random(4)
    # The costs explain neither: both share an effect of each network, which fp32-eager reveals.
    reference = {row.model: time_ms(row) * chance.lognormvariate(0, 0.5) for row in networks}
    times = {key: 0.4 * time for key, time in reference.items()}
    model = prediction.fit(
        networks[:12],
        [times[row.model] for row in networks[:12]],
        OPENVINO.variant,
        {row.model: reference[row.model] for row in networks[:18]},
    )
    errors = {one.basis: one.median_error for one in model.quality}
    assert errors["reference"] < 1e-6 < 0.1 < errors["costs"]
    for row in networks[12:18]:
        found = model.predict(OPENVINO, row)
        assert (found.variant, found.basis) == (OPENVINO.variant, "reference")
        assert found.latency_ms == pytest.approx(times[row.model], rel=1e-6)
    assert {model.predict(OPENVINO, row).basis for row in networks[18:]} == {"costs"}


def test_a_variant_is_predicted_from_costs_if_fp32_eager_does_not_help() -> None:
    networks, chance = some(16), random.Random(4)
    reference = {row.model: time_ms(row) * chance.lognormvariate(0, 1) for row in networks}
    model = prediction.fit(
        networks[:12], [time_ms(row) for row in networks[:12]], OPENVINO.variant, reference
    )
    for row in networks[12:]:
        found = model.predict(OPENVINO, row)
        assert found.basis == "costs"
        assert found.latency_ms == pytest.approx(time_ms(row), rel=1e-6)


def test_the_interval_of_a_variant_covers_its_latency() -> None:
    chance, inside, bases = random.Random(11), [], set()
    for draw in range(30):
        networks = some(30, seed=draw)
        reference = {row.model: time_ms(row) * chance.lognormvariate(0, 0.25) for row in networks}
        times = {
            key: 0.5 * time * chance.lognormvariate(0, 0.15) for key, time in reference.items()
        }
        known = networks[:12]
        model = prediction.fit(
            known, [times[row.model] for row in known], OPENVINO.variant, reference
        )
        for row in networks[12:]:
            found = model.predict(OPENVINO, row)
            bases.add(found.basis)
            inside.append(found.latency_ms_low <= times[row.model] <= found.latency_ms_high)
    assert bases == {"reference"}
    assert 0.88 < sum(inside) / len(inside) < 0.99


def test_seven_networks_in_both_variants_predict_from_costs_alone() -> None:
    networks = some(12)
    times = [time_ms(row) for row in networks]
    reference = {row.model: time_ms(row) for row in networks[:7]}
    model = prediction.fit(networks, times, OPENVINO.variant, reference)
    assert [one.basis for one in model.quality] == ["costs", "line"]
    assert model.predict(OPENVINO, networks[0]).basis == "costs"


# Published devices ---------------------------------------------------------------------------


@pytest.mark.parametrize("device", published_study.DEVICES)
@pytest.mark.parametrize("batch_size", [1, 16])
def test_ten_networks_predict_the_others_of_the_published_study(
    complexity_table: dict[str, Complexity], device: str, batch_size: int
) -> None:
    printed = published.study_rows(published.read(PUBLISHED))
    where = Conditions(device, batch_size)
    times = prediction.timed(printed, complexity_table, where)
    chance, errors, line, inside = random.Random(7), [], [], []
    for _ in range(20):
        few = chance.sample(list(times), 10)
        model = prediction.fit([complexity_table[key] for key in few], [times[key] for key in few])
        line += [one.median_error for one in model.quality if one.basis == "line"]
        for key in times.keys() - set(few):
            found = model.predict(where, complexity_table[key])
            errors.append(abs(found.latency_ms / times[key] - 1))
            inside.append(found.latency_ms_low <= times[key] <= found.latency_ms_high)
    assert median(errors) < 0.18
    assert median(errors) < 0.6 * median(line)
    assert 0.85 < sum(inside) / len(inside) <= 0.98


def test_a_predicted_network_is_selected_by_its_interval() -> None:
    model = studies.tables()[1][0]
    found = prediction.Prediction(
        **CPU._asdict(),
        model=model.model,
        latency_ms=20,
        latency_ms_low=15,
        latency_ms_high=28,
        basis="costs",
        beyond=None,
    )
    row = predicted_rows.study_row(found, Accuracies([]).of(CPU, model), threads=2)
    assert (row.source, row.top1, row.memory_status) == ("predicted", model.top1, "not_measured")
    assert row.threads == 2

    def fits(**limits: float) -> list[str]:
        found = fitting(candidates([row], {model.model: model})["cpu"], limits)
        return ["yes" for _ in found.certain] + ["cannot_tell" for _ in found.inconclusive]

    assert fits(min_fps=35) == ["yes"]
    assert fits(min_fps=50) == ["cannot_tell"]
    assert fits(min_fps=70) == []
    assert fits(max_memory_gib=100) == []


def forecast(few: int) -> tuple[list[StudyRow], list[StudyRow], dict[str, ModelRow]]:
    """Return a study with ``few`` measured networks, the predicted rows, and the networks."""
    study, models = studies.tables()
    by_key = {row.model: row for row in models}
    names = list(by_key)
    known = [row for row in study if row.source != "measured" or row.model in names[:few]]
    return known, predicted_rows.rows(known, by_key, names[few:]), by_key


def test_unmeasured_networks_have_a_predicted_row_per_device_and_batch_size() -> None:
    known, made, models = forecast(12)
    there = {(row.device, row.batch_size, row.model) for row in known}
    cells = {(row.device, row.batch_size) for row in known}
    rows = {(row.device, row.batch_size, row.model): row for row in made}
    assert len(rows) == len(made)
    assert not rows.keys() & there
    assert {key for key in rows if key[0] == "cpu"} == {
        (*cell, name) for cell in cells if cell[0] == "cpu" for name in list(models)[12:]
    }
    for row in made:
        assert (row.source, row.status, row.memory_mib) == ("predicted", "ok", None)
        assert row.latency_ms_low and row.latency_ms and row.latency_ms_high
        assert row.latency_ms_low < row.latency_ms < row.latency_ms_high
        assert row.fps == pytest.approx(1000 / row.latency_ms)
    # Predictions are not used for further predictions.
    assert predicted_rows.rows([*known, *made], models, ["vgg19"]) == []
    timed = prediction.timed([*known, *made], models, CPU)
    assert timed == prediction.timed(known, models, CPU)


def in_variant(rows: list[StudyRow], variant: str, **changes: object) -> list[StudyRow]:
    """Return the CPU's rows at batch size 1 as those of another variant, twice as fast."""
    return [
        row.model_copy(update={"variant": variant, "latency_ms": row.latency_ms / 2, **changes})
        for row in rows
        if (row.device, row.batch_size) == ("cpu", 1) and row.latency_ms
    ]


def test_each_variant_with_enough_networks_has_predicted_rows() -> None:
    known, _, models = forecast(12)
    openvino = in_variant(known, "fp32-openvino", threads=1)
    compiled = in_variant(known, "fp32-compile")[:5]
    made = predicted_rows.rows([*known, *openvino, *compiled], models, ["vgg19"])
    rows = {row.variant: row for row in made if (row.device, row.batch_size) == ("cpu", 1)}
    assert {variant: row.status for variant, row in rows.items()} == {
        "fp32-eager": "ok",
        "fp32-openvino": "ok",
        "fp32-compile": "not_measured",
    }
    assert rows["fp32-openvino"].latency_ms == pytest.approx(rows["fp32-eager"].latency_ms / 2)
    # The other rows do not state their number of threads.
    assert [row.threads for row in rows.values()] == [None, 1, None]


@pytest.mark.parametrize(
    ("variant", "status", "measured", "expected"),
    [
        ("fp32-eager", "not_measured", None, (70.0, None)),
        ("fp32-openvino", "not_measured", None, (70.0, 0.0)),
        ("fp32-openvino", "failed", None, (None, None)),
        ("int8-openvino", "not_measured", None, (None, None)),
        ("int8-openvino", "not_measured", -2.0, (68.0, -2.0)),
    ],
)
def test_a_predicted_row_has_the_accuracy_that_is_known_without_running_the_network(
    variant: str, status: str, measured: float | None, expected: tuple[float | None, float | None]
) -> None:
    changes = {"variant": variant, "batch_size": 8, "status": status}
    accuracy = [
        VariantAccuracyRow(
            device="cpu",
            variant=variant,
            model="a",
            dataset="folder",
            status="ok",
            n=1000,
            top1=60.0,
            top1_same=95.0,
            top1_change=measured,
            top1_change_low=measured - 1,
            top1_change_high=measured + 1,
            top5_change=0.0,
            top5_change_low=-1.0,
            top5_change_high=1.0,
        )
        for measured in [measured]
        if measured is not None
    ]
    model = rows.model_row("a", top1=70.0, top1_source="published:library")
    known = Accuracies([rows.row("a", **changes)], accuracy)
    found = known.of(Conditions("cpu", 1, variant), model)
    assert (found.top1, found.change) == expected


def test_too_few_measured_networks_give_a_row_without_a_latency() -> None:
    _, made, _ = forecast(5)
    assert {(row.source, row.status) for row in made if row.device == "cpu"} == {
        ("predicted", "not_measured")
    }


def test_predictions_are_marked_in_figures_and_not_on_the_front() -> None:
    known, made, models = forecast(12)
    study = studies.results([*known, *made], list(models.values()), devices=("cpu",))
    rows = study.rows("cpu")
    hollow = {row.model for row in made if (row.device, row.batch_size) == ("cpu", 1) and row.top1}

    chart = speed_chart(rows, study.identity).to_dict(validate=False)
    data = [row for part in chart["datasets"].values() for row in part]
    points = {row["model"]: row for row in data if "state" in row}
    assert {model for model, row in points.items() if row["state"] == "predicted"} == hollow
    assert all(points[model]["solid"] == 0 for model in hollow)
    front = {row["top1"] for row in data if "order" in row}
    measured = {row["top1"] for model, row in points.items() if model not in hollow}
    assert len(front & measured) >= 2
    assert not front & ({points[model]["top1"] for model in hollow} - measured)
    assert f"Hollow circles ({len(hollow)}) are predictions" in captions.speed(rows, study.identity)

    lines = {line.model: line for line in time_table(rows, study.identity).lines}
    marked = {
        model
        for model, line in lines.items()
        if all(cell.mark == PREDICTED_MARK for cell in line.cells)
    }
    assert marked == set(list(models)[12:])
    assert f"{PREDICTED_MARK}: predicted" in captions.time_table(rows)

    explored = explorer_data.data(study)["devices"][0]["views"][1]["networks"]
    assert {one["model"] for one in explored} <= set(list(models)[:12])
