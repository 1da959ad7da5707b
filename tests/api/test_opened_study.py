"""A study opened in Python: the answers of the commands as data frames, and errors."""

import json
import pickle
import re
from pathlib import Path

import altair as alt
import pandas as pd
import pytest
from helpers import studies
from helpers.paths import ROOT
from typer.testing import CliRunner

import dnnbench
from dnnbench.api.opened_study import Study
from dnnbench.cli import app
from dnnbench.core.errors import UserError
from dnnbench.core.storage import columns, read_rows, write_table
from dnnbench.queries.best_fit import Entry
from dnnbench.queries.compare_networks import Comparison
from dnnbench.queries.limits import known_limits
from dnnbench.records.study_records import ModelRow, StudyRow

EXAMPLE = ROOT / "docs/example"


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    lines = [
        *studies.timed("resnet50", [12.0, 13.2, 10.8, 12.1, 11.9]),
        *studies.timed("dpn68", [10.0, 11.0, 9.0, 10.0, 10.0]),
    ]
    return studies.write(tmp_path_factory.mktemp("study") / "results", lines=lines)


@pytest.fixture(scope="module")
def study(results: Path) -> Study:
    return dnnbench.open(results)


def output(*arguments: object) -> str:
    done = CliRunner().invoke(app._app, list(map(str, arguments)))
    assert done.exit_code == 0, done.output
    return done.stdout


def plain(frame: pd.DataFrame) -> list[dict[str, object]]:
    """Return a frame's rows with None for missing values."""
    return frame.astype(object).where(frame.notna(), None).to_dict("records")


@pytest.mark.parametrize("device", ["cpu", "titanxp-2018", "jetsontx1-2018"])
def test_pick_returns_the_rows_that_the_command_lists(
    study: Study, results: Path, device: str
) -> None:
    found = study.pick(device=device, min_fps=15, max_memory_gib=1.0, top=7)
    options = ("--min-fps", 15, "--max-memory", 1.0, "--top", 7, "--json")
    said = json.loads(output("pick", "--results", results, "--device", device, *options))
    assert len(found) > 2
    assert plain(found) == said["entries"]


def test_compare_returns_the_differences_that_the_command_prints(
    study: Study, results: Path
) -> None:
    found = study.compare("ResNet-50", "DPN-68", device="cpu")
    said = json.loads(output("compare", "ResNet-50", "DPN-68", "--results", results, "--json"))
    assert plain(found) == said["comparisons"]
    assert list(found.columns) == columns(Comparison)
    timed = found[(found["quantity"] == "time") & (found["batch_size"] == 1)]
    assert timed["low"].notna().all()


def test_latency_and_models_are_the_tables_of_the_results_folder(
    study: Study, results: Path
) -> None:
    cells = read_rows(results / "study.csv", StudyRow)
    networks = read_rows(results / "models.csv", ModelRow)
    assert plain(study.latency) == [row.model_dump() for row in cells]
    assert plain(study.models) == [row.model_dump() for row in networks]


def test_a_part_of_a_name_is_enough_for_a_device(study: Study) -> None:
    assert set(study.pick(device="titan", min_fps=60)["device"]) == {"titanxp-2018"}


def test_the_example_study_can_be_opened() -> None:
    found = dnnbench.open(EXAMPLE)
    assert set(found.latency["device"]) == {"cpu", "titanxp-2018", "jetsontx1-2018"}
    assert len(found.models) == 44
    assert found.compare("resnet18", "resnet34", device="jetson")["verdict"].notna().all()


def test_the_types_of_columns_do_not_depend_on_the_rows(study: Study) -> None:
    empty, found = study.pick(min_fps=1e6), study.pick()
    assert (len(empty), len(found)) == (0, 5)
    assert list(empty.columns) == columns(Entry)
    assert list(empty.dtypes) == list(found.dtypes)
    assert str(found["latency_ms"].dtype) == "float64"
    assert str(found["params"].dtype) == "Int64"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"min_fsp": 30}, "min_fsp: unknown limit. Use one of max_memory_gib, min_fps"),
        ({"min_top1": 0.7}, "min_top1: 0.7: a percentage. Did you mean 70?"),
        ({"min_fps": -1}, "min_fps: -1: expected a number above 0"),
        ({"batch_size": 3}, "batch_size: 3: cpu has 1, 8."),
        ({"variant": "int8"}, "variant: 'int8': cpu has fp32-eager."),
        ({"device": "tpu"}, "device: 'tpu': no such name."),
        ({"top": 0}, "top: 0: expected at least 1"),
    ],
)
def test_a_mistake_names_the_argument_and_its_value(
    study: Study, arguments: dict[str, object], said: str
) -> None:
    with pytest.raises(UserError, match="^" + re.escape(said)):
        study.pick(**arguments)


def test_comparing_a_network_with_itself_is_an_error(study: Study) -> None:
    with pytest.raises(UserError, match=r"^b: 'VGG-16': the same network as a \(vgg16\)"):
        study.compare("vgg16", "VGG-16")


def test_the_help_of_pick_names_every_limit_of_dnnbench() -> None:
    assert [name for name in known_limits() if f"``{name}``" not in str(Study.pick.__doc__)] == []


# Errors of open ------------------------------------------------------------------------------


def test_a_folder_that_does_not_exist_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none: no such folder\. Run `make study`"):
        dnnbench.open(tmp_path / "none")


def test_a_file_is_not_a_results_folder(results: Path) -> None:
    with pytest.raises(UserError, match=r"study\.csv: not a folder\. "):
        dnnbench.open(results / "study.csv")


def test_an_empty_folder_is_an_error_that_names_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"study\.csv and models\.csv missing\. Run `make study`"):
        dnnbench.open(tmp_path)


def test_an_unfinished_study_is_an_error_that_names_what_is_missing(
    results: Path, tmp_path: Path
) -> None:
    (tmp_path / "study.csv").write_bytes((results / "study.csv").read_bytes())
    with pytest.raises(UserError, match=r"finished study: models\.csv missing\."):
        dnnbench.open(tmp_path)


def test_the_folder_above_the_results_is_an_error_that_names_them(results: Path) -> None:
    with pytest.raises(UserError, match=f"Did you mean {re.escape(str(results))}\\?"):
        dnnbench.open(results.parent)


def test_tables_without_rows_are_an_error(tmp_path: Path) -> None:
    write_table(tmp_path / "study.csv", StudyRow, [])
    write_table(tmp_path / "models.csv", ModelRow, [])
    with pytest.raises(UserError, match=r"study\.csv: no rows\. Finish the study: make study"):
        dnnbench.open(tmp_path)


# Notebooks -----------------------------------------------------------------------------------


def test_a_notebook_shows_an_answer_as_a_table_with_a_chart(study: Study) -> None:
    found = study.pick(min_fps=15)
    shown = found._repr_html_()
    assert "<strong>cpu, batch size 1: at least 15 images/s" in shown
    assert shown.count("<table") == shown.count("<img") == 1
    names = [study.tables.names[key] for key in found["model"]]
    assert names and [name for name in names if f"<td>{name}</td>" not in shown] == []
    assert "published in the 2018 study" in shown


def test_a_notebook_shows_the_study_and_its_tables_with_charts(study: Study) -> None:
    compared = study.compare("ResNet-50", "DPN-68")
    for one in (study, study.latency, study.models, compared):
        shown = one._repr_html_()
        assert shown.count("<table") == shown.count("<img") == 1
        assert "<script" not in shown and "http" not in re.sub('src="data:[^"]*"', "", shown)


def test_the_display_names_the_limits_that_would_admit_a_network(study: Study) -> None:
    shown = study.pick(min_fps=2000)._repr_html_()
    name, value = re.search(r"(min_fps)=([\d.]+) \(", shown).groups()
    assert len(study.pick(**{name: float(value)})) > 0


def test_the_chart_draws_every_network_that_was_judged(study: Study) -> None:
    chart = study.pick(min_fps=100, device="titanxp-2018").chart
    assert isinstance(chart, alt.LayerChart)
    drawn = next(
        rows for rows in chart.to_dict()["datasets"].values() if len(rows) and "fits" in rows[0]
    )
    assert len(drawn) == 44
    assert {point["fits"] for point in drawn} >= {"yes", "does not fit"}


def test_a_frame_without_a_display_is_an_ordinary_data_frame(study: Study) -> None:
    found = study.pick(min_fps=15)
    assert type(found[found["top1"] > 70]) is pd.DataFrame
    copied = pickle.loads(pickle.dumps(found))
    assert copied.equals(found) and "<img" not in copied._repr_html_()
    with pytest.raises(ValueError, match="no chart"):
        copied.chart  # noqa: B018


def test_markup_in_a_reason_is_shown_literally(results: Path, tmp_path: Path) -> None:
    rows, models = studies.tables()
    odd = [row.model_copy(update={"accuracy_source": "<b>oops</b>"}) for row in rows]
    shown = dnnbench.open(studies.write(tmp_path / "odd", odd, models)).pick()._repr_html_()
    assert "&lt;b&gt;oops&lt;/b&gt;" in shown and "<b>oops" not in shown
