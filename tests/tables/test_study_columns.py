"""Adding a column to study.csv takes a field, and the value of a measured cell."""

import pytest
from helpers import rows, studies

from dnnbench.core.storage import columns, read_rows, write_table
from dnnbench.queries import predicted_rows
from dnnbench.records.base import Positive
from dnnbench.records.study_records import StudyRow
from dnnbench.tables import published


class Wider(StudyRow):
    noise_db: Positive | None


def test_published_rows_leave_a_further_column_empty(
    monkeypatch: pytest.MonkeyPatch, tmp_path
) -> None:
    monkeypatch.setattr(published, "StudyRow", Wider)
    made = published.study_rows(published.read(studies.TABLES))
    path = tmp_path / "study.csv"
    write_table(path, Wider, made)
    assert path.read_text().splitlines()[0].endswith(",top1_change_high,noise_db")
    assert read_rows(path, Wider) == made
    assert {row.noise_db for row in made} == {None}


def test_predicted_rows_leave_a_further_column_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predicted_rows, "StudyRow", Wider)
    timed, models = studies.tables()
    by_key = {model.model: model for model in models} | {"new": rows.model_row("new")}
    made = predicted_rows.rows(timed, by_key, ["new"])
    assert made and {row.noise_db for row in made} == {None}
    assert {row.source for row in made} == {"predicted"}


def test_a_partial_row_has_only_the_given_fields() -> None:
    row = rows.row("a", energy_mj=2.5)
    unknown = {name for name in columns(StudyRow) if getattr(row, name) is None}
    assert "energy_mj" not in unknown and {"session", "fps", "weights_mib"} <= unknown
    with pytest.raises(ValueError, match="device"):
        StudyRow.partial(model="a")
