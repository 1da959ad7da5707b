"""Comparison of published and measured numbers, and which of them are comparable."""

from pathlib import Path

import pytest
from helpers import studies
from helpers.studies import TABLES, counted

from dnnbench.core.storage import columns, read_rows, write_table
from dnnbench.findings.replication import replicate
from dnnbench.records import published_study
from dnnbench.records.findings_records import ReplicationRow
from dnnbench.records.study_records import StudyRow
from dnnbench.tables import published


def rows_of(index: str, rows: list[ReplicationRow]) -> list[ReplicationRow]:
    return [row for row in rows if row.index == index]


@pytest.fixture(scope="module")
def rows() -> list[ReplicationRow]:
    return studies.found()[1]


def titan(**changes: object) -> list[StudyRow]:
    """Return the Titan's printed cells as if measured here."""
    update = {"device": "titanxp", "source": "measured", **changes}
    made = published.study_rows(published.read(TABLES))
    return [row.model_copy(update=update) for row in made if row.device == published_study.TITAN]


def test_operations_agree_in_41_of_44_rows_as_labeled(rows: list[ReplicationRow]) -> None:
    labeled = rows_of("conv_gmacs", rows)
    assert len(labeled) == 44
    assert {row.model for row in labeled if not row.within} == {
        "densenet161",
        "densenet169",
        "densenet201",
    }
    # Clearly outside: the smallest of the three errors is a fifth.
    assert all(row.ratio and abs(row.ratio - 1) > 0.2 for row in labeled if not row.within)


def test_operations_agree_in_44_of_44_rows_after_the_detected_exchange(
    rows: list[ReplicationRow],
) -> None:
    moved = rows_of("conv_gmacs:relabelled", rows)
    assert len(moved) == 44
    assert all(row.within for row in moved)
    for row in moved:
        assert row.tolerance == max(0.03, 0.01 * row.published)
        assert abs(row.measured - row.published) <= 0.016


def test_without_an_exchange_no_relabeled_rows_are_written() -> None:
    rows = replicate(published.read(TABLES), counted(), [], {}, {})
    assert rows and not rows_of("conv_gmacs:relabelled", rows)


def test_different_quantities_are_never_within_the_error(rows: list[ReplicationRow]) -> None:
    incomparable = [row for row in rows if row.within is None]
    assert {row.index for row in incomparable} == {
        "weights_mib",
        "latency_ms:titanxp-2018",
        "latency_ms:jetsontx1-2018",
        "memory_mib:titanxp-2018",
    }
    assert all(row.tolerance is None for row in incomparable)
    assert {row.device for row in rows if row.within is not None} == {None}


def test_the_same_hardware_must_agree_within_the_printed_digits() -> None:
    rows = replicate(published.read(TABLES), [], titan(), {}, {"titanxp": published_study.TITAN})
    times = rows_of("latency_ms:titanxp-2018", rows)
    memory = rows_of("memory_mib:titanxp-2018", rows)
    assert len(times) == len(memory) == 44 * 7
    assert all(row.within and row.ratio == 1 for row in [*times, *memory])
    assert {row.within for row in rows_of("latency_ms:jetsontx1-2018", rows)} == {None}


def test_memory_on_another_basis_is_not_compared() -> None:
    hardware = {"titanxp": published_study.TITAN}
    rows = replicate(published.read(TABLES), [], titan(memory_basis="net"), {}, hardware)
    assert {row.within for row in rows_of("memory_mib:titanxp-2018", rows)} == {None}
    assert {row.within for row in rows_of("latency_ms:titanxp-2018", rows)} == {True}


@pytest.mark.parametrize(
    ("source", "measured", "within"),
    [
        ("measured:imagenet", 56.66, True),  # Read off a figure, so within 0.03.
        ("measured:imagenet", 56.70, False),
        ("published:figure", 56.66, None),  # With fewer images, the published accuracy is kept.
    ],
)
def test_accuracy_is_compared_only_if_all_images_were_used(
    source: str, measured: float, within: bool | None
) -> None:
    (alexnet,) = [row for row in counted() if row.model == "alexnet"]
    changes = {"top1_measured": measured, "top1_source": source}
    (row,) = rows_of(
        "top1",
        replicate(published.read(TABLES), [alexnet.model_copy(update=changes)], [], {}, {}),
    )
    assert (row.published, row.measured, row.within) == (56.64, measured, within)


def test_the_table_is_read_back_as_written(rows: list[ReplicationRow], tmp_path: Path) -> None:
    path = tmp_path / "replication.csv"
    write_table(path, ReplicationRow, rows)
    assert read_rows(path, ReplicationRow) == rows
    assert columns(ReplicationRow) == [
        "model",
        "device",
        "batch_size",
        "index",
        "published",
        "measured",
        "ratio",
        "tolerance",
        "within",
    ]
