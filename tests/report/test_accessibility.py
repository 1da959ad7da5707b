"""The page follows WCAG 2.2 AA as far as axe-core can tell, in every state of the explorer."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from helpers import studies
from helpers.axe import NPM, violations
from helpers.browser import Browser
from helpers.browsers import CHROMIUM_ONLY, Start

from dnnbench.report import page
from dnnbench.report.figures.catalog import build_figures
from dnnbench.report.findings_section import arrange

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not NPM, reason="needs npm, which downloads axe-core"),
]


@dataclass(frozen=True)
class State:
    fragment: str
    width: int = 1280
    dark: bool = False


PICKED = "network=resnet50&min_fps=20&all=true"
STATES = {
    "start": State(""),
    "picked": State(PICKED),
    "nothing fits": State("min_fps=1000000"),
    "no match": State("search=zzz"),
    "two devices": State("beside=titanxp-2018&min_fps=20&all=true"),
    "dark": State(PICKED, dark=True),
    "dark, nothing fits": State("min_fps=1000000&beside=titanxp-2018", dark=True),
    "phone": State(PICKED, width=390),
    "dark phone": State(PICKED, width=390, dark=True),
}


@pytest.fixture(scope="module", params=CHROMIUM_ONLY)
def window(request: pytest.FixtureRequest) -> Iterator[Browser]:
    start: Start = request.param
    with start() as browser:
        yield browser


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    shown = studies.study()
    section = arrange(*studies.found())
    text = page.render(shown, build_figures(shown), [studies.environment()], section)
    path = tmp_path_factory.mktemp("page") / "index.html"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("state", STATES.values(), ids=STATES)
def test_axe_finds_no_violation(window: Browser, path: Path, state: State) -> None:
    window.blank()
    window.open(path, width=state.width, dark=state.dark, fragment=state.fragment)
    window.wait("document.documentElement.dataset.ready")
    assert violations(window) == {}


def test_axe_finds_text_with_little_contrast(window: Browser, tmp_path: Path) -> None:
    path = tmp_path / "gray.html"
    path.write_text(
        "<!DOCTYPE html><html lang='en'><title>Gray</title><main><h1 style='color: #aaa'>Gray</h1>",
        encoding="utf-8",
    )
    window.open(path, width=1280)
    assert violations(window) == {"color-contrast": ["h1"]}
