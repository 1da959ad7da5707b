"""The explorer's controls: device, batch size and limits."""

import re

import pytest
from helpers.explorer_page import Page, expected, found

from dnnbench.report import explorer_data
from dnnbench.report.figures.results import Results

pytestmark = pytest.mark.slow


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
    assert other.startswith("Max. memory, Titan Xp, 2018")
    assert "whole process, not comparable" in other
    notes = (
        "[...document.querySelectorAll('.verdict')].map("
        "(card) => card.querySelector('.not-applied')?.innerText ?? '')"
    )
    assert opened.run(f"return {notes}") == [
        "",
        "Your limit of 0.3 GiB is not applied here: memory is measured differently"
        " (whole process).",
    ]
    shown = opened.run("set('max_memory_gib-beside', 0.8, 'input'); return panels()")
    assert opened.run(f"return {notes}") == ["", ""]
    apart = [
        expected(holed, "cpu", 1, {"max_memory_gib": 0.3, "min_fps": 20}),
        expected(holed, "titanxp-2018", 1, {"max_memory_gib": 0.8, "min_fps": 20}),
    ]
    assert [found(panel) for panel in shown] == apart
    address = opened.window.wait("location.hash.includes('0.8') && location.hash")
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
    opened.window.type(text)
    assert opened.run(shown) == ["true", problem]
    assert found(opened.run("return panels()[0]")) == expected(holed, "cpu", 1, {})
    opened.run(f"at('{name}').focus()")
    opened.window.press("ArrowRight")
    opened.window.press("ArrowLeft")
    assert opened.run(shown) == ["false", ""]
    opened.clean()


def test_clear_removes_limits_invalid_numbers_and_search(opened: Page, holed: Results) -> None:
    opened.open("min_top1=70&search=vgg&network=vgg16")
    opened.run(
        "set('family', at('family').options[2].value, 'change'); at('min_fps-exact').focus()"
    )
    opened.window.type("-5")
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
    opened.window.press("Tab")
    opened.window.press("ArrowLeft")
    opened.window.press("ArrowLeft")
    assert opened.run("return at('max_memory_gib-exact').value") != ""
    outline = opened.run("return getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    for _ in range(200):
        opened.window.press("Tab")
        if opened.run("return !!document.activeElement.closest('tbody')"):
            break
    model = opened.run("return document.activeElement.closest('tr').dataset.model")
    opened.window.press("Enter")
    opened.window.wait("document.querySelector('tr.picked')")
    assert opened.run("return document.activeElement.closest('tr.picked').dataset.model") == model
    assert opened.run("return document.activeElement.getAttribute('aria-pressed')") == "true"
    said = opened.window.wait("document.getElementById('said').textContent")
    assert re.search(r"cpu: .+ networks fit", said), said
    live = "return at('said').getAttribute('aria-live')"
    assert opened.run(live) == "polite"
    opened.clean()
