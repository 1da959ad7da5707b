"""Buttons of the explorer that copy the decision, and copy or save the chart as an image."""

import base64
import io
from collections.abc import Iterator
from xml.etree import ElementTree

import pytest
from helpers import studies
from helpers.browser import Browser
from helpers.browsers import BROWSERS, Start
from PIL import Image

from dnnbench.queries import best_fit
from dnnbench.queries.selection import candidates
from dnnbench.records.study_records import ModelRow, StudyRow
from dnnbench.report import decision, explorer_data, page
from dnnbench.report.figures.explorer_facts import texts
from dnnbench.report.figures.results import Results
from dnnbench.report.provenance import provenance

pytestmark = pytest.mark.slow

LIMITS = {"max_memory_gib": 0.5, "min_fps": 20.0}
# Keep what the page copies and saves; a test has no clipboard.
RECORD = """(() => {
    window.handed = [];
    const clipboard = {
        writeText: async (text) => handed.push(text),
        write: async ([item]) => handed.push(await item["image/png"]),
    };
    Object.defineProperty(navigator, "clipboard", { value: clipboard, configurable: true });
    window.ClipboardItem = function (types) { return types; };
    URL.createObjectURL = ((make) => (blob) => {
        if (blob.type !== "text/plain") handed.push(blob);
        return make.call(URL, blob);
    })(URL.createObjectURL);
})()"""


@pytest.fixture(scope="module")
def shown() -> Results:
    return studies.study()


@pytest.fixture(scope="module", params=BROWSERS)
def window(
    request: pytest.FixtureRequest, shown: Results, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Browser]:
    path = tmp_path_factory.mktemp("page") / "index.html"
    # Without other figures, the page loads faster.
    path.write_text(page.render(shown, [], [studies.environment()]), encoding="utf-8")
    start: Start = request.param
    with start() as browser:
        browser.open(path, width=1280, fragment="max_memory_gib=0.5&min_fps=20")
        browser.wait("document.documentElement.dataset.ready")
        browser.wait("document.getElementById('said').textContent")
        browser.evaluate(RECORD)
        yield browser


def clicked(window: Browser, button: str, kind: str) -> bytes:
    """Click a button and return what it hands over, if it has this type."""
    window.evaluate(f"(handed.length = 0, document.querySelector('{button}').click())")
    window.wait(f"handed.some((one) => one.type === '{kind}')")
    window.evaluate(
        "(() => { const reader = new FileReader();"
        " reader.onload = () => { window.content = reader.result; }; window.content = '';"
        f" reader.readAsDataURL(handed.find((one) => one.type === '{kind}')); }})()"
    )
    return base64.b64decode(window.wait("window.content").partition(",")[2])


def test_the_copied_decision_equals_that_of_the_terminal(window: Browser, shown: Results) -> None:
    window.evaluate("(handed.length = 0, document.querySelector('.verdict .copy').click())")
    copied = window.wait("handed[0]")
    rows = explorer_data.records(shown.study, StudyRow)
    models = {row.model: row for row in explorer_data.records(shown.models, ModelRow)}
    answer = best_fit.pick(rows, models, "cpu", LIMITS, comparisons=shown.comparisons)
    facts = {one.key: texts(one) for one in candidates(rows, models)["cpu"]}
    names = {model: shown.identity.name(model) for model in models}
    origin = provenance("cpu", studies.environment())
    assert copied == decision.markdown(answer, facts, names, origin)
    assert window.wait("document.querySelector('.verdict .copy').textContent") == "Copied"
    assert window.evaluate("document.getElementById('said').textContent") == "Copied"


def test_a_browser_that_forbids_copying_says_so(window: Browser) -> None:
    window.evaluate(
        "(window.allowed = navigator.clipboard.writeText,"
        " navigator.clipboard.writeText = () => Promise.reject(new Error('no')),"
        " document.querySelector('.verdict .copy').click())"
    )
    window.wait("/does not allow/.test(document.querySelector('.verdict .copy').textContent)")
    window.evaluate("navigator.clipboard.writeText = window.allowed")


def test_the_chart_is_saved_as_svg_with_its_question(window: Browser) -> None:
    text = clicked(window, ".save-svg", "image/svg+xml").decode()
    assert "var(" not in text
    root = ElementTree.fromstring(text)
    words = " ".join(root.itertext())
    assert "memory ≤ 0.5 GiB, throughput ≥ 20 images/s" in words
    best = window.evaluate("document.querySelector('.verdict .best .name').textContent")
    assert best in words


@pytest.mark.parametrize("button", [".save-png", ".hand-on .copy"])
def test_the_chart_is_saved_and_copied_as_png(window: Browser, button: str) -> None:
    picture = Image.open(io.BytesIO(clicked(window, button, "image/png")))
    width = window.evaluate("document.querySelector('.plot svg').clientWidth")
    assert picture.width > 2 * width
    colors = picture.convert("RGB").getcolors(1 << 24)
    assert colors and len(colors) > 100
    assert picture.convert("RGB").getpixel((0, 0)) == (255, 255, 255)


def test_the_file_of_a_chart_is_named_for_its_device(window: Browser) -> None:
    window.evaluate(
        "(HTMLAnchorElement.prototype.click = function () { window.named = this.download; },"
        " document.querySelector('.save-svg').click())"
    )
    assert window.wait("window.named") == "cpu-batch-1-min_fps.svg"
