"""Networks within budgets; the main case with a known answer is Table 3 of the 2018 study."""

from collections.abc import Callable
from itertools import groupby

import pytest
from helpers.paths import ROOT

from dnnbench.queries import selection
from dnnbench.records.study_records import StudyRow
from dnnbench.tables import published

TABLES = ROOT / "published" / "bianco2018"
MEMORY, SPEED = [0.7, 1.0, 1.4], [15, 30, 60]

MakeRow = Callable[..., StudyRow]


@pytest.fixture(scope="module")
def template() -> StudyRow:
    """Return a measured row: 10 ms (9.5 to 10.5), 100 MiB, 70%."""
    (row, *_) = published.study_rows(published.read(TABLES), ["resnet18"])
    return row.model_copy(
        update={
            "device": "cpu",
            "source": "measured",
            "latency_ms": 10.0,
            "latency_ms_low": 9.5,
            "latency_ms_high": 10.5,
            "memory_mib": 100.0,
            "top1": 70.0,
        }
    )


@pytest.fixture
def row(template: StudyRow) -> MakeRow:
    return lambda model, **changes: template.model_copy(update={"model": model, **changes})


def test_table_3_is_reproduced() -> None:
    tables = published.read(TABLES)
    chosen = selection.select(published.study_rows(tables), MEMORY, SPEED)
    table_3 = published.read_best(TABLES)
    assert len(table_3) == 79
    assert len({(e.device, e.max_memory_gb, e.min_fps) for e in table_3}) == 18
    # By accuracy alone, the five first of each list are those of Table 3.
    chosen.sort(key=lambda row: (row.device, row.max_memory_gib, row.min_fps, -row.top1, row.model))
    lists = [
        [(e.device, e.max_memory_gb, e.min_fps, e.model, e.top1) for e in entries]
        for _, entries in groupby(table_3, lambda e: (e.device, e.max_memory_gb, e.min_fps))
    ]
    found = [
        [(r.device, r.max_memory_gib, r.min_fps, r.model, r.top1) for r in rows][:5]
        for _, rows in groupby(chosen, lambda r: (r.device, r.max_memory_gib, r.min_fps))
    ]
    assert sorted(found) == sorted(lists)
    # Printed as 1.00 GB, so between 0.995 and 1.005. It comes after those that fit.
    assert {
        (row.device, row.max_memory_gib, row.min_fps, row.model, row.rank)
        for row in chosen
        if row.fits == "cannot_tell"
    } == {("titanxp-2018", 1.0, fps, "se_resnext50_32x4d", 6) for fps in SPEED}


def test_table_3_does_not_depend_on_straddling() -> None:
    # If the printed numbers are taken as exact, the entries are the same, so none of them is
    # listed only because its rounding straddles a limit.
    tables = published.read(TABLES)
    by_cell: dict[tuple[str, str], StudyRow] = {
        (row.device, row.model): row for row in published.study_rows(tables) if row.batch_size == 1
    }
    for entry in published.read_best(TABLES):
        row = by_cell[entry.device, entry.model]
        assert row.memory_mib is not None and row.memory_mib <= entry.max_memory_gb * 1024
        assert row.fps is not None and row.fps >= entry.min_fps


@pytest.mark.parametrize(
    ("changes", "fits"),
    [
        ({}, "yes"),
        ({"latency_ms_low": 9.0, "latency_ms_high": 10.0}, "yes"),  # Includes the limit.
        ({"latency_ms_low": 9.9, "latency_ms_high": 10.1}, "cannot_tell"),
        # The number is outside, but its interval straddles the limit.
        ({"latency_ms": 10.1, "latency_ms_low": 9.9, "latency_ms_high": 10.3}, "cannot_tell"),
        ({"latency_ms_low": 10.01, "latency_ms_high": 10.1}, None),
        ({"memory_mib": 1024.0}, "yes"),
        ({"memory_mib": 1024.1}, None),
        # More than a factor of two wide: inside, but never certain.
        ({"latency_ms_low": 4.0, "latency_ms_high": 9.1}, "cannot_tell"),
        ({"latency_ms": 30.0, "latency_ms_low": 10.1, "latency_ms_high": 90.0}, None),
        # A single process: inside or outside, but never certain.
        ({"latency_ms_low": None, "latency_ms_high": None}, "cannot_tell"),
        ({"latency_ms": 10.1, "latency_ms_low": None, "latency_ms_high": None}, None),
        # Published: within 0.005 ms and 0.005 GiB of the printed value.
        ({"source": "published", "latency_ms": 9.99}, "yes"),
        ({"source": "published", "latency_ms": 10.0}, "cannot_tell"),
        ({"source": "published", "latency_ms": 10.01}, None),
        ({"source": "published", "latency_ms": 9.0, "memory_mib": 1024 * 0.99}, "yes"),
        ({"source": "published", "latency_ms": 9.0, "memory_mib": 1024 * 1.0}, "cannot_tell"),
        ({"source": "published", "latency_ms": 9.0, "memory_mib": 1024 * 1.01}, None),
    ],
)
def test_limits_of_1_gib_and_100_fps_select_the_expected_networks(
    row: MakeRow, changes: dict[str, object], fits: str | None
) -> None:
    inside = {"latency_ms": 9.0, "latency_ms_low": 8.9, "latency_ms_high": 9.1}
    chosen = selection.select([row("a", **(inside | changes))], [1.0], [100])
    assert [entry.fits for entry in chosen] == ([] if fits is None else [fits])


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "oom", "latency_ms": None},
        {"status": "timeout", "latency_ms": None},
        {"status": "failed", "latency_ms": None},
        {"status": "not_measured", "latency_ms": None},
        {"memory_status": "oom", "memory_mib": None},
        {"memory_status": "not_measured", "memory_mib": None},
        {"top1": None},
        {"batch_size": 8},
    ],
)
def test_networks_that_did_not_run_or_have_unknown_numbers_never_fit(
    row: MakeRow, changes: dict[str, object]
) -> None:
    assert selection.select([row("a", **changes)], [100], [0.1]) == []
    assert len(selection.select([row("a")], [100], [0.1])) == 1


def test_networks_are_ranked_by_accuracy_then_by_key_and_cut(row: MakeRow) -> None:
    rows = [row("d", top1=60.0), row("c"), row("b", top1=80.0), row("a"), row("e", top1=70.01)]
    chosen = selection.select(rows, [1.0], [50], top=4)
    assert [(entry.rank, entry.model) for entry in chosen] == [
        (1, "b"),
        (2, "e"),
        (3, "a"),
        (4, "c"),
    ]


def test_the_table_is_ordered_by_device_limits_and_rank(row: MakeRow) -> None:
    rows = [row("a", device="z"), row("a", device="b")]
    chosen = selection.select(rows, [2.0, 1.0], [30, 15])
    assert [(entry.device, entry.max_memory_gib, entry.min_fps) for entry in chosen] == [
        (device, gib, fps) for device in ("z", "b") for gib in (2.0, 1.0) for fps in (30, 15)
    ]


def test_inconclusive_networks_follow_if_they_would_be_listed(row: MakeRow) -> None:
    straddling = {"latency_ms_high": 30.0}
    rows = [
        row("a", top1=60.0),
        row("b", top1=70.0),
        row("c", top1=80.0, **straddling),
        row("d", top1=50.0, **straddling),
        row("e", top1=65.0, **straddling),
    ]

    def listed(top: int) -> list[tuple[int, str, str]]:
        chosen = selection.select(rows, [1.0], [50], top)
        return [(entry.rank, entry.model, entry.fits) for entry in chosen]

    assert listed(1) == [(1, "b", "yes"), (2, "c", "cannot_tell")]
    assert listed(2)[2:] == [(3, "c", "cannot_tell"), (4, "e", "cannot_tell")]
    assert [model for _, model, _ in listed(5)] == ["b", "a", "c", "e", "d"]
