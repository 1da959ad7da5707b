"""A study with holes, and its page in every browser."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from helpers.browsers import BROWSERS, Start
from helpers.explorer_page import NASTY, Page
from helpers.holed_study import with_holes
from helpers.studies import environment

from dnnbench.report import page
from dnnbench.report.figures.catalog import build_figures
from dnnbench.report.figures.results import Results


@pytest.fixture(scope="session")
def holed() -> Results:
    return with_holes()


@pytest.fixture(scope="session", params=BROWSERS)
def opened(
    request: pytest.FixtureRequest, holed: Results, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Page]:
    start: Start = request.param
    shown = replace(holed, names={**holed.names, "vgg19": NASTY})
    path = tmp_path_factory.mktemp("page") / "index.html"
    path.write_text(page.render(shown, build_figures(shown), [environment()]), encoding="utf-8")
    assert path.stat().st_size < 5 * 2**20
    with start() as window:
        yield Page(window, path)
