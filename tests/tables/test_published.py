"""Tables of the 2018 study as devices."""

import re
import shutil
from pathlib import Path

import pytest
from helpers.paths import ROOT

from dnnbench.core.storage import RecordError, read_rows, write_table
from dnnbench.records.study_records import StudyRow
from dnnbench.tables import published

TABLES = ROOT / "published" / "bianco2018"


@pytest.fixture(scope="module")
def rows() -> dict[tuple[str, str, int], StudyRow]:
    made = published.study_rows(published.read(TABLES))
    return {(row.device, row.model, row.batch_size): row for row in made}


def test_every_published_cell_has_a_row(rows: dict[tuple[str, str, int], StudyRow]) -> None:
    models = {model for _, model, _ in rows}
    assert len(models) == 44
    assert set(rows) == {
        (device, model, batch_size)
        for device in ("titanxp-2018", "jetsontx1-2018")
        for model in models
        for batch_size in (1, 2, 4, 8, 16, 32, 64)
    }
    for row in rows.values():
        assert (row.source, row.protocol, row.variant) == ("published", "bianco2018", "fp32-eager")
        assert row.top1 is not None and row.top5 is not None and row.top1 < row.top5
        assert row.latency_ms_low is row.latency_ms_high is row.stability is row.session is None


def test_a_row_has_the_printed_values(rows: dict[tuple[str, str, int], StudyRow]) -> None:
    row = rows["titanxp-2018", "resnet50", 8]  # Printed: 1.65 ms per image, 0.85 GB, 76.01%.
    assert row.status == "ok"
    assert row.latency_ms == 1.65
    assert row.batch_ms == pytest.approx(13.2)
    assert row.fps == pytest.approx(606.061, abs=0.001)
    assert row.memory_mib == pytest.approx(870.4)
    assert (row.top1, row.accuracy_source) == (76.01, "published:table3")
    assert rows["titanxp-2018", "alexnet", 1].accuracy_source == "published:figure"


def test_an_empty_latency_means_out_of_memory(
    rows: dict[tuple[str, str, int], StudyRow],
) -> None:
    oom = {key for key, row in rows.items() if row.status == "oom"}
    assert len(oom) == 44
    assert {(device, batch_size) for device, _, batch_size in oom} == {
        ("jetsontx1-2018", 32),
        ("jetsontx1-2018", 64),
    }
    for key in oom:
        row = rows[key]
        assert row.latency_ms is row.batch_ms is row.fps is None
    assert all(row.status == "ok" for key, row in rows.items() if key not in oom)


def test_the_jetson_has_the_memory_of_the_titan_with_its_own_basis(
    rows: dict[tuple[str, str, int], StudyRow],
) -> None:
    for (device, model, batch_size), row in rows.items():
        assert row.memory_status == "ok"
        assert row.memory_mib == rows["titanxp-2018", model, batch_size].memory_mib
        expected = "process" if device == "titanxp-2018" else "process:titanxp-2018"
        assert row.memory_basis == expected


def test_models_are_selected_in_the_requested_order() -> None:
    tables = published.read(TABLES)
    made = published.study_rows(tables, ["vgg16", "newer-than-2018", "alexnet"])
    assert list(dict.fromkeys((row.device, row.model) for row in made)) == [
        ("titanxp-2018", "vgg16"),
        ("titanxp-2018", "alexnet"),
        ("jetsontx1-2018", "vgg16"),
        ("jetsontx1-2018", "alexnet"),
    ]


def test_a_cell_without_published_memory_is_not_measured() -> None:
    tables = published.read(TABLES)
    fewer = [entry for entry in tables.memory if entry.model != "vgg16"]
    made = published.study_rows(
        published.Published(tables.latency, fewer, tables.models), ["vgg16"]
    )
    assert len(made) == 14
    assert {(row.memory_status, row.memory_mib, row.memory_basis) for row in made} == {
        ("not_measured", None, None)
    }


def test_rows_are_read_back_unchanged(tmp_path: Path) -> None:
    made = published.study_rows(published.read(TABLES))
    write_table(tmp_path / "study.csv", StudyRow, made)
    assert read_rows(tmp_path / "study.csv", StudyRow) == made


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("latency.csv", "alexnet,1,1.28", "alexnet,1", "latency.csv:2: fields: 3, expected 4."),
        ("latency.csv", "alexnet,1,1.28", "alexnet,1,-1", "latency.csv:2: latency_ms_per_image: "),
        ("memory.csv", "alexnet,1,0.82", "alexnet,1,", "memory.csv:2: memory_gb: None: "),
        ("models.csv", "56.64,figure", "156.64,figure", "models.csv:2: top1: '156.64': "),
        ("best_at_constraints.csv", "min_fps", "fps", "best_at_constraints.csv: columns: "),
    ],
)
def test_a_damaged_table_is_an_error_of_one_line(
    tmp_path: Path, file: str, old: str, new: str, message: str
) -> None:
    shutil.copytree(TABLES, tmp_path / "tables")
    path = tmp_path / "tables" / file
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(RecordError, match=re.escape(message)) as error:
        published.read(tmp_path / "tables")
        published.read_best(tmp_path / "tables")
    text = str(error.value)
    assert "\n" not in text and str(path) in text
    assert text.endswith(f"Restore it: git checkout {path}")


def test_a_missing_table_is_an_error_of_one_line(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"latency\.csv: no such file\. Restore it"):
        published.read(tmp_path)
