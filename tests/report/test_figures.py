import itertools
import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from helpers.studies import DEVICES, STATUSES, drawn, results, study

from dnnbench.core.errors import UserError
from dnnbench.core.formatting import significant, text_width
from dnnbench.core.storage import WriteError
from dnnbench.networks import registry
from dnnbench.queries import wording
from dnnbench.records import published_study
from dnnbench.report.figures import captions, scatter
from dnnbench.report.figures.catalog import Figure, build_figures
from dnnbench.report.figures.cells import GRADES, memory_table, time_table
from dnnbench.report.figures.colors import network_colors, unknown_color
from dnnbench.report.figures.device_charts import pareto_front, speed_chart
from dnnbench.report.figures.drawn_tables import best_chart
from dnnbench.report.figures.explorer_chart import axes, explorer_chart
from dnnbench.report.figures.figure_names import FORMATS, figure_files, figure_names
from dnnbench.report.figures.identity import Identity
from dnnbench.report.figures.label_placement import Label, Point, place
from dnnbench.report.figures.network_charts import bubble_chart
from dnnbench.report.figures.results import Results
from dnnbench.report.figures.save import save_figures, specification


@pytest.fixture(scope="module")
def data() -> Results:
    return study()


@pytest.fixture(scope="module")
def placed() -> dict[str, list[Label | None]]:
    return drawn()[1]


@pytest.fixture(scope="module")
def figures() -> list[Figure]:
    return drawn()[0]


def values(spec: Any) -> list[dict[str, Any]]:
    """Return all data rows in a specification."""
    if isinstance(spec, list):
        return [row for part in spec for row in values(part)]
    if not isinstance(spec, dict):
        return []
    own = [row for part in spec.get("datasets", {}).values() for row in part]
    own += spec.get("data", {}).get("values", [])
    return own + [row for key, part in spec.items() if key != "datasets" for row in values(part)]


def test_figures_have_the_names_that_the_workflow_lists(figures: list[Figure]) -> None:
    assert [figure.name for figure in figures] == figure_names(DEVICES)
    assert len(figure_files(DEVICES)) == len(figures) * len(FORMATS)
    assert "memory-table--titanxp-2018" in figure_names(DEVICES)
    assert not any("memory" in name for name in figure_names(["jetsontx1-2018"]))


def test_all_operations_are_counted_if_a_network_does_few_in_convolutions(
    data: Results, figures: list[Figure]
) -> None:
    (plain,) = [figure for figure in figures if figure.name == "top1-vs-macs"]
    assert "Operations of convolutions (GMACs)" in json.dumps(specification(plain))
    assert "multiply-adds of convolutions, each" in plain.caption
    models = data.models.copy()
    first = models.index[models["top1"].notna()][0]
    models.loc[first, ["conv_macs", "macs"]] = [10**8, 17 * 10**9]
    chart = bubble_chart(models, data.identity, "top1")
    spec = json.loads(chart.to_json(validate=False))
    assert '"Operations (GMACs)"' in json.dumps(spec)
    shown = {point["model"]: point["gmacs"] for point in values(spec) if "gmacs" in point}
    assert shown[models.loc[first, "model"]] == 17
    assert all(
        shown[row.model] == pytest.approx(row.macs / 1e9, abs=1e-3)
        for row in models.itertuples()
        if row.model in shown
    )


def test_a_long_list_of_omitted_networks_becomes_a_count() -> None:
    few, many = (captions.without_accuracy(map(str, range(count))) for count in (3, 231))
    assert few.startswith("Not shown: 0 (accuracy unknown), 1 (")
    assert many == "Not shown: 231 networks (accuracy unknown)."


def test_figure_names_load_without_altair_and_torch() -> None:
    code = (
        "import sys; from dnnbench.report.figures import figure_names;"
        "figure_names.figure_files(['cpu']); print(*sys.modules)"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert not {"altair", "torch", "vl_convert", "pandas"} & set(loaded.stdout.split())


def test_specifications_are_valid_small_and_have_no_holes(figures: list[Figure]) -> None:
    for figure in figures:
        spec = specification(figure)  # Altair validates the schema.
        text = json.dumps(spec, allow_nan=False)
        assert len(text) < 100_000, figure.name
        assert "NaN" not in text
        assert "nan" not in {str(value).lower() for row in values(spec) for value in row.values()}


def test_screen_readers_hear_the_text_of_tooltips_and_no_field_names(
    figures: list[Figure],
) -> None:
    def marks(spec: Any) -> Iterator[dict[str, Any]]:
        for layer in spec.get("layer", ()):
            yield from marks(layer)
        if "mark" in spec:
            yield spec

    charts = [specification(figure) for figure in figures if "table" not in figure.kind]
    for spec in [*charts, *map(explorer_chart, axes())]:
        for layer in marks(spec):
            mark = layer["mark"]
            spoken = mark.get("description", {}).get("expr", "")
            assert spoken or mark.get("aria") is False or "text" in layer["encoding"], mark
            for tip in layer["encoding"].get("tooltip", ()):
                assert f'"{tip["title"]}: " + datum["{tip["field"]}"]' in spoken


def test_budgets_that_nothing_fits_for_certain_say_so(data: Results) -> None:
    selection = data.selection[data.selection["device"] == "cpu"].copy()
    first = (selection["max_memory_gib"] == 0.7) & (selection["min_fps"] == 60)
    selection.loc[first, "fits"] = "cannot_tell"
    chosen = replace(data, selection=selection).chosen("cpu")
    chart = best_chart(chosen, data.budgets, data.identity).to_dict()
    texts = [row for row in values(chart) if "text" in row]
    (said,) = [row for row in texts if row["text"] == "none fits for certain"]
    column = [row for row in texts if row["x"] == said["x"] and row["y"] > said["y"]]
    marked = [row["text"].endswith(" ?") for row in sorted(column, key=lambda row: row["y"])]
    assert marked[: sum(first)] == [True] * sum(first)


def test_no_bar_shows_a_very_uncertain_latency(data: Results) -> None:
    rows = data.rows("cpu")
    wide = {"latency_ms_low": 0.0000501, "latency_ms_high": 4.58e6}
    some = [row | wide if row["model"] == "resnet50" else row for row in rows]
    chart = speed_chart(some, data.identity).to_dict()
    points = {row["name"]: row for row in values(chart) if "fps_text" in row}
    assert (points["ResNet-50"]["low"], points["ResNet-50"]["high"]) == (None, None)
    assert points["ResNet-50"]["fps_text"].endswith("images/s (very uncertain)")
    assert points["ResNet-34"]["low"] < points["ResNet-34"]["fps"]


def test_devices_share_the_axis_of_accuracy(data: Results) -> None:
    best = max(data.rows("cpu"), key=lambda row: row["top1"] or 0)["model"]
    slow = data.study[(data.study["device"] != "cpu") | (data.study["model"] != best)]
    figures = {
        figure.name: specification(figure)
        for figure in build_figures(replace(data, study=slow))
        if figure.kind == "top1-vs-fps"
    }
    domains = [
        {tuple(scale["domain"]) for scale in scales_of(spec, "y")} for spec in figures.values()
    ]
    assert len(domains) == len(DEVICES) and all(one == domains[0] for one in domains)


def scales_of(spec: Any, axis: str) -> Iterator[dict[str, Any]]:
    """Yield the scales of an axis with a domain, in all layers."""
    if isinstance(spec, dict):
        scale = spec.get("encoding", {}).get(axis, {}).get("scale", {})
        if "domain" in scale:
            yield scale
        for value in spec.values():
            yield from scales_of(value, axis)
    elif isinstance(spec, list):
        for value in spec:
            yield from scales_of(value, axis)


def test_every_network_is_in_every_figure(data: Results, figures: list[Figure]) -> None:
    everyone = {data.identity.name(model) for model in data.models["model"]}
    assert len(everyone) == 44
    for figure in figures:
        if figure.kind == "best-table":
            continue
        shown = {row["name"] for row in values(specification(figure)) if "name" in row}
        missing = everyone - shown
        if missing:
            assert figure.name == "top1-vs-fps--cpu"
            assert all(f"{name} (failed)" in figure.caption for name in missing)
            assert missing == {"SENet-154"}


def test_a_network_has_one_color_everywhere(figures: list[Figure]) -> None:
    colors: dict[str, set[str]] = {}
    for figure in figures:
        for row in values(specification(figure)):
            if "color" in row:
                colors.setdefault(row["model"], set()).add(row["color"])
    assert len(colors) == 44
    assert all(len(own) == 1 for own in colors.values())
    assert len({next(iter(own)) for own in colors.values()}) == 44


def test_colors_depend_only_on_the_registry() -> None:
    families = {key: network.family for key, network in registry.load_registry().items()}
    colors = network_colors(families)
    assert network_colors(families) == colors
    one_more = network_colors({**families, "vgg99": "VGG"})
    assert {key: one_more[key] for key in colors} == colors
    many = network_colors({f"net{i}": f"family{i % 100}" for i in range(1000)})
    assert len(set(many.values())) > 900
    assert unknown_color("a") == unknown_color("a") != unknown_color("b")
    # Readable on white and on near-black backgrounds: neither too light nor too dark.
    for color in [*colors.values(), unknown_color("x")]:
        assert 0.06 < luminance(color) < 0.55


def luminance(color: str) -> float:
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_no_label_covers_another_and_none_is_left_out(
    figures: list[Figure], placed: dict[str, list[Label | None]]
) -> None:
    assert len(placed) == 8
    for name, labels in placed.items():
        drawn = [label for label in labels if label]
        assert len(drawn) == len(labels), f"{name}: {len(labels) - len(drawn)} labels left out"
        for a, b in itertools.combinations(drawn, 2):
            apart = a.right <= b.left or b.right <= a.left or a.bottom <= b.top or b.bottom <= a.top
            assert apart, f"{name}: {a} covers {b}"
        for label in drawn:
            assert 0 <= label.left < label.right <= scatter.WIDTH
            assert 0 <= label.top < label.bottom <= scatter.HEIGHT


def test_labels_that_would_overlap_are_left_out() -> None:
    points = [Point(50, 20, 4, 90, 12) for _ in range(30)]
    labels = place(points, 100, 40)
    drawn = [label for label in labels if label]
    assert 0 < len(drawn) < len(points)
    assert place(points, 100, 40) == labels
    assert place([], 100, 40) == []


def test_labels_among_a_thousand_points_cover_no_point() -> None:
    points = [Point(i * 37 % 900 + 20, i * 61 % 560 + 20, 4, 60, 12) for i in range(1000)]
    labels = place(points, 940, 600)
    assert len(labels) == 1000
    drawn = [label for label in labels if label]
    assert all(
        not (label.left < p.x < label.right and label.top < p.y < label.bottom)
        for label in drawn
        for p in points
    )


def test_in_a_crowded_plot_lone_points_keep_their_labels() -> None:
    lone = [Point(60 + i * 90, 500, 4, 60, 12) for i in range(9)]
    labels = place([*(Point(i * 4 + 20, 100, 4, 60, 12) for i in range(200)), *lone], 940, 600)
    assert all(labels[-9:])
    few = place([*(Point(i * 4 + 20, 100, 4, 60, 12) for i in range(100)), *lone], 940, 600)
    assert sum(label is not None for label in few) > 9


def test_an_axis_converts_values_to_pixels_and_back() -> None:
    linear = scatter.linear_axis("x", "", [3, 90], 600, pad=20, upwards=True)
    log = scatter.log_axis("x", "", [3, 900], 600, pad=20)
    for axis in (linear, log):
        for value in (3.0, 17.0, 90.0):
            assert axis.value(axis.pixel(value)) == pytest.approx(value, rel=1e-6)
    assert linear.pixel(90) == pytest.approx(20)
    assert linear.pixel(3) == pytest.approx(580)
    assert log.ticks == (5, 10, 20, 50, 100, 200, 500, 1000)


def test_cells_show_numbers_or_statuses(data: Results, figures: list[Figure]) -> None:
    for device in DEVICES:
        for table in (
            time_table(data.rows(device), data.identity),
            memory_table(data.rows(device), data.identity),
        ):
            assert len(table.lines) == 44
            for line in table.lines:
                assert len(line.cells) == len(table.batch_sizes)
                for cell in line.cells:
                    number = cell.text.replace(",", "").replace(".", "").isdigit()
                    assert number == (cell.grade in tuple(GRADES))
                    assert number or cell.text in wording.STATUSES.values()
                    assert cell.text not in ("", "0", "None", "nan")
    by_name = {figure.name: specification(figure) for figure in figures}
    for (model, size), status in STATUSES.items():
        cells = values(by_name["time-table--cpu"])
        (text,) = {
            row["text"]
            for row in cells
            if (row["name"], row["batch"]) == (data.identity.name(model), size)
        }
        assert text == wording.STATUSES[status]


def test_tables_are_sorted_with_unknown_values_last(data: Results) -> None:
    lines = time_table(data.rows("cpu"), data.identity).lines
    first = [line.cells[0].value for line in lines]
    assert first[-1] is None
    assert first[:-1] == sorted(first[:-1])  # type: ignore[type-var]


def test_grades_are_those_of_the_study(data: Results) -> None:
    (line,) = (
        line
        for line in memory_table(data.rows("titanxp-2018"), data.identity).lines
        if line.model == "se_resnext50_32x4d"
    )
    assert line.cells[0].text == "1,024"
    assert line.cells[0].grade == "B"  # Printed as 1.00 GB, which is not above 1.0.


def test_captions_state_the_source_of_memory_and_accuracy(figures: list[Figure]) -> None:
    captions = {figure.name: figure.caption for figure in figures}
    assert "memory of the Titan Xp" in captions["best-table--jetsontx1-2018"]
    assert "“whole process”" in captions["memory-table--titanxp-2018"]
    assert "not comparable" in captions["memory-vs-size--cpu"]
    for name in ("top1-vs-macs", "top1-vs-fps--cpu", "best-table--titanxp-2018"):
        assert "taken from the 2018 study; it was not measured here" in captions[name]


def test_disturbed_points_look_different(figures: list[Figure]) -> None:
    spec = next(specification(f) for f in figures if f.name == "top1-vs-fps--cpu")
    points = {row["model"]: row for row in values(spec) if "state" in row}
    hollow = {model for model, row in points.items() if not row["solid"]}
    assert hollow == {model for model, row in points.items() if row["state"] == "disturbed"}
    assert len(hollow) == 4
    for model, row in points.items():
        text = row["stability_text"]
        assert text.startswith("disturbed: 1 of 5 processes was disturbed (round 2: ") == (
            model in hollow
        )
    noisy = [row for row in points.values() if row["stability_text"].startswith("noisy: half-")]
    assert len(noisy) == 5


def test_captions_explain_the_marks_of_noisy_and_disturbed_cells(figures: list[Figure]) -> None:
    captions = {figure.name: figure.caption for figure in figures}
    assert "Hollow diamonds (4) are disturbed measurements" in captions["top1-vs-fps--cpu"]
    for note in wording.stability_notes(("noisy", "disturbed")):
        assert note in captions["time-table--cpu"]
        assert note not in captions["time-table--titanxp-2018"]


def test_the_pareto_front_has_no_dominated_points() -> None:
    points = [(1, 9), (2, 8), (2, 7), (3, 8), (4, 1), (0.5, 9), (4, 1)]
    assert pareto_front(points) == [(1, 9), (3, 8), (4, 1)]
    assert pareto_front([]) == []


def test_a_device_without_rows_still_has_its_figures(data: Results) -> None:
    empty = results([], [], devices=("cpu", "titanxp-2018"))
    figures = build_figures(empty)
    assert [figure.name for figure in figures] == figure_names(["cpu", "titanxp-2018"])
    assert all(specification(figure) for figure in figures)


def test_a_network_without_accuracy_is_listed_in_the_captions(data: Results) -> None:
    small = data.models[data.models["model"].isin(["resnet18", "vgg19"])].copy()
    study = data.study[data.study["model"].isin(["resnet18", "vgg19"])].copy()
    study = study[(study["batch_size"] == 1) & (study["device"] == "cpu")]
    for frame, columns in ((small, ["top1", "top5"]), (study, ["top1", "top5"])):
        frame.loc[frame["model"] == "vgg19", columns] = None
    chosen = data.selection[data.selection["model"] == "resnet18"]
    figures = build_figures(
        Results(study, small, chosen, data.names, data.families, ("cpu", *published_study.DEVICES))
    )
    captions = {figure.name: figure.caption for figure in figures}
    for name in ("top1-vs-macs", "top1-density", "top1-vs-fps--cpu"):
        assert "Not shown: VGG-19 (accuracy unknown)." in captions[name]
    for figure in figures:
        json.dumps(specification(figure), allow_nan=False)


def test_another_device_with_borrowed_memory_is_refused(data: Results) -> None:
    frame = data.study[data.study["device"] == published_study.JETSON].assign(device="other")
    with pytest.raises(UserError, match="WITHOUT_OWN_MEMORY"):
        Results(frame, data.models, data.selection, data.names, data.families, ("other",))


def test_files_appear_whole_or_not_at_all(
    figures: list[Figure], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = [figure for figure in figures if figure.name in ("top1-density", "best-table--cpu")]
    save_figures(chosen, tmp_path)
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == sorted(f"{figure.name}.{suffix}" for figure in chosen for suffix in FORMATS)
    assert (tmp_path / "top1-density.png").read_bytes().startswith(b"\x89PNG")
    svg = (tmp_path / "top1-density.svg").read_text()
    assert svg.startswith("<svg") and "SqueezeNet-v1.1" in svg and "var(--" not in svg
    before = (tmp_path / "top1-density.png").read_bytes()
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "disk full")))
    with pytest.raises(WriteError, match="disk full"):
        save_figures(chosen, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == files
    assert (tmp_path / "top1-density.png").read_bytes() == before


def test_networks_with_the_same_name_are_distinguished_by_key() -> None:
    identity = Identity({"a": "Net", "b": "Net", "c": "Other"}, {})
    assert identity.name("a") == "Net (a)"
    assert identity.name("c") == "Other"
    assert identity.name("unknown") == "unknown"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.1484, "0.148"), (9.996, "10.0"), (12.34, "12.3"), (1234.5, "1,230"), (0, "0")],
)
def test_numbers_are_written_with_three_significant_digits(value: float, text: str) -> None:
    assert significant(value) == text


def test_text_width_is_that_of_helvetica() -> None:
    assert text_width("VGG", 10) == pytest.approx(6.67 + 7.78 + 7.78)
    assert text_width("\N{SNOWMAN}", 10) == pytest.approx(10.15)
    assert math.isclose(text_width("", 10), 0)
