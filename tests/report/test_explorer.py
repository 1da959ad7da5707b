"""The page's explorer: its data, and every control in a real browser against ``best_fit.pick``."""

import csv
import json
import math
import random
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from helpers.browser import Browser
from helpers.browsers import BROWSERS, Start
from helpers.studies import DEVICES, environment, results, study, tables

from dnnbench.core.formatting import stability_mark
from dnnbench.core.storage import columns
from dnnbench.queries import bounds, wording
from dnnbench.queries.accuracy_ties import Ties
from dnnbench.queries.best_fit import Entry, pick
from dnnbench.queries.bounds import Bounds
from dnnbench.queries.selection import candidates
from dnnbench.queries.wording import WORDS, reason
from dnnbench.records import published_study
from dnnbench.records.comparison_records import ComparisonRow
from dnnbench.records.study_records import ModelRow, StudyRow
from dnnbench.report import explorer_data, page
from dnnbench.report.figures.catalog import build_figures
from dnnbench.report.figures.explorer_chart import axes
from dnnbench.report.figures.explorer_facts import controls
from dnnbench.report.figures.highlight import FADED, HIDDEN, highlightable
from dnnbench.report.figures.results import Results
from dnnbench.report.figures.save import specification

NASTY = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"
LIMITS = tuple(limit.name for limit in controls())


def with_measured_accuracy(rows: Sequence[StudyRow], models: Sequence[ModelRow]) -> Results:
    """Return the study with accuracy measured on the CPU and most pairs tested."""
    source = "measured:imagenet"
    known = [
        row.model_copy(
            update={
                "top1_low": row.top1 - 0.4 if row.top1 else None,
                "top1_high": row.top1 + 0.4 if row.top1 else None,
                "top1_source": source,
            }
        )
        for row in models
    ]
    own = [
        row.model_copy(update={"accuracy_source": source}) if row.device == "cpu" else row
        for row in rows
    ]
    dice = random.Random(6)
    comparisons = [
        ComparisonRow(
            dataset="imagenet",
            protocol="bianco2018",
            model_a=a.model,
            model_b=b.model,
            n=50_000,
            top1_diff=(a.top1 or 0) - (b.top1 or 0),
            low=-1,
            high=1,
            mcnemar_p=0.01,
            holm_p=0.5 if abs((a.top1 or 0) - (b.top1 or 0)) < dice.random() else 0.01,
        )
        for i, a in enumerate(known)
        for b in known[i + 1 :]
        if dice.random() < 0.8
    ]
    return results(own, known, comparisons=comparisons)


def with_holes() -> Results:
    """Return the measured study with every kind of missing number."""
    rows, models = tables()
    holes: dict[tuple[str, str, int], dict[str, Any]] = {
        ("cpu", "alexnet", 1): {"memory_status": "oom", "memory_mib": None, "memory_basis": None},
        ("cpu", "resnet50", 1): {"top1": None, "top5": None, "accuracy_source": None},
        ("cpu", "resnet18", 1): {
            "latency_ms_low": None,
            "latency_ms_high": None,
            "stability": None,
        },
        ("cpu", "vgg16", 1): {"memory_status": "timeout", "memory_mib": None},
        ("titanxp-2018", "vgg16", 64): {"status": "oom", "latency_ms": None, "fps": None},
    }
    changed = [
        row.model_copy(update=holes.get((row.device, row.model, row.batch_size), {}))
        for row in rows
    ]
    return with_measured_accuracy(changed, models)


@pytest.fixture(scope="module")
def holed() -> Results:
    return with_holes()


def tables_of(shown: Results) -> tuple[list[StudyRow], dict[str, ModelRow]]:
    rows = explorer_data.records(shown.study, StudyRow)
    return rows, {row.model: row for row in explorer_data.records(shown.models, ModelRow)}


def whole(numbers: Sequence[Any]) -> Bounds:
    """Return bounds as the script reads them."""
    if len(numbers) == 1:
        return bounds.exact(numbers[0])
    return Bounds(*numbers)


# Data ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("shown", [study(), with_holes()], ids=["published", "holed"])
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
            ranked = candidates(rows, models, int(size))[device["key"]]
            assert [network["model"] for network in view["networks"]] == [c.model for c in ranked]
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
            left_out = {model: reason(why) for model, why in answer.left_out.items()}
            assert view["left_out"] == left_out
    assert seen > 600 and tied > 10
    assert (uncertain > 0) == (shown is not study())


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


def test_missing_numbers_have_a_reason(holed: Results) -> None:
    (cpu, *_) = explorer_data.data(holed)["devices"]
    view = cpu["views"][1]
    networks = {network["model"]: network for network in view["networks"]}
    assert view["left_out"] == {"senet154": "failed", "resnet50": "accuracy unknown"}
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


# In a browser --------------------------------------------------------------------------------

in_a_browser = pytest.mark.slow

# Set the controls and read the answer, as a user would.
HELPERS = """
const at = (id) => document.getElementById(id);
const set = (id, value, kind) => {
    at(id).value = value;
    at(id).dispatchEvent(new Event(kind, {bubbles: true}));
};
const list = (panel, selector, keys) =>
    [...panel.querySelectorAll(selector)].map((one) => keys.map((key) => one.dataset[key]));
const read = (panel) => ({
    ...panel.querySelector('.verdict').dataset,
    device: panel.dataset.device,
    leftOut: panel.dataset.leftOut.split(' ').filter(Boolean),
    rows: list(panel, 'tbody tr[data-model]', ['model', 'fits', 'group', 'undecided']),
    binding: list(panel, '.binding li', ['limit', 'model']),
    nearest: list(panel, '.nearest li', ['model']).flat(),
    headline: panel.querySelector('.best').textContent,
});
const panels = () => [...document.querySelectorAll('.panel')].map(read);
"""


class Page:
    """The explorer in a browser window."""

    def __init__(self, chrome: Browser, path: Path) -> None:
        self.chrome, self.path = chrome, path

    def open(self, fragment: str = "limits=none", **options: Any) -> None:
        self.chrome.blank()
        self.chrome.open(self.path, width=options.pop("width", 1280), fragment=fragment, **options)
        self.chrome.wait("document.documentElement.dataset.ready")

    def run(self, script: str) -> Any:
        return self.chrome.evaluate(f"(() => {{ {HELPERS} {script} }})()")

    def clean(self) -> None:
        """Assert that the console is empty and that only the page was requested."""
        assert self.chrome.console() == []
        asked = {address.partition("#")[0] for address in self.chrome.requests()}
        assert {a for a in asked if not a.startswith(("about:", "data:"))} == {
            self.path.resolve().as_uri()
        }


@pytest.fixture(scope="module", params=BROWSERS)
def opened(
    request: pytest.FixtureRequest, holed: Results, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Page]:
    start: Start = request.param
    shown = replace(holed, names={**holed.names, "vgg19": NASTY})
    path = tmp_path_factory.mktemp("page") / "index.html"
    path.write_text(page.render(shown, build_figures(shown), [environment()]), encoding="utf-8")
    assert path.stat().st_size < 5 * 2**20
    with start() as chrome:
        yield Page(chrome, path)


def expected(shown: Results, device: str, size: int, limits: dict[str, float]) -> dict[str, Any]:
    """Return the answer of ``dnnbench pick`` as the page's data attributes."""
    rows, models = tables_of(shown)
    answer = pick(rows, models, device, limits, size, 1000, shown.comparisons)
    listed = [*answer.entries, *answer.inconclusive]
    return {
        "device": device,
        "best": answer.best or "",
        "rivals": " ".join(entry.model for entry in answer.inconclusive),
        "judged": str(answer.networks),
        "fit": str(answer.fit),
        "cannotTell": str(answer.cannot_tell),
        "better": str(answer.better),
        "leftOut": sorted(answer.left_out),
        "rows": [
            [entry.model, entry.fits, str(entry.tie_group), entry.undecided or ""]
            for entry in listed
        ],
        "binding": [[one.limit, one.miss.model] for one in answer.binding],
        "nearest": [miss.model for miss in answer.nearest[:3]],
    }


def found(panel: dict[str, Any]) -> dict[str, Any]:
    """Return an answer of the page in the form of ``expected``, which lists no other networks."""
    rivals = panel["rivals"].split()
    return {
        **{key: value for key, value in panel.items() if key != "headline"},
        "leftOut": sorted(panel["leftOut"]),
        "rows": [row for row in panel["rows"] if row[1] == "yes" or row[0] in rivals],
    }


def grid(shown: Results) -> list[tuple[str, int, dict[str, float]]]:
    """Return devices, batch sizes and limits; many limits equal a network's number."""
    dice = random.Random(2018)
    rows, models = tables_of(shown)
    cases: list[tuple[str, int, dict[str, float]]] = []
    for device in DEVICES:
        for size in sorted({row.batch_size for row in rows if row.device == device})[:4]:
            ranked = candidates(rows, models, size)[device]
            cases.append((device, size, {}))
            for _ in range(25):
                limits = {}
                for name in LIMITS:
                    if dice.random() < 0.55:
                        number = dice.choice([c.numbers[name] for c in ranked if name in c.numbers])
                        exact = dice.choice([number.value, number.low, number.high])
                        limits[name] = dice.choice([exact, float(f"{exact:.2g}")])
                cases.append((device, size, limits))
            # Limits that no network reaches.
            cases.append((device, size, {"min_fps": 1e6}))
            cases.append((device, size, {"min_top1": 99.0, "max_memory_gib": 1e-3}))
    return cases


@pytest.mark.slow
@in_a_browser
def test_every_answer_equals_that_of_pick(opened: Page, holed: Results) -> None:
    opened.open()
    cases = grid(holed)
    script = f"""
        return {json.dumps(cases)}.map(([device, size, limits]) => {{
            set('device', device, 'change');
            set('batch', size, 'change');
            for (const name of {json.dumps(LIMITS)})
                set(`${{name}}-exact`, limits[name] ?? '', 'input');
            return panels();
        }})"""
    answers = opened.run(script)
    kinds = {"none": 0, "doubt": 0, "binding": 0, "left out": 0}
    for (device, size, limits), panels in zip(cases, answers, strict=True):
        (panel,) = panels
        assert found(panel) == expected(holed, device, size, limits), (device, size, limits)
        kinds["none"] += not panel["best"]
        kinds["doubt"] += bool(panel["best"] and panel["rivals"])
        kinds["binding"] += bool(panel["binding"])
        kinds["left out"] += bool(panel["leftOut"])
    assert len(cases) > 200 and min(kinds.values()) > 10, kinds
    opened.clean()


@pytest.mark.slow
@in_a_browser
def test_the_answer_states_whether_its_latency_is_stable(opened: Page, holed: Results) -> None:
    opened.open()
    speeds = [2, 5, 10, 15, 20, 30, 40, 60, 80, 100]
    cards = opened.run(
        f"""return {speeds}.map((fps) => {{
            set('min_fps-exact', fps, 'input');
            const card = document.querySelector('.verdict');
            return [card.dataset.best, card.querySelector('.stability')?.textContent ?? '',
                [...card.querySelectorAll('dd .doubt')].map((mark) => mark.textContent.trim())];
        }})"""
    )
    rows, _ = tables_of(holed)
    stability = {
        row.model: row.stability for row in rows if (row.device, row.batch_size) == ("cpu", 1)
    }
    shown = {}
    for model, text, marks in cards:
        if model and (verdict := stability[model]):
            shown[verdict] = text
            assert text == f"The latency is {wording.text(verdict)}"
            assert marks == ([stability_mark(verdict)] * 2 if verdict != "stable" else [])
    assert len(shown) > 1, cards


@pytest.mark.slow
@in_a_browser
def test_every_slider_sets_its_limit(opened: Page, holed: Results) -> None:
    opened.open()
    data = explorer_data.data(holed)
    for control in data["limits"]:
        name, stops = control["name"], control["stops"]
        loose = 0 if control["minimum"] else len(stops)
        places = [0, 1, len(stops) // 2, len(stops) - 1, len(stops), loose]
        moved = opened.run(
            f"""return {places}.map((place) => {{
                set('{name}', place, 'input');
                return [at('{name}-exact').value, at('{name}').getAttribute('aria-valuetext'),
                    at('{name}').value, panels()[0]];
            }})"""
        )
        for place, (shown, words, stays, panel) in zip(places, moved, strict=True):
            assert stays == str(place)
            limits = {}
            if place != loose:
                limits[name] = stops[place - 1 if control["minimum"] else place]
                assert float(shown) == limits[name] and control["unit"] in words
            else:
                assert (shown, words) == ("", "no limit")
            assert found(panel) == expected(holed, "cpu", 1, limits)
    opened.clean()


@pytest.mark.slow
@in_a_browser
def test_two_devices_side_by_side(opened: Page, holed: Results) -> None:
    opened.open()
    limits = {"max_params_m": 50.0, "min_fps": 20.0}
    shown = opened.run(
        "set(`beside`, 'titanxp-2018', 'change'); set('max_params_m-exact', 50, 'input');"
        "set('min_fps-exact', 20, 'input'); return panels()"
    )
    assert [found(panel) for panel in shown] == [
        expected(holed, device, 1, limits) for device in ("cpu", "titanxp-2018")
    ]
    opened.chrome.wait("document.querySelectorAll('.plot svg').length === 2")
    boxes = opened.run(
        "return [...document.querySelectorAll('.panel')].map((p) => p.getBoundingClientRect().top)"
    )
    assert boxes[0] == boxes[1]
    labels = opened.run(
        "return [...document.querySelectorAll('.plot svg')].map((svg) =>"
        "[...svg.querySelectorAll('.role-axis-label')].map((one) => one.textContent).join())"
    )
    assert labels[0] == labels[1]
    (alone,) = opened.run("set(`beside`, 'cpu', 'change'); return panels()")
    assert alone["device"] == "cpu"
    opened.clean()


@pytest.mark.slow
@in_a_browser
def test_memory_that_means_something_else_has_its_own_limit(opened: Page, holed: Results) -> None:
    opened.open("max_memory_gib=0.3&min_fps=20")
    beside = (
        "const [basis, apart] = [at('max_memory_gib-basis'), at('max_memory_gib-apart')];"
        "return [basis.textContent, apart.checkVisibility() ? apart.innerText : '']"
    )
    assert opened.run(beside) == ["network only", ""]
    # The other device does not get the limit of this one.
    shown = opened.run("set('beside', 'titanxp-2018', 'change'); return panels()")
    assert [found(panel) for panel in shown] == [
        expected(holed, "cpu", 1, {"max_memory_gib": 0.3, "min_fps": 20}),
        expected(holed, "titanxp-2018", 1, {"min_fps": 20}),
    ]
    own, other = opened.run(beside)
    assert own == "cpu: network only"
    assert "Titan Xp, 2018: whole process, not comparable" in other
    shown = opened.run("set('max_memory_gib-beside', 0.8, 'input'); return panels()")
    apart = [
        expected(holed, "cpu", 1, {"max_memory_gib": 0.3, "min_fps": 20}),
        expected(holed, "titanxp-2018", 1, {"max_memory_gib": 0.8, "min_fps": 20}),
    ]
    assert [found(panel) for panel in shown] == apart
    address = opened.chrome.wait("location.hash.includes('0.8') && location.hash")
    opened.open(address[1:])
    assert [found(panel) for panel in opened.run("return panels()")] == apart
    # Both devices of 2018 have the same memory, and one limit.
    shown = opened.run("set('device', 'jetsontx1-2018', 'change'); return panels()")
    assert [found(panel) for panel in shown] == [
        expected(holed, device, 1, {"max_memory_gib": 0.3, "min_fps": 20})
        for device in ("jetsontx1-2018", "titanxp-2018")
    ]
    assert opened.run(beside) == ["whole process", ""]
    opened.clean()


@pytest.mark.slow
@in_a_browser
def test_search_and_family_filter_the_list_and_highlight(opened: Page, holed: Results) -> None:
    opened.open()
    all_of_them = expected(holed, "cpu", 1, {})["rows"]
    (found_,) = opened.run("set('search', 'DENSENET', 'input'); return panels()")
    assert found_["rows"] == [row for row in all_of_them if "densenet" in row[0]]
    assert found_["judged"] == str(len(all_of_them))
    family = holed.families["vgg16"]
    (found_,) = opened.run(
        f"set('search', '', 'input'); set('family', {family!r}, 'change');return panels()"
    )
    vgg = [row[0] for row in all_of_them if holed.families[row[0]] == family]
    assert [row[0] for row in found_["rows"]] == vgg and len(vgg) > 3
    opened.chrome.wait(faded("top1-vs-macs", f"one => !{json.dumps(vgg)}.includes(one)"))
    (found_,) = opened.run("set('search', 'no such name', 'input'); return panels()")
    assert found_["rows"] == []
    opened.clean()


@pytest.mark.slow
@in_a_browser
@pytest.mark.parametrize("width", [1280, 390])
def test_a_search_names_all_its_matches(opened: Page, holed: Results, width: int) -> None:
    # Without this search, most of its matches would not be listed.
    opened.open("min_fps=60&search=resne", width=width)
    matches = {model for model in holed.models["model"] if "resne" in holed.names[model].lower()}
    rows = {row[0] for row in opened.run("return panels()[0].rows")}
    assert len(rows) > 10 and rows < matches
    note = opened.run("return document.querySelector('.summary').textContent")
    assert "Matches without a row: ResNet-50 (accuracy unknown)." in note
    assert matches - rows == {"resnet50"}
    chart = (
        "[...document.querySelectorAll('.plot text')].map((one) => one.__data__)"
        ".filter((item) => item?.datum?.model && item.mark.style !== 'halo')"
        ".map((item) => item.datum.model)"
    )
    opened.chrome.wait(f"{json.dumps(sorted(rows))}.every((one) => {chart}.includes(one))")
    text = "return document.getElementById('matches').textContent"
    said = opened.chrome.wait("document.getElementById('said').textContent")
    assert said.startswith(opened.run(text))
    named = said.split("Matching networks: ")[1].split(". cpu:")[0].split(", ")
    assert set(named) == {holed.identity.name(model) for model in matches}
    assert opened.run(f"set('search', 'zzz', 'input'); {text}") == "No network matches."
    opened.clean()


def points(figure: str) -> str:
    """Return JavaScript for the elements of a figure's points, with their datum."""
    return (
        f"[...document.querySelectorAll('[data-chart=\"{figure}\"] path')].filter((p) =>"
        " p.__data__?.datum?.model && ['symbol', 'rect'].includes(p.__data__.mark.marktype))"
    )


def faded(figure: str, others: str) -> str:
    """Return JavaScript that checks which networks of a figure are faded."""
    return (
        f"(() => {{ const marks = {points(figure)}; return marks.length > 20 && marks.every((p) =>"
        f" (p.__data__.opacity < 0.5) === ({others})(p.__data__.datum.model)) }})()"
    )


@pytest.mark.slow
@in_a_browser
def test_a_click_on_a_network_shows_it_in_every_chart(opened: Page) -> None:
    opened.open()
    opened.run("document.querySelector('.list tr[data-model=resnet101] button').click()")
    picked = opened.run("return document.querySelector('tr.picked').dataset.model")
    figures = opened.chrome.evaluate(
        "[...document.querySelectorAll('[data-chart]')].map((box) => box.dataset.chart)"
    )
    assert len(figures) == 9
    for name in figures:
        opened.chrome.wait(faded(name, f"one => one !== {json.dumps(picked)}"))
    rows = "[...document.querySelectorAll('table.grid tr[data-model]')]"
    faded_rows = f"{rows}.filter((row) => row.classList.contains('faded'))"
    bright = f"{rows}.filter((row) => !row.classList.contains('faded'))"
    assert opened.chrome.evaluate(f"{faded_rows}.length") > 200
    assert set(opened.chrome.evaluate(f"{bright}.map((row) => row.dataset.model)")) == {picked}
    details = opened.run("return document.querySelector('.details').textContent")
    for word in ("Top-1", "measured on imagenet", "Images/s", "network only", "session"):
        assert word in details
    # Click on a mark of another chart, then press Escape.
    opened.chrome.settle()
    box = opened.run(
        f"const mark = {points('top1-vs-macs')}.find((p) => p.__data__.datum.model === 'vgg11');"
        "mark.scrollIntoView({block: 'center', behavior: 'instant'});"
        "const box = mark.getBoundingClientRect();"
        "return [box.x + box.width / 2, box.y + box.height / 2]"
    )
    opened.chrome.click(*box)
    opened.chrome.wait("document.querySelector('tr.picked')?.dataset.model === 'vgg11'")
    opened.chrome.press("Escape")
    opened.chrome.wait("!document.querySelector('tr.picked')")
    opened.chrome.wait(faded("top1-vs-macs", "one => false"))
    opened.clean()


# The position of a network's mark in a chart, scrolled into the window.
MIDDLE = """(() => {{
    const mark = {marks}.find((p) => p.__data__.datum.model === '{model}');
    mark.scrollIntoView({{block: 'center', inline: 'center', behavior: 'instant'}});
    const box = mark.getBoundingClientRect();
    return [box.x + box.width / 2, box.y + box.height / 2];
}})()"""


@pytest.mark.slow
@in_a_browser
@pytest.mark.parametrize(
    ("chart", "place", "device"),
    [
        (".plot", ".panel figure > .details", "cpu"),
        ("[data-chart=top1-vs-macs]", "#top1-vs-macs > .details", "cpu"),
        (
            "[data-chart=top1-vs-fps--titanxp-2018]",
            "#top1-vs-fps--titanxp-2018 > .details",
            "Titan Xp, 2018",
        ),
    ],
    ids=["explorer", "all devices", "another device"],
)
def test_details_open_below_the_chart_that_was_clicked(
    opened: Page, chart: str, place: str, device: str
) -> None:
    opened.open()
    marks = (
        f"[...document.querySelectorAll('{chart} path')].filter((p) =>"
        " p.__data__?.datum?.model && p.__data__.mark.marktype === 'symbol')"
    )
    opened.chrome.click(*opened.chrome.evaluate(MIDDLE.format(marks=marks, model="vgg11")))
    opened.chrome.wait(f"document.querySelector('{place}')")
    inside = "(() => {{ const box = document.querySelector('{}').getBoundingClientRect();"
    inside += " return box.top >= 0 && Math.floor(box.bottom) <= innerHeight; }})()"
    opened.chrome.wait(inside.format(place))
    assert opened.run("return document.querySelectorAll('.details').length") == 1
    text = opened.run(f"return document.querySelector('{place}').textContent")
    assert text.startswith(f"VGG-11on {device}, batch size 1")
    opened.clean()


@pytest.mark.slow
@in_a_browser
@pytest.mark.parametrize(
    ("button", "place"),
    [
        (".list tr[data-model=resnet101] button", "tr.picked + tr.opened .details"),
        (".verdict .best button", ".verdict + .details"),
    ],
    ids=["row", "answer"],
)
def test_details_open_below_the_name_that_was_clicked(
    opened: Page, button: str, place: str
) -> None:
    opened.open()
    opened.run(f"document.querySelector('{button}').focus()")
    opened.chrome.press("Enter")
    opened.chrome.wait(f"document.querySelector('{place}')")
    # The focus stays on the name while they are open, and returns to it.
    focused = f"document.activeElement === document.querySelector('{button}')"
    assert opened.run(f"return {focused}")
    opened.run("document.querySelector('.details .close').click()")
    assert opened.run(f"return [{focused}, document.querySelectorAll('.details').length]") == [
        True,
        0,
    ]
    opened.clean()


@pytest.mark.slow
@in_a_browser
def test_the_table_sorts_and_lists_networks_that_do_not_fit(opened: Page, holed: Results) -> None:
    opened.open()
    (few,) = opened.run("set('min_fps-exact', 20, 'input'); return panels()")
    (every,) = opened.run("at('all').click(); return panels()")
    assert 0 < len(few["rows"]) < len(every["rows"]) == int(every["judged"])
    assert [row for row in every["rows"] if row[1] != "no"] == few["rows"]
    rows, models = tables_of(holed)
    numbers = {c.model: c for c in candidates(rows, models)["cpu"]}
    keys = {
        "top1": "min_top1",
        "fps": "min_fps",
        "memory_mib": "max_memory_gib",
        "params": "max_params_m",
    }
    for key, name in keys.items():
        for _ in range(2):
            sort, models_ = opened.run(
                f"document.querySelector('th[data-key={key}] button').click();"
                f"return [document.querySelector('th[data-key={key}]').getAttribute('aria-sort'),"
                "panels()[0].rows.map(([model]) => model)]"
            )
            known = [numbers[m].numbers[name].value for m in models_ if name in numbers[m].numbers]
            assert known == sorted(known, reverse=sort == "descending")
            unknown = [m for m in models_ if name not in numbers[m].numbers]
            assert models_[len(known) :] == unknown
            assert len(models_) == len(every["rows"])
    opened.clean()


@pytest.mark.slow
@in_a_browser
def test_the_url_restores_the_whole_state(opened: Page, holed: Results) -> None:
    opened.open()
    opened.run(
        "set('device', 'titanxp-2018', 'change'); set(`beside`, 'cpu', 'change');"
        "set('batch', 8, 'change'); set('max_memory_gib', 20, 'input');"
        "set('min_top1-exact', '71.3', 'input');"
        "set('family', at('family').options[3].value, 'change');"
        "set('search', 'e', 'input'); at('all').click();"
        "document.querySelector('th[data-key=fps] button').click();"
        "document.querySelector('tbody button').click();"
        "const axis = document.querySelector('.axis-choice'); axis.value = 'max_params_m';"
        "axis.dispatchEvent(new Event('change'))"
    )
    states = (
        "[...document.querySelectorAll('#explorer :is(input, select)')]"
        ".map((one) => one.type === 'checkbox' ? one.checked : one.value)"
    )
    address = opened.chrome.wait("location.hash.includes('axis') && location.hash")
    before = opened.run(
        f"return [panels(), {states}, document.querySelector('tr.picked').dataset.model]"
    )
    opened.open(address[1:])
    after = opened.run(
        f"return [panels(), {states}, document.querySelector('tr.picked').dataset.model]"
    )
    assert after == before
    # Invalid settings are ignored, and an anchor of the page is not a setting.
    opened.open("device=<b>&min_fps=-1&max_memory_gib=x&batch_size=3&network=zzz&sort=a&axis=b")
    assert found(opened.run("return panels()[0]")) == expected(holed, "cpu", 1, {})
    opened.open("method")
    assert found(opened.run("return panels()[0]")) == expected(holed, "cpu", 1, {"min_fps": 30})
    assert opened.chrome.evaluate("location.hash") == "#method"
    opened.clean()


@pytest.mark.slow
@in_a_browser
def test_the_page_opens_on_the_middle_throughput_of_the_budgets(
    opened: Page, holed: Results
) -> None:
    opened.open("")
    assert found(opened.run("return panels()[0]")) == expected(holed, "cpu", 1, {"min_fps": 30})
    assert opened.run("return [at('min_fps-exact').value, location.hash]") == ["30", ""]
    # An address with settings states every limit.
    opened.open("device=cpu")
    assert found(opened.run("return panels()[0]")) == expected(holed, "cpu", 1, {})
    opened.clean()


@pytest.mark.slow
@in_a_browser
def test_the_settings_survive_links_back_and_reload(opened: Page, holed: Results) -> None:
    opened.open("")
    answer = expected(holed, "cpu", 8, {"min_fps": 12})
    # Going back skips what a page does without a real click, in WebKit.
    link = opened.run(
        "set('batch', 8, 'change'); set('min_fps-exact', 12, 'input');"
        "const box = document.querySelector('nav a[href=\"#method\"]').getBoundingClientRect();"
        "return [box.x + box.width / 2, box.y + box.height / 2]"
    )
    opened.chrome.click(*link)
    section = opened.chrome.wait("location.hash.includes('section') && location.hash")
    assert section == "#batch_size=8&min_fps=12&section=method"
    near = "Math.abs(document.getElementById('method').getBoundingClientRect().top) < 60"
    opened.chrome.reload()
    opened.chrome.wait(f"document.documentElement.dataset.ready && {near}")
    assert found(opened.run("return panels()[0]")) == answer
    opened.chrome.back()
    opened.chrome.wait("location.hash === '#batch_size=8&min_fps=12'")
    assert found(opened.run("return panels()[0]")) == answer
    opened.chrome.reload()
    opened.chrome.wait("document.documentElement.dataset.ready")
    assert found(opened.run("return panels()[0]")) == answer
    opened.clean()


@pytest.mark.slow
@in_a_browser
def test_the_offered_batch_sizes_are_those_of_the_devices(opened: Page, holed: Results) -> None:
    opened.open()
    offered = "return [...at('batch').options].map((one) => Number(one.value))"
    assert opened.run(offered) == [1, 8]
    titan = [1, 2, 4, 8, 16, 32, 64]
    assert opened.run(f"set('device', 'titanxp-2018', 'change'); {offered}") == titan
    (at_64,) = opened.run("set('batch', 64, 'change'); return panels()")
    assert found(at_64) == expected(holed, "titanxp-2018", 64, {})
    # The nearest batch size that both devices have.
    assert opened.run(f"set('beside', 'cpu', 'change'); {offered}") == [1, 8]
    assert opened.run("return at('batch').value") == "8"
    # An address may name another one.
    opened.open("device=cpu&batch_size=16")
    (none,) = opened.run("return panels()")
    assert none["headline"] == "No results for batch size 16. Available batch sizes: 1, 8."
    assert opened.run("return at('batch').value") == "16"
    opened.clean()


@pytest.mark.slow
@in_a_browser
@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("min_fps", "-5", "Not above 0. No limit applies."),
        ("max_memory_gib", "0", "Not above 0. No limit applies."),
        ("max_params_m", "e", "Not a number. No limit applies."),
        ("min_top1", "0.7", "At most 1%. Did you mean 70? No limit applies."),
    ],
)
def test_an_invalid_limit_is_marked_and_explained(
    opened: Page, holed: Results, name: str, text: str, problem: str
) -> None:
    opened.open(f"{name}=50")
    shown = (
        f"const input = at('{name}-exact');"
        "return [input.getAttribute('aria-invalid'),"
        " at(input.getAttribute('aria-describedby').split(' ')[0]).textContent]"
    )
    assert opened.run(shown) == ["false", ""]
    opened.run(f"at('{name}-exact').select()")
    opened.chrome.type(text)
    assert opened.run(shown) == ["true", problem]
    assert found(opened.run("return panels()[0]")) == expected(holed, "cpu", 1, {})
    opened.run(f"at('{name}').focus()")
    opened.chrome.press("ArrowRight")
    opened.chrome.press("ArrowLeft")
    assert opened.run(shown) == ["false", ""]
    opened.clean()


@pytest.mark.slow
@in_a_browser
def test_clear_removes_limits_invalid_numbers_and_search(opened: Page, holed: Results) -> None:
    opened.open("min_top1=70&search=vgg&network=vgg16")
    opened.run(
        "set('family', at('family').options[2].value, 'change'); at('min_fps-exact').focus()"
    )
    opened.chrome.type("-5")
    opened.run("at('reset').click()")
    fields = (
        "[...document.querySelectorAll('[type=number], [type=search], #family')]"
        ".map((one) => `${one.value}${one.validity.badInput}`)"
    )
    assert set(opened.run(f"return {fields}")) == {"false"}
    assert (
        opened.run("return document.querySelectorAll('[aria-invalid=true], .picked').length") == 0
    )
    assert found(opened.run("return panels()[0]")) == expected(holed, "cpu", 1, {})
    opened.clean()


@pytest.mark.slow
@in_a_browser
def test_an_address_from_an_earlier_version_sorts_by_latency(opened: Page) -> None:
    opened.open("sort=time&descending=true")
    assert opened.run(
        "return [...document.querySelectorAll('.list th[aria-sort]')].map((head) =>"
        " [head.dataset.key, head.getAttribute('aria-sort')])"
    ) == [["latency", "descending"]]
    by_time = opened.run("return panels()[0].rows")
    opened.open("sort=latency&descending=true")
    assert opened.run("return panels()[0].rows") == by_time
    opened.clean()


@pytest.mark.slow
@in_a_browser
@pytest.mark.parametrize(
    ("address", "note"),
    [
        ("device=cpu", WORDS["tied"]),
        ("device=titanxp-2018", WORDS["tied_rounding"]),
        ("search=zzz", "Showing 0 of 42 networks at batch size 1. Nothing in the list matches"),
        ("device=cpu&batch_size=16", ""),
    ],
    ids=["measured accuracy", "published accuracy", "no match", "no results"],
)
def test_the_note_above_the_list_explains_what_it_shows(
    opened: Page, address: str, note: str
) -> None:
    opened.open(address)
    shown = opened.run("return document.querySelector('.summary').textContent")
    assert note in shown and bool(note) == bool(shown)
    opened.clean()


@pytest.mark.slow
@in_a_browser
def test_names_in_the_chart_stay_inside_if_the_window_narrows(opened: Page) -> None:
    opened.open()
    opened.chrome.shape(390, 900, dark=False)
    opened.chrome.wait(
        "(() => { const plot = document.querySelector('.plot svg').getBoundingClientRect();"
        " return plot.width < 390 && [...document.querySelectorAll('.plot svg text')]"
        ".filter((text) => text.__data__?.datum?.model)"
        ".every((text) => text.getBoundingClientRect().right <= plot.right + 1); })()"
    )
    opened.clean()


@pytest.mark.slow
@in_a_browser
def test_the_download_equals_the_list(opened: Page, holed: Results, tmp_path: Path) -> None:
    opened.open()
    opened.chrome.save_downloads(tmp_path)
    opened.run("set('min_fps-exact', 12, 'input'); document.querySelector('.download').click()")
    path = tmp_path / "cpu-batch-1.csv"
    deadline = time.monotonic() + 20
    while not (path.exists() and path.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.05)
    lines = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    rows, models = tables_of(holed)
    answer = pick(rows, models, "cpu", {"min_fps": 12}, 1, 1000, holed.comparisons)
    assert len(lines) == answer.fit + answer.cannot_tell > 5
    # Inconclusive networks that are not better than the best come last.
    for line, entry in zip(lines, [*answer.entries, *answer.inconclusive], strict=False):
        assert list(line) == [name for name in columns(Entry) if not name.startswith("next_")]
        for name, text in line.items():
            value = getattr(entry, name)
            if value is None:
                assert text == "", name
            elif isinstance(value, bool):
                assert text == str(value).lower(), name
            elif isinstance(value, float | int):
                assert float(text) == value, name
            else:
                assert text == value, name
    assert opened.chrome.console() == []
    opened.chrome.requests()


@pytest.mark.slow
@in_a_browser
def test_the_explorer_works_with_keyboard_and_screen_reader(opened: Page) -> None:
    opened.open()
    controls = opened.run(
        "return [...document.querySelectorAll('#explorer :is(input, select, button)')].map((c) =>"
        "[c.id || c.className, c.getAttribute('aria-label') ?? ([...(c.labels ?? [])].map((l) =>"
        "l.textContent).join() || c.textContent)])"
    )
    assert len(controls) > 50
    assert [name for name, label in controls if not label.strip()] == []
    # Use only the keyboard: set a slider, then select a row of the table.
    opened.run("at('max_memory_gib-exact').focus()")
    opened.chrome.press("Tab")
    opened.chrome.press("ArrowLeft")
    opened.chrome.press("ArrowLeft")
    assert opened.run("return at('max_memory_gib-exact').value") != ""
    outline = opened.run("return getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    for _ in range(200):
        opened.chrome.press("Tab")
        if opened.run("return !!document.activeElement.closest('tbody')"):
            break
    model = opened.run("return document.activeElement.closest('tr').dataset.model")
    opened.chrome.press("Enter")
    opened.chrome.wait("document.querySelector('tr.picked')")
    assert opened.run("return document.activeElement.closest('tr.picked').dataset.model") == model
    assert opened.run("return document.activeElement.getAttribute('aria-pressed')") == "true"
    said = opened.chrome.wait("document.getElementById('said').textContent")
    assert re.search(r"cpu: .+ networks fit", said), said
    live = "return at('said').getAttribute('aria-live')"
    assert opened.run(live) == "polite"
    opened.clean()


@pytest.mark.slow
@in_a_browser
def test_markup_in_names_is_not_run(opened: Page) -> None:
    opened.open()
    opened.run(
        "window.alert = () => { window.ran = true }; set('search', 'vgg19', 'input');"
        "document.querySelector('tr[data-model=vgg19] button').click()"
    )
    shown = opened.run(
        "return [...document.querySelectorAll('tr[data-model=vgg19] button,"
        " .details .network')].map((one) => one.textContent)"
    )
    assert len(shown) == 2 and all(NASTY in text for text in shown)
    assert opened.run("return document.querySelectorAll('#explorer img').length") == 0
    assert not opened.run("return window.ran")
    opened.clean()


@pytest.mark.slow
@in_a_browser
@pytest.mark.parametrize("axis", list(axes()))
def test_the_chart_agrees_with_the_table(opened: Page, holed: Results, axis: str) -> None:
    opened.open(f"axis={axis}&min_fps=20&max_params_m=60&all=true")
    marks = "[...document.querySelectorAll('.plot path')].map((p) => p.__data__)"
    points = opened.run(
        f"return {marks}.filter((i) => i?.datum?.fits_text && i.mark.marktype === 'symbol')"
        ".map((i) => [i.datum.model, i.datum.fits, i.datum.x, i.datum.y, i.opacity])"
    )
    rows, models = tables_of(holed)
    own = {c.model: c for c in candidates(rows, models)["cpu"]}
    limits = {"min_fps": 20, "max_params_m": 60}
    assert {p[0] for p in points} == {m for m, c in own.items() if axis in c.numbers}
    for model, fits, x, y, opacity in points:
        assert fits == own[model].fits(limits)
        assert (x, y) == (own[model].numbers[axis].value, own[model].top1.value)
        assert (opacity < 1) == (fits == "no")
    # On the front, no fitting or inconclusive network is at least as good in both.
    best = [(x, y) for _, fits, x, y, _ in points if fits != "no"]
    better = (lambda a, b: a >= b) if axis == "min_fps" else (lambda a, b: a <= b)
    front = {
        (x, y)
        for x, y in best
        if not any(better(u, x) and v >= y and (u, v) != (x, y) for u, v in best)
    }
    items = "[...document.querySelectorAll('.plot .mark-line path')]"
    line = opened.run(
        f"return {items}.flatMap((p) => p.__data__.items ?? [p.__data__])"
        ".flatMap((i) => i.mark.items).map((i) => [i.datum.x, i.datum.y])"
    )
    corners = {tuple(corner) for corner in line}
    assert front and front <= corners
    assert all((x, y) in front or (x, y) not in best for x, y in corners if math.isfinite(x))
    opened.clean()


@pytest.mark.slow
@in_a_browser
def test_limits_can_be_dragged_on_the_chart(opened: Page, holed: Results) -> None:
    opened.open("min_fps=20")
    center = (
        "(() => {{ const box = document.querySelector('.handle.{}').getBoundingClientRect();"
        " return [box.x + box.width / 2, box.y + box.height / 2]; }})()"
    )
    opened.run("document.querySelector('.plot').scrollIntoView({block: 'center'})")
    opened.chrome.wait("scrollY > 0")
    time.sleep(1)
    x, y = opened.chrome.evaluate(center.format("x"))
    opened.chrome.drag((x, y), (x + 60, y + 30))
    value = float(opened.run("return at('min_fps-exact').value"))
    assert 21 < value < 40
    assert found(opened.run("return panels()[0]")) == expected(holed, "cpu", 1, {"min_fps": value})
    moved = opened.chrome.evaluate(center.format("x"))
    assert moved == pytest.approx([x + 60, y], abs=1.5)
    # The line itself, away from its handle.
    opened.chrome.drag((moved[0], y + 320), (x, y + 320))
    assert float(opened.run("return at('min_fps-exact').value")) == pytest.approx(20, rel=0.02)
    # A limit that is not set yet, on the other axis.
    x, y = opened.chrome.evaluate(center.format("y"))
    opened.chrome.drag((x, y), (x, y - 150))
    limits = {
        name: float(opened.run(f"return at('{name}-exact').value"))
        for name in ("min_fps", "min_top1")
    }
    assert 58 < limits["min_top1"] < 80
    assert found(opened.run("return panels()[0]")) == expected(holed, "cpu", 1, limits)
    # Dragged past the end of the axis, a limit is gone.
    x, y = opened.chrome.evaluate(center.format("y"))
    opened.chrome.drag((x, y), (x, y + 400))
    assert opened.run("return at('min_top1-exact').value") == ""
    opened.clean()


@pytest.mark.slow
@in_a_browser
def test_the_keyboard_moves_the_limits_on_the_chart(opened: Page) -> None:
    opened.open("axis=max_params_m")
    values = "return [at('max_params_m-exact').value, {}.getAttribute('aria-valuetext')]".format(
        "document.querySelector('.handle.x')"
    )
    assert opened.run(values) == ["", "no limit"]
    opened.run("document.querySelector('.handle.x').focus()")
    opened.chrome.press("ArrowLeft")
    first, said = opened.run(values)
    assert said == f"{first} M"
    opened.chrome.press("PageDown")
    lower, said = opened.run(values)
    assert 0 < float(lower) < float(first) and said == f"{lower} M"
    opened.chrome.press("Delete")
    assert opened.run(values) == ["", "no limit"]
    assert opened.run("return document.activeElement.className") == "handle x"
    opened.clean()


@pytest.mark.slow
@in_a_browser
def test_each_mark_of_the_chart_has_one_meaning(opened: Page, holed: Results) -> None:
    opened.open("min_fps=12&all=true")
    items = opened.run(
        "return [...document.querySelectorAll('.plot path')].map((p) => p.__data__)"
        ".filter((i) => i?.datum?.fits_text && i.mark.marktype === 'symbol')"
        ".map((i) => [i.datum.model, i.datum.fits, i.datum.disturbed, i.shape, i.fillOpacity,"
        " i.fill])"
    )
    # A dashed ring without a fill around each inconclusive network.
    rings = {item[0] for item in items if item[5] is None or item[5] == "transparent"}
    marks = [item for item in items if item[5] not in (None, "transparent")]
    assert rings == {model for model, fits, *_ in marks if fits == "cannot_tell"} != set()
    for _, _, disturbed, shape, filled, _ in marks:
        assert (shape == "diamond") == disturbed == (filled == 0)
    assert any(disturbed for _, _, disturbed, *_ in marks)
    # The limit is named at its line, and the range that it excludes is shaded.
    texts = opened.run(
        "return [...document.querySelectorAll('.plot text')].map((t) => t.textContent)"
    )
    assert "≥ 12 images/s" in texts
    assert opened.run("return document.querySelectorAll('.plot .mark-rect path').length") == 1
    # One key to the colors, by family; it also highlights a family.
    opened.run("set('beside', 'titanxp-2018', 'change')")
    key = (
        "[...document.querySelectorAll('.families button')].filter((one) => one.checkVisibility())"
    )
    families = opened.run(f"return {key}.map((one) => one.textContent.trim())")
    assert families == list(dict.fromkeys(holed.families[model] for model in holed.models["model"]))
    opened.run(f"{key}.find((one) => one.textContent.trim() === 'VGG').click()")
    assert opened.run("return at('family').value") == "VGG"
    opened.clean()


@pytest.mark.slow
@in_a_browser
def test_the_page_fits_any_width_theme_and_print(opened: Page) -> None:
    for width in (1280, 390):
        for dark in (False, True):
            opened.open("min_fps=20&max_memory_gib=0.5&beside=titanxp-2018", width=width, dark=dark)
            assert opened.run("return document.documentElement.scrollWidth") == width
    assert len(opened.chrome.pdf()) > 50_000
    opened.chrome.print_media(True)
    hidden = opened.run(
        "return [...document.querySelectorAll('.controls, .find, .download')]"
        ".map((one) => getComputedStyle(one).display)"
    )
    assert set(hidden) == {"none"}
    question = opened.run("return document.querySelector('.question').textContent")
    assert "memory ≤ 0.5 GiB" in question and "throughput ≥ 20 images/s" in question
    opened.chrome.print_media(False)
    opened.clean()


@pytest.mark.slow
@in_a_browser
def test_a_phone_shows_the_answer_on_its_first_screen(opened: Page) -> None:
    opened.open("min_fps=20&max_memory_gib=1&beside=titanxp-2018", width=390, height=844)
    bottom = "return document.querySelector('.verdict .numbers').getBoundingClientRect().bottom"
    assert 0 < opened.run(bottom) <= 844 and opened.run("return scrollY") == 0
    # The controls of the limits are above it; others are folded away, and say that one is set.
    assert opened.run(
        "return [at('min_fps'), at('beside')].map((one) => one.checkVisibility())"
    ) == [
        True,
        False,
    ]
    assert opened.run("return at('more').querySelector('summary').innerText").endswith("(1 set)")
    opened.run("at('more').querySelector('summary').click()")
    assert opened.run("return at('beside').checkVisibility()")
    opened.open("min_fps=20", width=1280)
    assert opened.run("return at('beside').checkVisibility()")
    opened.clean()


@pytest.mark.slow
@in_a_browser
def test_without_scripts_the_tables_are_shown(opened: Page) -> None:
    opened.chrome.run_scripts(False)
    opened.chrome.blank()
    opened.chrome.open(opened.path, width=1280)
    opened.chrome.run_scripts(True)
    shown = opened.run("return ['explorer', 'budgets'].map((id) => at(id).offsetHeight > 0)")
    assert shown == [False, True]
    assert opened.run("return at('panels').childElementCount") == 0
    opened.chrome.console()
    opened.chrome.requests()
