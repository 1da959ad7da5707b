"""The page's address: it stores the explorer's settings."""

import pytest
from helpers.explorer_page import Page, expected, found

from dnnbench.report.figures.results import Results

pytestmark = pytest.mark.slow


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
    address = opened.window.wait("location.hash.includes('axis') && location.hash")
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
    assert opened.window.evaluate("location.hash") == "#method"
    opened.clean()


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


def test_the_settings_survive_links_back_and_reload(opened: Page, holed: Results) -> None:
    opened.open("")
    answer = expected(holed, "cpu", 8, {"min_fps": 12})
    opened.run("set('batch', 8, 'change'); set('min_fps-exact', 12, 'input')")
    opened.window.settle()
    # Going back skips what a page does without a real click, in WebKit.
    link = opened.run(
        "const box = document.querySelector('nav a[href=\"#method\"]').getBoundingClientRect();"
        "return [box.x + box.width / 2, box.y + box.height / 2]"
    )
    opened.window.click(*link)
    section = opened.window.wait("location.hash.includes('section') && location.hash")
    assert section == "#batch_size=8&min_fps=12&section=method"
    near = "Math.abs(document.getElementById('method').getBoundingClientRect().top) < 60"
    opened.window.reload()
    opened.window.wait(f"document.documentElement.dataset.ready && {near}")
    assert found(opened.run("return panels()[0]")) == answer
    opened.window.back()
    opened.window.wait("location.hash === '#batch_size=8&min_fps=12'")
    assert found(opened.run("return panels()[0]")) == answer
    opened.window.reload()
    opened.window.wait("document.documentElement.dataset.ready")
    assert found(opened.run("return panels()[0]")) == answer
    opened.clean()


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
