"""Networks that the user searches for or clicks: their rows, marks and facts."""

import json

import pytest
from helpers.explorer_page import Page, expected

from dnnbench.report.figures.results import Results

pytestmark = pytest.mark.slow


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


# The position of a network's mark in a chart, scrolled into the window.
MIDDLE = """(() => {{
    const mark = {marks}.find((p) => p.__data__.datum.model === '{model}');
    mark.scrollIntoView({{block: 'center', inline: 'center', behavior: 'instant'}});
    const box = mark.getBoundingClientRect();
    return [box.x + box.width / 2, box.y + box.height / 2];
}})()"""


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
    opened.window.wait(faded("top1-vs-macs", f"one => !{json.dumps(vgg)}.includes(one)"))
    (found_,) = opened.run("set('search', 'no such name', 'input'); return panels()")
    assert found_["rows"] == []
    opened.clean()


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
    opened.window.wait(f"{json.dumps(sorted(rows))}.every((one) => {chart}.includes(one))")
    text = "return document.getElementById('matches').textContent"
    said = opened.window.wait("document.getElementById('said').textContent")
    assert said.startswith(opened.run(text))
    named = said.split("Matching networks: ")[1].split(". cpu:")[0].split(", ")
    assert set(named) == {holed.identity.name(model) for model in matches}
    assert opened.run(f"set('search', 'zzz', 'input'); {text}") == "No network matches."
    opened.clean()


def test_a_click_on_a_network_shows_it_in_every_chart(opened: Page) -> None:
    opened.open()
    opened.run("document.querySelector('.list tr[data-model=resnet101] button').click()")
    picked = opened.run("return document.querySelector('tr.picked').dataset.model")
    figures = opened.window.evaluate(
        "[...document.querySelectorAll('[data-chart]')].map((box) => box.dataset.chart)"
    )
    assert len(figures) == 9
    for name in figures:
        opened.window.wait(faded(name, f"one => one !== {json.dumps(picked)}"))
    rows = "[...document.querySelectorAll('table.grid tr[data-model]')]"
    faded_rows = f"{rows}.filter((row) => row.classList.contains('faded'))"
    bright = f"{rows}.filter((row) => !row.classList.contains('faded'))"
    assert opened.window.evaluate(f"{faded_rows}.length") > 200
    assert set(opened.window.evaluate(f"{bright}.map((row) => row.dataset.model)")) == {picked}
    details = opened.run("return document.querySelector('.details').textContent")
    for word in ("Top-1", "measured on imagenet", "Images/s", "network only", "session"):
        assert word in details
    # Click on a mark of another chart, then press Escape.
    opened.window.settle()
    box = opened.run(
        f"const mark = {points('top1-vs-macs')}.find((p) => p.__data__.datum.model === 'vgg11');"
        "mark.scrollIntoView({block: 'center', behavior: 'instant'});"
        "const box = mark.getBoundingClientRect();"
        "return [box.x + box.width / 2, box.y + box.height / 2]"
    )
    opened.window.click(*box)
    opened.window.wait("document.querySelector('tr.picked')?.dataset.model === 'vgg11'")
    opened.window.press("Escape")
    opened.window.wait("!document.querySelector('tr.picked')")
    opened.window.wait(faded("top1-vs-macs", "one => false"))
    opened.clean()


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
    opened.window.click(*opened.window.evaluate(MIDDLE.format(marks=marks, model="vgg11")))
    opened.window.wait(f"document.querySelector('{place}')")
    inside = "(() => {{ const box = document.querySelector('{}').getBoundingClientRect();"
    inside += " return box.top >= 0 && Math.floor(box.bottom) <= innerHeight; }})()"
    opened.window.wait(inside.format(place))
    assert opened.run("return document.querySelectorAll('.details').length") == 1
    text = opened.run(f"return document.querySelector('{place}').textContent")
    assert text.startswith(f"VGG-11on {device}, batch size 1")
    opened.clean()


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
    opened.window.press("Enter")
    opened.window.wait(f"document.querySelector('{place}')")
    # The focus stays on the name while they are open, and returns to it.
    focused = f"document.activeElement === document.querySelector('{button}')"
    assert opened.run(f"return {focused}")
    opened.run("document.querySelector('.details .close').click()")
    assert opened.run(f"return [{focused}, document.querySelectorAll('.details').length]") == [
        True,
        0,
    ]
    opened.clean()
