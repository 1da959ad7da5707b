"""The page's explorer in a real browser, compared with ``best_fit.pick``."""

import csv
import json
import random
import time
from pathlib import Path

import pytest
from helpers.explorer_page import LIMITS, NASTY, Page, expected, found
from helpers.holed_study import tables_of
from helpers.studies import DEVICES

from dnnbench.core.formatting import stability_mark
from dnnbench.core.storage import columns
from dnnbench.queries import wording
from dnnbench.queries.best_fit import Entry, pick
from dnnbench.queries.selection import candidates
from dnnbench.queries.wording import WORDS
from dnnbench.report.figures.results import Results

pytestmark = pytest.mark.slow


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


def test_every_answer_equals_that_of_pick(
    opened: Page, holed: Results, request: pytest.FixtureRequest
) -> None:
    opened.open()
    # Judging does not depend on the browser, and drawing hundreds of answers takes minutes.
    all_cases = "chromium" in request.node.name
    cases = grid(holed) if all_cases else grid(holed)[::8]
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
    if all_cases:
        assert len(cases) > 200 and min(kinds.values()) > 10, kinds
    opened.clean()


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
        if model and (verdict := stability[model.partition("/")[0]]):
            shown[verdict] = text
            assert text == f"The latency is {wording.text(verdict)}"
            assert marks == ([stability_mark(verdict)] * 2 if verdict != "stable" else [])
    assert len(shown) > 1, cards


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
    opened.window.wait("document.querySelectorAll('.plot svg').length === 2")
    boxes = opened.run(
        "return [...document.querySelectorAll('.verdict, .panel figure')]"
        ".map((one) => one.getBoundingClientRect().top)"
    )
    assert boxes[0] == boxes[2] < boxes[1] == boxes[3]
    labels = opened.run(
        "return [...document.querySelectorAll('.plot svg')].map((svg) =>"
        "[...svg.querySelectorAll('.role-axis-label')].map((one) => one.textContent).join())"
    )
    assert labels[0] == labels[1]
    (alone,) = opened.run("set(`beside`, 'cpu', 'change'); return panels()")
    assert alone["device"] == "cpu"
    opened.clean()


def test_the_table_sorts_and_lists_networks_that_do_not_fit(opened: Page, holed: Results) -> None:
    opened.open()
    (few,) = opened.run("set('min_fps-exact', 20, 'input'); return panels()")
    (every,) = opened.run("at('all').click(); return panels()")
    assert 0 < len(few["rows"]) < len(every["rows"]) == int(every["judged"])
    assert [row for row in every["rows"] if row[2] != "no"] == few["rows"]
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


def test_the_download_equals_the_list(opened: Page, holed: Results, tmp_path: Path) -> None:
    opened.open()
    opened.window.save_downloads(tmp_path)
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
    assert opened.window.console() == []
    opened.window.requests()


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


def test_the_page_fits_any_width_theme_and_print(opened: Page) -> None:
    for width in (1280, 390):
        for dark in (False, True):
            opened.open("min_fps=20&max_memory_gib=0.5&beside=titanxp-2018", width=width, dark=dark)
            assert opened.run("return document.documentElement.scrollWidth") == width
    assert len(opened.window.pdf()) > 50_000
    opened.window.print_media(True)
    hidden = opened.run(
        "return [...document.querySelectorAll('.controls, .find, .download')]"
        ".map((one) => getComputedStyle(one).display)"
    )
    assert set(hidden) == {"none"}
    question = opened.run("return document.querySelector('.question').textContent")
    assert "memory ≤ 0.5 GiB" in question and "throughput ≥ 20 images/s" in question
    opened.window.print_media(False)
    opened.clean()


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


def test_without_scripts_the_tables_are_shown(opened: Page) -> None:
    opened.window.run_scripts(False)
    opened.window.blank()
    opened.window.open(opened.path, width=1280)
    opened.window.run_scripts(True)
    shown = opened.run("return ['explorer', 'budgets'].map((id) => at(id).offsetHeight > 0)")
    assert shown == [False, True]
    assert opened.run("return at('panels').childElementCount") == 0
    opened.window.console()
    opened.window.requests()
