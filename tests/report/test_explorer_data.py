"""The data of the page's explorer, compared with the candidates of ``dnnbench pick``."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from helpers import six_variants
from helpers.explorer_page import LIMITS, NASTY
from helpers.holed_study import tables_of, with_holes
from helpers.studies import DEVICES, results, study, tables

from dnnbench.core.storage import columns
from dnnbench.queries import bounds
from dnnbench.queries.accuracy_ties import Ties
from dnnbench.queries.best_fit import Entry, pick
from dnnbench.queries.bounds import Bounds
from dnnbench.queries.selection import candidates
from dnnbench.queries.wording import reason
from dnnbench.records import published_study
from dnnbench.report import explorer_data, page
from dnnbench.report.figures.catalog import build_figures
from dnnbench.report.figures.highlight import FADED, HIDDEN, highlightable
from dnnbench.report.figures.results import Results
from dnnbench.report.figures.save import specification


def whole(numbers: Sequence[Any]) -> Bounds:
    """Return bounds as the script reads them."""
    if len(numbers) == 1:
        return bounds.exact(numbers[0])
    return Bounds(*numbers)


@pytest.mark.parametrize(
    "shown", [study(), with_holes(), six_variants.study()], ids=["published", "holed", "variants"]
)
def test_every_number_equals_that_of_the_candidates(shown: Results) -> None:
    rows, models = tables_of(shown)
    data = json.loads(page.script_data(explorer_data.data(shown)))
    assert [device["key"] for device in data["devices"]] == list(shown.devices)
    ties = Ties(shown.comparisons)
    seen = tied = uncertain = 0
    for device in data["devices"]:
        sizes = {row.batch_size for row in rows if row.device == device["key"]}
        assert {int(size) for size in device["views"]} == sizes
        for size, view in device["views"].items():
            own = [
                row for row in rows if (row.device, row.batch_size) == (device["key"], int(size))
            ]
            ranked = candidates(rows, models, int(size))[device["key"]]
            keys = [(network["model"], network["variant"]) for network in view["networks"]]
            assert keys == [one.key for one in ranked]
            assert len(keys) == len(set(keys))
            assert view["variants"] == list(dict.fromkeys(row.variant for row in own))
            for place, (one, network) in enumerate(zip(ranked, view["networks"], strict=True)):
                found = {name: whole(numbers) for name, numbers in network["bounds"].items()}
                assert found == {k: v for k, v in one.numbers.items() if k in LIMITS}
                assert found.keys() | network["unknown"].keys() == set(LIMITS)
                behind = [i for i in range(place + 1, len(ranked)) if ties.tied(one, ranked[i])]
                assert view["ties"][place] == behind
                record = dict(zip(data["recorded"], network["record"], strict=True))
                assert record["latency_ms"] == one.row.latency_ms
                assert record["memory_mib"] == one.row.memory_mib
                seen, tied = seen + 1, tied + len(behind)
                uncertain += not all(number.certain for number in found.values())
            answer = pick(rows, models, device["key"], {}, int(size))
            left_out = [(one.model, one.variant, reason(one.reason)) for one in answer.left_out]
            assert [tuple(one.values()) for one in view["left_out"]] == left_out
    assert seen > 600 and tied > 10
    assert (uncertain > 0) == bool(shown.comparisons)
    assert data["variants"] == list(dict.fromkeys(row.variant for row in rows))


def test_a_download_has_the_columns_of_pick() -> None:
    data = explorer_data.data(study())
    names = [*data["judged"], *data["recorded"]]
    assert names == columns(Entry)[: len(names)]
    assert all(name.startswith("next_") for name in columns(Entry)[len(names) :])


def test_sliders_span_every_number_and_include_the_budgets() -> None:
    data = explorer_data.data(study())
    for control in data["limits"]:
        stops = control["stops"]
        assert stops == sorted(set(stops)) and 10 < len(stops) < 100
        numbers = [
            number
            for device in data["devices"]
            for view in device["views"].values()
            for network in view["networks"]
            for number in network["bounds"].get(control["name"], [])[:3]
        ]
        assert stops[0] <= min(numbers) and max(numbers) <= stops[-1]
    by_name = {control["name"]: control["stops"] for control in data["limits"]}
    assert {0.7, 1.0, 1.4} <= set(by_name["max_memory_gib"])
    assert {15.0, 30.0, 60.0} <= set(by_name["min_fps"])


@pytest.mark.parametrize(
    ("fastest", "start"), [(1e6, {"min_fps": 30}), (20, {"min_fps": 15}), (5, {})]
)
def test_the_page_opens_on_a_budget_that_a_network_meets(
    fastest: float, start: dict[str, float]
) -> None:
    rows, models = tables()
    slow = [row for row in rows if row.device == "cpu" and (row.fps or 0) < fastest]
    data = explorer_data.data(replace(results(slow, models), selection=study().selection))
    assert data["start"] == start


def test_missing_numbers_have_a_reason(holed: Results) -> None:
    (cpu, *_) = explorer_data.data(holed)["devices"]
    view = cpu["views"][1]
    networks = {network["model"]: network for network in view["networks"]}
    left_out = {one["model"]: one["reason"] for one in view["left_out"]}
    assert left_out == {"senet154": "failed", "resnet50": "accuracy unknown"}
    assert networks["alexnet"]["unknown"] == {"max_memory_gib": "memory: out of memory"}
    assert "memory_mib" not in networks["alexnet"]["shown"]
    assert networks["resnet18"]["bounds"]["min_fps"][3] == "unknown"
    assert networks["resnet18"]["shown"]["fps"][1] == ""
    assert networks["densenet121"]["shown"]["top1"] == [
        "74.47%",
        "74.07 to 74.87",
        "measured on imagenet",
    ]


def test_networks_without_a_row_in_models_have_no_parameters() -> None:
    rows, models = tables()
    shown = results(list(rows), [row for row in models if row.model != "vgg16"])
    networks = explorer_data.data(shown)["devices"][0]["views"][1]["networks"]
    lost = next(network for network in networks if network["model"] == "vgg16")
    assert lost["unknown"] == {"max_params_m": "parameters unknown"}
    assert "params" not in lost["shown"]


@pytest.mark.parametrize("devices", [("cpu",), published_study.DEVICES, ()])
def test_the_explorer_works_for_any_set_of_devices(devices: tuple[str, ...]) -> None:
    rows, models = tables()
    own = [row for row in rows if row.device in devices]
    data = explorer_data.data(results(own, list(models) if own else [], devices=devices or DEVICES))
    json.loads(page.script_data(data))
    with_views = [device["key"] for device in data["devices"] if device["views"]]
    assert with_views == list(devices)
    assert all(control["stops"] for control in data["limits"])
    for device in data["devices"]:
        assert all(0 < low < high for low, high in device["extents"].values())


def test_the_data_of_several_hundred_networks_is_small() -> None:
    rows, models = tables()
    copies = range(7)
    many = results(
        [row.model_copy(update={"model": f"{row.model}.{i}"}) for i in copies for row in rows],
        [row.model_copy(update={"model": f"{row.model}.{i}"}) for i in copies for row in models],
    )
    data = explorer_data.data(many)
    assert len(data["networks"]) == 308
    assert len(page.script_data(data).encode()) < 5 * 2**20


def test_markup_in_names_is_escaped_in_the_data() -> None:
    shown = replace(study(), names={**study().names, "alexnet": NASTY})
    text = str(page.script_data(explorer_data.data(shown)))
    assert "<" not in text
    assert json.loads(text)["networks"]["alexnet"]["name"] == NASTY


def test_every_mark_of_a_network_can_be_highlighted() -> None:
    for figure in build_figures(replace(study(), devices=("cpu",))):
        if "table" in figure.kind:
            continue
        before = specification(figure)
        spec = highlightable(before)
        assert before == specification(figure)
        assert {"name": "highlighted", "value": []} in spec["params"]
        text = json.dumps(spec)
        # Points, and names on halos.
        points, names = (text.count(json.dumps(one)) for one in (FADED, HIDDEN))
        assert points >= 1 and names >= 1
        assert text.count('"cursor": "pointer"') == points + names


def test_the_note_on_a_device_counts_each_configuration_once() -> None:
    note = explorer_data.data(six_variants.study())["devices"][0]["note"]
    assert "132 published in the 2018 study, 107 published for fp32-eager, plus the change" in note
    counts = page._counts(six_variants.study().rows("cpu"))
    assert counts.startswith("44 of 44 networks measured in 6 variants, at batch sizes 1 and 8.")
