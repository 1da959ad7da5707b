"""Figures of a device with several variants: 44 networks in six variants."""

import json
from collections import Counter
from dataclasses import replace

import pytest
from helpers import six_variants, studies
from helpers.rows import row
from helpers.six_variants import VARIANTS

from dnnbench.core.formatting import LOSS_MARK, PREDICTED_MARK
from dnnbench.core.storage import to_frame
from dnnbench.records.published_study import TITAN
from dnnbench.records.study_records import StudyRow, loses_accuracy
from dnnbench.report.figures import captions, scatter
from dnnbench.report.figures.cells import memory_table, time_table
from dnnbench.report.figures.device_charts import memory_chart, speed_chart
from dnnbench.report.figures.identity import Identity, rows
from dnnbench.report.figures.kind import kinds
from dnnbench.report.figures.label_placement import Point, place
from dnnbench.report.figures.variant_marks import channels
from dnnbench.report.page import _choices

NAMELESS = Identity({}, {})


@pytest.fixture(scope="module")
def study():
    return six_variants.study()


@pytest.fixture(scope="module")
def own(study):
    return [row for row in study.rows("cpu") if row["batch_size"] == 1]


@pytest.fixture(scope="module")
def speed(study):
    return parts(speed_chart(study.rows("cpu"), study.identity))


@pytest.fixture(scope="module")
def memory(study):
    return parts(memory_chart(study.rows("cpu"), study.weights_mib, study.identity))


def made_up(*chosen):
    return rows(to_frame(StudyRow, chosen))


def parts(chart):
    """Return the layers of a chart by mark, as pairs of the layer and its data."""
    spec = chart.to_dict()
    found = {}

    def visit(layer, data):
        data = layer.get("data", data)
        for inner in layer.get("layer", ()):
            visit(inner, data)
        if "mark" in layer:
            mark = layer["mark"]
            kind = mark.get("text") or mark.get("style") or mark["type"]
            values = spec["datasets"][data["name"]] if "name" in data else data["values"]
            found.setdefault(kind, []).append((layer, values))

    visit(spec, {})
    return found


def marks(chart):
    """Return the layer of the networks' marks and its data."""
    return next((layer, values) for layer, values in chart["point"] if "shape" in layer["encoding"])


def keys(values):
    return {(value["model"], value["variant"]) for value in values}


def keeps(row):
    known = row["variant"] == "fp32-eager" or row["top1_change"] is not None
    return known and not loses_accuracy(row["top1_change_high"])


def test_every_configuration_with_a_speed_and_an_accuracy_is_a_mark(speed, own):
    _, values = marks(speed)
    shown = keys(row for row in own if row["fps"] and row["top1"])
    assert len(values) == len(shown) > 200
    assert keys(values) == shown
    assert {variant for _, variant in shown} == set(VARIANTS)


def test_the_memory_chart_needs_no_accuracy(memory, own):
    _, values = marks(memory)
    assert keys(values) == keys(own)
    assert len(values) == len(VARIANTS) * 44


def test_one_front_spans_all_configurations(speed, own):
    known = {(float(f"{r['fps']:.6g}"), r["top1"]) for r in own if r["fps"] and r["top1"]}
    front = {
        (x, y)
        for x, y in known
        if not any((a, b) != (x, y) and a >= x and b >= y for a, b in known)
    }
    ((_, corners),) = speed["front"]
    assert front == {(p["fps"], p["top1"]) for p in corners} & known
    variants = {
        r["variant"] for r in own if r["fps"] and (float(f"{r['fps']:.6g}"), r["top1"]) in front
    }
    assert len(variants) > 2


def test_a_line_joins_the_configurations_of_each_network(speed, memory):
    for chart, along in ((speed, "fps"), (memory, "memory")):
        ((line, values),) = chart["line"]
        assert line["encoding"]["detail"]["field"] == "model"
        assert line["encoding"]["order"]["field"] == along
        assert len({value["model"] for value in values}) == 44
        colors = {(value["model"], value["color"]) for value in values}
        assert len(colors) == 44


def test_each_network_is_named_once(speed, memory):
    for chart in (speed, memory):
        (_, names) = next((layer, data) for layer, data in chart["label"] if "name" in data[0])
        assert set(Counter(name["model"] for name in names).values()) == {1}
        assert len(names) == 44


def test_the_name_is_at_the_best_configuration(speed, memory, own):
    named = {value["model"]: value for value in marks(speed)[1] if value["size"] > 50}
    assert len(named) == 44
    ((_, corners),) = speed["front"]
    front = {(corner["fps"], corner["top1"]) for corner in corners}
    known = [row for row in own if row["fps"] and row["top1"] and keeps(row)]
    for model, value in named.items():
        if (value["fps"], value["top1"]) not in front:
            fastest = max(row["fps"] for row in known if row["model"] == model)
            assert value["fps"] == pytest.approx(fastest, rel=1e-5)
    for value in marks(memory)[1]:
        if value["size"] > 50:
            same = [row for row in own if row["model"] == value["model"] and keeps(row)]
            least = min(row["memory_mib"] for row in same)
            assert value["memory"] == pytest.approx(least, rel=1e-5)


def test_a_certain_loss_of_accuracy_is_marked(speed, memory, own):
    losers = keys(row for row in own if loses_accuracy(row["top1_change_high"]))
    assert len(losers) > 10
    for chart in (speed, memory):
        ((_, values),) = chart[LOSS_MARK]
        assert keys(values) == losers


def test_shapes_tell_variants_apart_and_a_diamond_is_disturbed(speed):
    layer, values = marks(speed)
    scale = layer["encoding"]["shape"]["scale"]
    shapes = dict(zip(scale["domain"], scale["range"], strict=True))
    assert len(set(shapes.values())) == len(VARIANTS) + 1
    assert shapes["fp32-eager"] == "circle" and shapes["disturbed"] == "diamond"
    assert layer["encoding"]["shape"]["legend"]["values"] == list(VARIANTS)
    for value in values:
        disturbed = value["stability_text"].startswith("disturbed")
        assert value["shape"] == ("disturbed" if disturbed else value["variant"])
        assert value["solid"] == (0 if disturbed else 1)
    assert any(value["shape"] == "disturbed" for value in values)


def test_more_variants_than_shapes_share_the_last_shape():
    scale = channels([str(number) for number in range(20)])["shape"].to_dict()["scale"]
    assert len(scale["range"]) == len(scale["domain"]) == 21
    assert set(scale["range"][15:20]) == {"stroke"}


def test_the_caption_counts_configurations_that_are_not_shown(study, own):
    caption = captions.speed(study.rows("cpu"), study.identity)
    unknown = sum(row["top1"] is None and row["fps"] is not None for row in own)
    assert unknown > 20
    assert f"{unknown} configurations (accuracy unknown)" in caption
    assert "2 configurations (failed)" in caption
    assert "no configuration beats those on it" in caption
    assert f"{LOSS_MARK}: top-1 accuracy is certainly lower" in caption
    few = [row for row in own if row["model"] == "senet154" or row["top1"] is not None]
    assert "Not shown: SENet-154 in fp32-eager (failed)" in captions.speed(few, study.identity)


@pytest.mark.parametrize(
    ("table", "cost"), [(time_table, "latency_ms"), (memory_table, "memory_mib")]
)
def test_a_cell_shows_the_best_variant_that_keeps_the_accuracy(study, table, cost):
    own = study.rows("cpu")
    drawn = table(own, study.identity)
    assert len(drawn.lines) == 44
    shown = set()
    for line in drawn.lines:
        for size, cell in zip(drawn.batch_sizes, line.cells, strict=True):
            same = [r for r in own if (r["model"], r["batch_size"]) == (line.model, size)]
            known = [r for r in same if r[cost] is not None and keeps(r)]
            if not known:
                assert cell.grade is None and cell.variant == ""
                continue
            best = min(known, key=lambda row: row[cost])
            assert (cell.variant, cell.value) == (best["variant"], best[cost])
            assert all(variant in cell.note for variant in VARIANTS)
            shown.add(cell.variant)
    assert len(shown) > 2


def test_a_tooltip_marks_other_variants_that_lose_accuracy(study):
    own = study.rows("cpu")
    lossy = {r["model"] for r in own if loses_accuracy(r["top1_change_high"])}
    for line in time_table(own, study.identity).lines:
        assert all((LOSS_MARK in cell.note) == (line.model in lossy) for cell in line.cells)


def test_a_network_that_no_variant_keeps_shows_the_loss():
    lossy = {"top1_change": -3.0, "top1_change_low": -4.0, "top1_change_high": -2.0}
    own = made_up(
        row("a"), row("b", variant="int8-openvino", latency_ms=4.0, **lossy), row("c", top1=None)
    )
    cells = {line.model: line.cells[0] for line in time_table(own, NAMELESS).lines}
    assert (cells["b"].variant, cells["b"].mark) == ("int8-openvino", LOSS_MARK)
    assert LOSS_MARK in captions.time_table(own)
    # The accuracy of fp32-eager need not be known.
    assert (cells["c"].variant, cells["c"].mark) == ("fp32-eager", "")


def test_an_unknown_change_of_accuracy_is_not_shown_in_a_table():
    faster = row("a", variant="bf16-eager", latency_ms=5.0, fps=200, top1=None)
    own = made_up(row("a"), faster)
    ((cell,),) = (line.cells for line in time_table(own, NAMELESS).lines)
    assert cell.variant == "fp32-eager"
    assert "bf16-eager 5.00" in cell.note
    assert "unknown" in captions.time_table(own)


def test_a_measurement_precedes_a_faster_prediction():
    faster = {"latency_ms": 5.0, "fps": 200.0, "top1_change": 0.0, "source": "predicted"}
    predicted = row("a", variant="fp32-openvino", **faster)
    own = made_up(row("a", fps=100.0), predicted, row("b", variant="fp32-openvino", **faster))
    cells = {line.model: line.cells[0] for line in time_table(own, NAMELESS).lines}
    assert (cells["a"].variant, cells["a"].mark) == ("fp32-eager", "")
    assert (cells["b"].variant, cells["b"].mark) == ("fp32-openvino", PREDICTED_MARK)
    chart = parts(speed_chart(own, NAMELESS))
    ((_, corners),) = chart["front"]
    assert max(corner["fps"] for corner in corners) == 100
    hollow = {(v["model"], v["variant"]) for v in marks(chart)[1] if not v["solid"]}
    assert hollow == {("a", "fp32-openvino"), ("b", "fp32-openvino")}
    assert "Other hollow marks (2) are predictions" in captions.speed(own, NAMELESS)


@pytest.fixture
def unlabeled(monkeypatch):
    """Skip the placement of labels, which takes most of the time."""
    monkeypatch.setattr(scatter, "place", lambda points, *_: [None] * len(points))


@pytest.mark.usefixtures("unlabeled")
def test_published_devices_keep_their_figures(study):
    plain = studies.study()
    for kind in kinds(per_device=True):
        mine, theirs = (kind.draw(one, TITAN) for one in (study, plain))
        assert mine.chart.to_dict() == theirs.chart.to_dict()
        assert (mine.caption, mine.table) == (theirs.caption, theirs.table)
        assert "variant" not in json.dumps(mine.chart.to_dict())


@pytest.mark.usefixtures("unlabeled")
def test_a_single_variant_other_than_fp32_eager_has_figures_too(study):
    frame = study.study[study.study["variant"] == "fp32-openvino"]
    own = replace(study, study=frame).rows("cpu")
    chart = parts(speed_chart(own, study.identity))
    assert len(marks(chart)[1]) == 44
    assert "line" not in chart
    assert {cell.variant for line in time_table(own, NAMELESS).lines for cell in line.cells} == {""}


def test_the_best_networks_are_named_with_their_variant(study):
    chosen = study.selection[study.selection["device"] == "cpu"].assign(variant="int8-openvino")
    shown = replace(study, selection=chosen)
    (first, *_) = shown.chosen("cpu")
    assert (first["variant"], first["in_variant"]) == ("int8-openvino", " in int8-openvino")
    own = shown.rows("cpu")
    choices = [c for line in _choices(shown, "cpu", own) for cell in line for c in cell]
    cells = {r["model"]: r for r in own if (r["variant"], r["batch_size"]) == ("int8-openvino", 1)}
    ((name, latency),) = {
        (c.name, c.latency) for c in choices if c.name.startswith("MobileNet-v2 ")
    }
    assert name == "MobileNet-v2 in int8-openvino"
    assert latency.startswith(f"{cells['mobilenetv2']['latency_ms']:.2f} ms")
    assert all(row["in_variant"] == "" for row in study.chosen(TITAN))


def test_labels_avoid_points_without_a_label():
    point = Point(470, 300, 4, 60, 12)
    (free,) = place([point], 940, 600)
    nameless = [(free.x, free.y, 4.0)]
    (label,) = place([point], 940, 600, nameless=nameless)
    assert not (label.left < free.x < label.right and label.top < free.y < label.bottom)
    x = scatter.linear_axis("x", "", [0, 100], 940, pad=20)
    y = scatter.linear_axis("y", "", [0, 100], 600, pad=20, upwards=True)
    at = {"model": "a", "name": "A network", "x": 50, "y": 50}
    alone, beside = (
        scatter.place_labels([at], x, y, nameless=others) for others in ([], [{**at, "x": 55}])
    )
    assert alone != beside
