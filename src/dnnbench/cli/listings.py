"""Rows of the tables that list the devices and networks of a study."""

from collections.abc import Sequence
from typing import Literal

from dnnbench.api.study_tables import Tables
from dnnbench.core.formatting import several
from dnnbench.queries.prediction import Prediction
from dnnbench.records import labels
from dnnbench.records.base import Count, DeviceName, Mib, ModelName, Percent, Positive, Record
from dnnbench.records.study_records import SelectionRow, StudyRow


class ListedDevice(Record):
    """Row of the list of devices: a device, and how much of the study it has."""

    device: DeviceName
    """Name of the device."""
    source: Literal["measured", "published", "predicted"]
    """Origin of the numbers."""
    networks_timed: Count
    """Number of networks with a latency."""
    networks: Count
    """Number of networks in the study."""
    cells_timed: Count
    """Number of cells with a latency."""
    cells: Count
    """Number of cells in the study."""
    stable: Count | None
    """Number of cells whose latency is stable; empty if the device was not measured here."""
    noisy: Count | None
    """Number of cells whose latency is noisy."""
    disturbed: Count | None
    """Number of cells whose latency is disturbed."""
    batch_sizes: str
    """Batch sizes, joined by ``+``."""
    machine: str
    """Processor or GPU and sessions, or the source of the numbers."""


class ListedNetwork(Record):
    """Row of the list of networks: a network with its accuracy and cost."""

    model: ModelName
    """Key of the network."""
    name: str
    """Name of the network."""
    in_study: bool
    """Whether the network is part of the study. If not, its numbers are unknown."""
    top1: Percent | None
    """Top-1 accuracy that the network is ranked by."""
    top1_source: str | None
    """Source of ``top1``, as in results/models.csv."""
    params_executed: Count | None
    """Number of parameters that a forward pass reads."""
    macs: Count | None
    """Multiply-adds per image."""


class BudgetRow(SelectionRow):
    """Row of the summary: one of the best configurations for a budget, with its numbers.

    The numbers are for batch size 1.
    """

    latency_ms: Positive | None
    """Latency per image."""
    latency_ms_low: Positive | None
    """Lower bound, as in results/study.csv."""
    latency_ms_high: Positive | None
    """Upper bound."""
    memory_mib: Mib | None
    """Peak memory of a forward pass, weights included."""


class PredictedNetwork(Prediction):
    """Row of predictions: a predicted latency with its 95% prediction interval."""

    fps: Positive
    """Throughput: 1000 / ``latency_ms``."""
    top1: Percent | None
    """Top-1 accuracy that the network is ranked by in this variant; empty if unknown."""


_NUMBERS = ("top1", "top1_source", "params_executed", "macs")


def devices(tables: Tables) -> list[ListedDevice]:
    """Return the devices of a study."""
    return [_device(tables, device, tables.rows(device)) for device in tables.devices]


def networks(tables: Tables) -> list[ListedNetwork]:
    """Return the networks of a study, followed by the rest of the registry."""
    found = []
    # The names begin with the registry's networks, of which the study may lack some.
    for key in sorted(tables.names, key=lambda key: key not in tables.models):
        row = tables.models.get(key)
        numbers = {name: getattr(row, name, None) for name in _NUMBERS}
        name, known = tables.names[key], row is not None
        found.append(ListedNetwork(model=key, name=name, in_study=known, **numbers))
    return found


def budgets(selection: Sequence[SelectionRow], study: Sequence[StudyRow]) -> list[BudgetRow]:
    """Return the rows of selection.csv with the numbers of study.csv."""
    cells = {(row.device, row.model, row.variant): row for row in study if row.batch_size == 1}
    found = []
    for row in selection:
        cell = cells[row.device, row.model, row.variant]
        numbers = {
            name: getattr(cell, name)
            for name in ("latency_ms", "latency_ms_low", "latency_ms_high", "memory_mib")
        }
        found.append(BudgetRow(**row.model_dump(), **numbers))
    return found


def predictions(
    predicted: Sequence[Prediction], rows: Sequence[StudyRow]
) -> list[PredictedNetwork]:
    """Return predictions with throughput, and the accuracy of their ``rows``, fastest first."""
    found = [
        PredictedNetwork(**one.model_dump(), fps=1000 / one.latency_ms, top1=row.top1)
        for one, row in zip(predicted, rows, strict=True)
    ]
    return sorted(found, key=lambda one: one.latency_ms)


def _device(tables: Tables, device: str, rows: Sequence[StudyRow]) -> ListedDevice:
    timed = [row for row in rows if row.status == "ok" and row.source != "predicted"]
    source = rows[0].source
    stability = {
        word: sum(row.stability == word for row in timed) if source == "measured" else None
        for word in ("stable", "noisy", "disturbed")
    }
    return ListedDevice(
        device=device,
        source=source,
        networks_timed=len({row.model for row in timed}),
        networks=len({row.model for row in rows}),
        cells_timed=len(timed),
        cells=len(rows),
        **stability,
        batch_sizes="+".join(map(str, sorted({row.batch_size for row in rows}))),
        machine=_machine(tables, device, rows),
    )


def _machine(tables: Tables, device: str, rows: Sequence[StudyRow]) -> str:
    from dnnbench.tables.sound_records import SoundRecords

    if rows[0].source != "measured":
        return labels.device(device)
    parts = []
    if machine := SoundRecords(tables.results, device).environment():
        threads = several(machine.threads, "thread")
        parts.append(f"{machine.gpu or machine.cpu}, {threads}")
    sessions = dict.fromkeys(session for row in rows for session in (row.session or "").split("+"))
    parts += [f"session {session}" for session in sessions if session]
    return "; ".join(parts) or "measured"
