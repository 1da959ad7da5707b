"""Tables of the 2018 study, as two devices that pass through all stages.

Source: Bianco, Cadene, Celona, Napoletano, IEEE Access 6, 2018, doi 10.1109/ACCESS.2018.2877890.
The files of ``published/bianco2018`` have the numbers, and their README the precision of each.

Every row has source ``published``, protocol ``bianco2018`` and the published accuracy, even if it
has been measured since. An empty latency means that the batch did not fit in memory (``oom``). The
paper's GB are GiB. The paper has no intervals, so the rows have none either. All latencies and
memory readings were rounded to two decimals; :mod:`dnnbench.records.published_study` has the
constants.

No memory was published for the Jetson, and the Jetson half of the paper's Table 3 was evidently
made with the memory of the Titan. The Jetson rows therefore have the memory of the Titan, with the
basis ``process:titanxp-2018``.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from dnnbench.config.variants import REFERENCE
from dnnbench.core.storage import R, RecordError, read_rows
from dnnbench.core.units import MIB_PER_GIB
from dnnbench.records import paths
from dnnbench.records.base import (
    SCHEMA_VERSION,
    BatchSize,
    Digitized,
    ModelName,
    NonNegative,
    Percent,
    Positive,
    Record,
)
from dnnbench.records.published_study import DEVICES, JETSON, STUDY, TITAN
from dnnbench.records.study_records import StudyRow

_MEMORY_BASIS = {TITAN: "process", JETSON: f"process:{TITAN}"}


class LatencyEntry(Record):
    """A row of latency.csv (Table 1): ms per image, empty if the batch did not fit."""

    device: Literal["titanxp-2018", "jetsontx1-2018"]
    model: ModelName
    batch_size: BatchSize
    latency_ms_per_image: Positive | None


class MemoryEntry(Record):
    """A row of memory.csv (Table 2): memory of the process on the Titan Xp, GiB."""

    device: Literal["titanxp-2018"]
    model: ModelName
    batch_size: BatchSize
    memory_gb: Positive


class ModelEntry(Record):
    """A row of models.csv.

    Accuracy is in percent from Table 3 or a figure, the rest is from figures.
    """

    model: ModelName
    name: str
    top1: Percent
    top1_source: Digitized
    top5: Percent
    top5_source: Digitized
    conv_gmacs_figure: NonNegative
    params_m_figure: NonNegative
    params_mb_figure: NonNegative | None
    density_figure: NonNegative


class BestEntry(Record):
    """A row of best_at_constraints.csv (Table 3): a network ranked for two limits."""

    device: Literal["titanxp-2018", "jetsontx1-2018"]
    max_memory_gb: Positive
    min_fps: Positive
    rank: Annotated[int, Field(ge=1)]
    model: ModelName
    top1: Percent


class ClaimEntry(Record):
    """A row of claims.csv: a number, network or word of a claim.

    Several rows form a list.

    ``tested_on`` is what a test needs: ``networks`` (their counts and accuracy), any ``machine``,
    the memory of the whole ``process``, the hardware of one published device, or ``both``.
    """

    claim: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
    section: str
    tested_on: Literal["networks", "machine", "process", "titanxp-2018", "jetsontx1-2018", "both"]
    name: str
    value: str
    unit: str | None


@dataclass(frozen=True)
class Published:
    """Measurements of the published study."""

    latency: list[LatencyEntry]
    memory: list[MemoryEntry]
    models: list[ModelEntry]


def read(directory: Path) -> Published:
    """Read ``latency.csv``, ``memory.csv`` and ``models.csv``.

    Raises RecordError, with a one-line message, for a missing or malformed file.
    """
    return Published(
        latency=_read(directory, "latency", LatencyEntry),
        memory=_read(directory, "memory", MemoryEntry),
        models=_read(directory, "models", ModelEntry),
    )


def read_best(directory: Path) -> list[BestEntry]:
    """Read ``best_at_constraints.csv``, the study's selection.

    Raises RecordError like ``read``.
    """
    return _read(directory, "best_at_constraints", BestEntry)


def read_claims(directory: Path) -> list[ClaimEntry]:
    """Read ``claims.csv``, the claims of the study.

    Raises RecordError like ``read``.
    """
    return _read(directory, "claims", ClaimEntry)


def study_rows(published: Published, models: Iterable[str] | None = None) -> list[StudyRow]:
    """Return one StudyRow per published cell, by device, network and batch size.

    ``models`` selects and orders the networks; ``None`` selects all, in the published order.
    Networks that were not in the study have no cells.
    """
    cells: dict[tuple[str, str], list[LatencyEntry]] = {}
    for entry in published.latency:
        cells.setdefault((entry.device, entry.model), []).append(entry)
    memory = {(entry.model, entry.batch_size): entry.memory_gb for entry in published.memory}
    accuracy = {entry.model: entry for entry in published.models}
    names = list(accuracy) if models is None else [name for name in models if name in accuracy]
    return [
        _study_row(entry, memory.get((entry.model, entry.batch_size)), accuracy[name])
        for device in DEVICES
        for name in names
        for entry in cells.get((device, name), [])
    ]


def _study_row(entry: LatencyEntry, memory_gib: float | None, model: ModelEntry) -> StudyRow:
    latency = entry.latency_ms_per_image
    return StudyRow.partial(
        device=entry.device,
        model=entry.model,
        variant=REFERENCE,
        batch_size=entry.batch_size,
        protocol=STUDY,
        schema_version=SCHEMA_VERSION,
        source="published",
        status="oom" if latency is None else "ok",
        latency_ms=latency,
        batch_ms=None if latency is None else latency * entry.batch_size,
        fps=None if latency is None else 1000 / latency,
        memory_status="not_measured" if memory_gib is None else "ok",
        memory_mib=None if memory_gib is None else memory_gib * MIB_PER_GIB,
        memory_basis=None if memory_gib is None else _MEMORY_BASIS[entry.device],
        top1=model.top1,
        top5=model.top5,
        accuracy_source=f"published:{model.top1_source}",
    )


def _read(directory: Path, table: str, row_type: type[R]) -> list[R]:
    path = paths.in_folder(directory, paths.PUBLISHED, table=table)
    remedy = f"Restore it: git checkout {path}"
    if not path.exists():
        raise RecordError(f"{path}: no such file. {remedy}")
    return read_rows(path, row_type, remedy)
