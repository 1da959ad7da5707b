"""The explorer's chart: its marks, labels, and limits that can be dragged."""

import math
import time

import pytest
from helpers.explorer_page import Page, expected, found
from helpers.holed_study import tables_of

from dnnbench.queries.selection import candidates
from dnnbench.report.figures.explorer_chart import axes
from dnnbench.report.figures.results import Results

pytestmark = pytest.mark.slow


def test_names_in_the_chart_stay_inside_if_the_window_narrows(opened: Page) -> None:
    opened.open()
    opened.window.shape(390, 900, dark=False)
    opened.window.wait(
        "(() => { const plot = document.querySelector('.plot svg').getBoundingClientRect();"
        " return plot.width < 390 && [...document.querySelectorAll('.plot svg text')]"
        ".filter((text) => text.__data__?.datum?.model)"
        ".every((text) => text.getBoundingClientRect().right <= plot.right + 1); })()"
    )
    opened.clean()


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
        ".flatMap((i) => i.mark.items).filter((i) => i.datum.order !== undefined)"
        ".map((i) => [i.datum.x, i.datum.y])"
    )
    corners = {tuple(corner) for corner in line}
    assert front and front <= corners
    assert all((x, y) in front or (x, y) not in best for x, y in corners if math.isfinite(x))
    opened.clean()


def test_limits_can_be_dragged_on_the_chart(opened: Page, holed: Results) -> None:
    opened.open("min_fps=20")
    center = (
        "(() => {{ const box = document.querySelector('.handle.{}').getBoundingClientRect();"
        " return [box.x + box.width / 2, box.y + box.height / 2]; }})()"
    )
    opened.run("document.querySelector('.plot').scrollIntoView({block: 'center'})")
    opened.window.wait("scrollY > 0")
    time.sleep(1)
    x, y = opened.window.evaluate(center.format("x"))
    opened.window.drag((x, y), (x + 60, y + 30))
    value = float(opened.run("return at('min_fps-exact').value"))
    assert 21 < value < 40
    assert found(opened.run("return panels()[0]")) == expected(holed, "cpu", 1, {"min_fps": value})
    moved = opened.window.evaluate(center.format("x"))
    assert moved == pytest.approx([x + 60, y], abs=1.5)
    # The line itself, away from its handle.
    opened.window.drag((moved[0], y + 320), (x, y + 320))
    assert float(opened.run("return at('min_fps-exact').value")) == pytest.approx(20, rel=0.02)
    # A limit that is not set yet, on the other axis.
    x, y = opened.window.evaluate(center.format("y"))
    opened.window.drag((x, y), (x, y - 150))
    limits = {
        name: float(opened.run(f"return at('{name}-exact').value"))
        for name in ("min_fps", "min_top1")
    }
    assert 58 < limits["min_top1"] < 80
    assert found(opened.run("return panels()[0]")) == expected(holed, "cpu", 1, limits)
    # Dragged past the end of the axis, a limit is gone.
    x, y = opened.window.evaluate(center.format("y"))
    opened.window.drag((x, y), (x, y + 400))
    assert opened.run("return at('min_top1-exact').value") == ""
    opened.clean()


def test_the_keyboard_moves_the_limits_on_the_chart(opened: Page) -> None:
    opened.open("axis=max_params_m")
    values = "return [at('max_params_m-exact').value, {}.getAttribute('aria-valuetext')]".format(
        "document.querySelector('.handle.x')"
    )
    assert opened.run(values) == ["", "no limit"]
    opened.run("document.querySelector('.handle.x').focus()")
    opened.window.press("ArrowLeft")
    first, said = opened.run(values)
    assert said == f"{first} M"
    opened.window.press("PageDown")
    lower, said = opened.run(values)
    assert 0 < float(lower) < float(first) and said == f"{lower} M"
    opened.window.press("Delete")
    assert opened.run(values) == ["", "no limit"]
    assert opened.run("return document.activeElement.className") == "handle x"
    opened.clean()


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
