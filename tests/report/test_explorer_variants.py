"""The explorer of a study with several variants: each configuration is a row and a mark."""

import csv
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.browsers import BROWSERS, Start
from helpers.explorer_page import Page, expected, found, key
from helpers.holed_study import tables_of
from helpers.six_variants import VARIANTS, study
from helpers.studies import environment

from dnnbench.queries.best_fit import pick
from dnnbench.report import page
from dnnbench.report.figures.results import Results

pytestmark = pytest.mark.slow

LIMITS = {"min_fps": 20.0, "max_memory_gib": 0.2}
POINTS = (
    "[...document.querySelectorAll('.plot path')].map((path) => path.__data__)"
    ".filter((item) => item?.datum?.fits_text && item.mark.marktype === 'symbol')"
)
# The lines of the chart that join marks of one network.
JOINED = (
    "[...document.querySelectorAll('.plot .mark-line path')].map((path) => path.__data__.mark)"
    ".filter(({items}) => items[0].datum.model)"
)


@pytest.fixture(scope="module")
def shown() -> Results:
    return study()


@pytest.fixture(scope="module", params=BROWSERS)
def window(
    request: pytest.FixtureRequest, shown: Results, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Page]:
    path = tmp_path_factory.mktemp("page") / "index.html"
    path.write_text(page.render(shown, [], [environment()]), encoding="utf-8")
    assert path.stat().st_size < 3 * 2**20
    start: Start = request.param
    with start() as browser:
        yield Page(browser, path)


@pytest.mark.parametrize("size", [1, 8])
@pytest.mark.parametrize("variant", [None, *VARIANTS])
def test_the_answer_equals_that_of_pick(
    window: Page, shown: Results, variant: str | None, size: int
) -> None:
    window.open(f"min_fps=20&max_memory_gib=0.2&batch_size={size}")
    panel = window.run(f"set('variant', '{variant or ''}', 'change'); return panels()[0]")
    assert found(panel) == expected(shown, "cpu", size, LIMITS, variant)
    assert len(panel["rows"]) == len({tuple(row[:2]) for row in panel["rows"]})
    assert variant is None or {row[1] for row in panel["rows"]} <= {variant}
    window.clean()


def test_the_card_names_the_network_and_its_variant(window: Page, shown: Results) -> None:
    window.open("min_fps=30")
    rows, models = tables_of(shown)
    best = pick(rows, models, "cpu", {"min_fps": 30})
    headline = window.run("return panels()[0].headline")
    assert best.best and best.best_variant
    assert headline == f"{shown.identity.name(best.best)} in {best.best_variant} fits"
    alone = window.run("set('variant', 'int8-openvino', 'change'); return panels()[0].headline")
    assert " in " not in alone
    column = "document.querySelector('.list th[data-key=variant]').checkVisibility()"
    assert window.run(f"return {column}") is False
    assert window.run(f"set('variant', '', 'change'); return {column}") is True
    window.clean()


def test_the_address_keeps_the_variant(window: Page, shown: Results) -> None:
    window.open("min_fps=20")
    window.run("set('variant', 'int8-openvino', 'change')")
    address = window.window.wait("location.hash.includes('variant') && location.hash")
    assert address == "#variant=int8-openvino&min_fps=20"
    window.open(address[1:])
    assert window.run("return at('variant').value") == "int8-openvino"
    answer = expected(shown, "cpu", 1, {"min_fps": 20}, "int8-openvino")
    assert found(window.run("return panels()[0]")) == answer
    # An unknown variant is ignored.
    window.open("variant=int3-eager&min_fps=20")
    assert found(window.run("return panels()[0]")) == expected(shown, "cpu", 1, {"min_fps": 20})
    window.clean()


def test_an_address_from_an_earlier_version_selects_a_network_in_all_variants(
    window: Page,
) -> None:
    window.open("min_fps=20&network=senet154&search=senet&all=true")
    rows = window.run(
        "return [...document.querySelectorAll('.details tbody tr')].map((row) =>"
        " [row.cells[0].textContent, row.querySelector('.badge').textContent])"
    )
    assert {variant for variant, _ in rows} < set(VARIANTS) and len(rows) == 3
    details = window.run("return document.querySelector('.details').textContent")
    assert "SENet-154 in int8-openvino (failed)" in details
    picked = window.run("return [...document.querySelectorAll('tr.picked')].length")
    assert picked == 3
    window.clean()


def test_the_details_list_the_best_variant_for_the_limits_first(window: Page) -> None:
    window.open("min_fps=30&network=dpn68")
    order = ["fits", "inconclusive", "does not fit"]
    verdicts = window.run(
        "return [...document.querySelectorAll('.details .badge')].map((one) => one.textContent)"
    )
    assert len(verdicts) > 3 and len(set(verdicts)) > 1
    assert verdicts == sorted(verdicts, key=order.index)
    window.clean()


def test_details_open_below_the_row_that_was_clicked(window: Page) -> None:
    window.open("limits=none&all=true&sort=name")
    last = "[...document.querySelectorAll('.list tr[data-model=resnet50]')].at(-1)"
    assert window.run("return document.querySelectorAll('tr[data-model=resnet50]').length") > 3
    window.run(f"{last}.querySelector('button').click()")
    assert window.run(f"return {last}.nextElementSibling?.className") == "opened"
    window.clean()


def test_a_network_is_one_line_with_a_mark_per_configuration(window: Page, shown: Results) -> None:
    window.open("min_fps=20&all=true")
    marks = [
        tuple(one)
        for one in window.run(f"return {POINTS}.map(({{datum: d}}) => [d.model, d.variant])")
    ]
    (panel,) = window.run("return panels()")
    judged = Counter((model, variant) for model, variant, *_ in panel["rows"])
    assert set(judged.values()) == {1} and len(judged) > 200
    assert {tuple(one) for one in marks} == set(judged)
    lines = window.run(
        f"return {JOINED}.map(({{items}}) => items.map(({{datum: d}}) => [d.model, d.x]))"
    )
    assert len(lines) == len({model for model, _ in judged}) == 44
    for line in lines:
        assert len({model for model, _ in line}) == 1
        assert [x for _, x in line] == sorted(x for _, x in line)
    window.clean()


def test_the_chart_has_one_front_over_all_variants(window: Page) -> None:
    window.open("min_fps=20")
    points = window.run(
        f"return {POINTS}.filter(({{datum: d}}) => d.fits !== 'no')"
        ".map(({datum: d}) => [d.x, d.y, d.variant])"
    )
    fronts = window.run(
        "return [...document.querySelectorAll('.plot .mark-line path')]"
        ".map((path) => path.__data__.mark.items)"
        ".filter(([first]) => first.datum.order !== undefined)"
        ".map((items) => items.map(({datum: d}) => [d.x, d.y]))"
    )
    assert len(fronts) == 1
    corners = {tuple(corner) for corner in fronts[0]}
    best = {
        (x, y): variant
        for x, y, variant in points
        if not any(u >= x and v >= y and (u, v) != (x, y) for u, v, _ in points)
    }
    assert set(best) <= corners and len(set(best.values())) > 1
    window.clean()


def test_the_chart_names_a_network_once_and_its_variants(window: Page) -> None:
    # Each name is drawn twice: once as a halo.
    names = (
        "[...new Set([...document.querySelectorAll('.plot text')].map((text) =>"
        " text.__data__?.datum).filter((datum) => datum?.model))]"
        ".map(({model, text}) => [model, text])"
    )
    window.open("min_fps=20")
    answer = window.run("return panels()[0].best")
    model, variant = answer.split("/")
    texts = [text for one, text in window.run(f"return {names}") if one == model]
    assert texts[0].endswith(f"\n{variant}")
    # A selected network has the variant at each mark.
    window.open("min_fps=20&network=vgg16")
    texts = [text for one, text in window.run(f"return {names}") if one == "vgg16"]
    assert [text.count("VGG-16") for text in texts] == [1] + [0] * (len(texts) - 1)
    assert {text.split("\n")[-1] for text in texts} >= {"fp32-eager", "int8-openvino"}
    tip = window.run(f"return {POINTS}.find(({{datum: d}}) => d.model === 'vgg16').description")
    assert "Variant: " in tip
    window.clean()


def test_a_device_without_the_variant_says_so(window: Page) -> None:
    window.open("variant=int8-openvino&beside=titanxp-2018")
    text = "No results for int8-openvino. Available variants: fp32-eager."
    assert window.run("return panels()[1].headline") == text
    window.clean()


def test_the_download_has_the_variants(window: Page, shown: Results, tmp_path: Path) -> None:
    window.open("min_fps=20")
    window.window.save_downloads(tmp_path)
    window.run("document.querySelector('.download').click()")
    path = tmp_path / "cpu-batch-1.csv"
    deadline = time.monotonic() + 20
    while not (path.exists() and path.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.05)
    lines = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    rows, models = tables_of(shown)
    answer = pick(rows, models, "cpu", {"min_fps": 20}, top=1000)
    listed = [f"{line['model']}/{line['variant']}" for line in lines if line["rank"]]
    assert listed == [key(one) for one in [*answer.entries, *answer.inconclusive]]
    window.window.console()
    window.window.requests()


@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_is_as_wide_as_the_window(window: Page, width: int) -> None:
    for fragment in ("min_fps=20&network=resnet50", "min_fps=20&beside=titanxp-2018&all=true"):
        window.open(fragment, width=width)
        assert window.run("return document.documentElement.scrollWidth") == width
    # Every row shows its variant, in a column or below the name.
    variants = window.run(
        "return [...document.querySelectorAll('.panel.several .list tr[data-model]')].map((row) =>"
        " [...row.querySelectorAll('[data-key=variant], .in-variant')]"
        ".filter((one) => one.checkVisibility()).map((one) => one.textContent))"
    )
    assert len(variants) > 100 and all(len(one) == 1 for one in variants)
    window.clean()
