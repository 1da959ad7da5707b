"""A kind of figure is declared in one place: this file adds one, which gets files and a place."""

from pathlib import Path

import pytest
from helpers import entry_points
from helpers.paths import ROOT
from helpers.studies import environment, study

from dnnbench.report import page
from dnnbench.report.figures import kind
from dnnbench.report.figures.catalog import build_figures
from dnnbench.report.figures.figure_names import figure_files, figure_names
from dnnbench.report.figures.kind import GROUP, Drawing, Kind


def draw(results, device):
    from dnnbench.report.figures.device_charts import speed_chart

    return Drawing(speed_chart(results.rows(device), results.identity), f"Made up for {device}.")


KIND = Kind(name="made-up", title="A made-up figure", place=15, draw=draw)


@pytest.fixture
def made_up(tmp_path):
    entry_points.write(tmp_path, GROUP, __file__, "KIND")
    with entry_points.installed(tmp_path):
        yield


def test_a_made_up_figure_gets_files_and_its_place_on_the_page(made_up):
    names = [name for name in figure_names(["cpu"]) if name.endswith("--cpu")]
    assert names[:3] == ["top1-vs-fps--cpu", "made-up--cpu", "time-table--cpu"]
    assert "made-up--cpu.svg" in figure_files(["cpu"])
    figures = build_figures(study())
    (figure,) = [figure for figure in figures if figure.name == "made-up--cpu"]
    assert (figure.title, figure.caption) == ("A made-up figure: cpu", "Made up for cpu.")
    html = page.render(study(), figures, [environment()])
    assert 'data-chart="made-up--cpu"' in html
    assert "Made up for cpu." in html


def test_every_figure_has_a_caption_for_the_snakemake_report():
    names = {one.name for which in (True, False) for one in kind.kinds(per_device=which)}
    captions = {path.stem for path in (ROOT / "workflow/report").glob("*.rst")}
    assert captions == names | {"workflow"}


def test_the_report_rule_depends_on_the_code_that_draws_every_figure(monkeypatch):
    monkeypatch.chdir(ROOT)
    files = set(map(Path, kind.code()))
    assert Path("src/dnnbench/report/figures/kinds/time_table.py") in files
    assert Path("src/dnnbench/report/figures/device_charts.py") in files
