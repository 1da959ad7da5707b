"""Networks within budgets; the main case with a known answer is Table 3 of the 2018 study."""

from collections.abc import Callable

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
    assert [
        (row.device, row.max_memory_gib, row.min_fps, row.rank, row.model, row.top1)
        for row in chosen
    ] == [(e.device, e.max_memory_gb, e.min_fps, e.rank, e.model, e.top1) for e in table_3]
    # Printed as 1.00 GB, so between 0.995 and 1.005.
    assert {
        (row.device, row.max_memory_gib, row.min_fps, row.model)
        for row in chosen
        if row.fits == "cannot_tell"
    } == {("titanxp-2018", 1.0, fps, "se_resnext50_32x4d") for fps in SPEED}


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
        {"variant": "bf16-eager"},
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


def test_best_is_the_first_on_each_device(row: MakeRow) -> None:
    rows = [
        row("a", top1=60.0),
        row("b", memory_mib=2000.0, top1=90.0),
        row("c", latency_ms_high=30.0, top1=80.0),
        row("b", device="other", memory_mib=2000.0),
    ]
    chosen = selection.best(rows, 1.0, 50)
    assert set(chosen) == {"cpu"}
    assert (chosen["cpu"].model, chosen["cpu"].fits) == ("c", "cannot_tell")
    assert selection.best(rows, 4.0, 50)["other"].model == "b"
