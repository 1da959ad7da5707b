"""The printed page: headings stay with what they announce."""

import base64
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.browsers import CHROMIUM_ONLY, Start
from helpers.chromium import Chromium
from helpers.studies import drawn, environment, study

from dnnbench.report import page

pytestmark = pytest.mark.slow
# An entry of the outline: a heading, and the page that it leads to.
_ENTRY = re.compile(rb"/Title \((.*?)\)\n/Dest \[(\d+) 0 R")


@pytest.fixture(scope="module", params=CHROMIUM_ONLY)
def opened(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Chromium]:
    start: Start = request.param
    path = tmp_path_factory.mktemp("page") / "index.html"
    path.write_text(page.render(study(), drawn()[0], [environment()]), encoding="utf-8")
    with start() as browser:
        assert isinstance(browser, Chromium)
        _open(browser, path)
        yield browser


def _open(browser: Chromium, path: Path) -> None:
    browser.open(path, width=1280)
    browser.wait("document.documentElement.dataset.ready")


def _headings(browser: Chromium) -> dict[str, set[bytes]]:
    """Return heading -> pages that it is printed on."""
    printed = browser.devtools(
        "Page.printToPDF", generateDocumentOutline=True, generateTaggedPDF=True
    )
    pages: dict[str, set[bytes]] = {}
    for title, on in _ENTRY.findall(base64.b64decode(printed["data"])):
        pages.setdefault(title.decode("latin-1"), set()).add(on)
    return pages


def test_a_heading_is_printed_on_the_page_of_its_first_chart(opened: Chromium) -> None:
    pages = _headings(opened)
    pairs = opened.evaluate(
        "[...document.querySelectorAll('main > section:has(h3)')]"
        ".filter((section) => section.querySelector('figure h3'))"
        ".map((section) => ['h2', 'figure h3'].map((one) =>"
        " section.querySelector(one).textContent))"
    )
    assert len(pairs) == 4
    for heading, chart in pairs:
        assert pages[heading] & pages[chart], heading


def test_the_lists_of_two_devices_do_not_overlap_on_paper(opened: Chromium) -> None:
    opened.evaluate("document.getElementById('beside').value = 'titanxp-2018'")
    opened.evaluate("document.getElementById('beside').dispatchEvent(new Event('change'))")
    opened.shape(720, 1000, dark=False)
    opened.print_media(True)
    outside = opened.evaluate(
        "[...document.querySelectorAll('.panel')].map((panel) =>"
        " panel.querySelector('.list').getBoundingClientRect().right"
        " - panel.getBoundingClientRect().right)"
    )
    opened.print_media(False)
    assert len(outside) == 2 and max(outside) <= 0
