"""The shapes of the tables that the aggregate stage writes."""

from typing import Annotated, Any, Literal, Self

from pydantic import (
    Field,
)

from dnnbench.records.base import (
    BatchSize,
    DeviceName,
    ModelName,
    NonNegative,
    Percent,
    Positive,
    Record,
    SchemaVersion,
    Status,
)
from dnnbench.records.complexity_records import Complexity

# Of a network that is among those that fit: for certain, or perhaps.
Fits = Literal["yes", "cannot_tell"]


class ModelRow(Complexity):
    """A row of results/models.csv: complexity joined with accuracy (per cent)."""

    top1: Percent | None
    top1_low: Percent | None
    top1_high: Percent | None
    top1_source: str | None
    top1_measured: Percent | None
    top1_published: Percent | None
    top5: Percent | None
    top5_low: Percent | None
    top5_high: Percent | None
    top5_source: str | None
    top5_measured: Percent | None
    top5_published: Percent | None


class StudyRow(Record):
    """A row of results/study.csv; key: device, model, variant, batch_size.

    ``status`` is that of the inference time, ``memory_status`` that of the memory.
    """

    device: DeviceName
    model: ModelName
    variant: str
    batch_size: BatchSize
    protocol: str | None
    session: str | None
    schema_version: SchemaVersion
    source: Literal["measured", "published", "predicted"]
    status: Status
    latency_ms: Positive | None
    latency_ms_low: Positive | None
    latency_ms_high: Positive | None
    latency_quiet_ms: Positive | None
    latency_p95_ms: Positive | None
    batch_ms: Positive | None
    fps: Positive | None
    stable: bool | None
    unstable_reason: str | None
    memory_status: Status
    memory_mib: NonNegative | None
    memory_basis: str | None
    memory_net_mib: NonNegative | None
    memory_runtime_mib: NonNegative | None
    weights_mib: NonNegative | None
    activations_mib: NonNegative | None
    energy_mj: Positive | None
    top1: Percent | None
    top5: Percent | None
    accuracy_source: str | None

    @classmethod
    def partial(cls, **known: Any) -> Self:
        """Return a row of which only these columns are known. Raises ValidationError."""
        return cls.model_validate(dict.fromkeys(cls.model_fields) | known)


class VariantRow(Record):
    """A row of results/variants.csv: a cell run in another way than fp32-eager, against that.

    ``time_ratio`` is of the time (below 1: faster), with a 95 % interval, within ``rounds`` that
    timed both in one session; of two sessions where ``rounds`` is 0. ``stable``: both are, as in
    study.csv; ``message`` says what is not about this one. ``built_ms`` is the longest that the
    engine took to build what it runs: one that keeps what it builds is quicker the next time.
    ``largest_difference`` and ``top1_same`` as in Agreement, the worst of all rounds.
    """

    device: DeviceName
    model: ModelName
    variant: str
    batch_size: BatchSize
    status: Status
    stable: bool | None
    message: str | None
    rounds: Annotated[int, Field(ge=0)]
    time_ratio: Positive | None
    time_ratio_low: Positive | None
    time_ratio_high: Positive | None
    memory_more_mib: float | None
    built_ms: Positive | None
    largest_difference: NonNegative | None
    top1_same: Percent | None


class SelectionRow(Record):
    """A row of results/selection.csv: one of the best networks under one pair of budgets."""

    device: DeviceName
    max_memory_gib: Positive
    min_fps: Positive
    rank: Annotated[int, Field(ge=1)]
    model: ModelName
    top1: Percent
    fits: Fits


class DeviceMetrics(Record):
    """A measured device in a few numbers.

    ``cells_ok`` have a time and a memory. ``median_half_width_pct`` is of the intervals of time, in
    per cent of the value. ``budgets_met`` counts the pairs of budgets that a network fits or may
    fit; ``best_top1_low`` and ``best_top1_high`` are the least and the greatest top-1 of their
    first-ranked networks, per cent.
    """

    cells: Annotated[int, Field(ge=0)]
    cells_ok: Annotated[int, Field(ge=0)]
    cells_unstable: Annotated[int, Field(ge=0)]
    median_half_width_pct: NonNegative | None
    budgets_met: Annotated[int, Field(ge=0)]
    best_top1_low: Percent | None
    best_top1_high: Percent | None


class Metrics(Record):
    """results/metrics.json, for `dvc metrics`: by device."""

    # No version: DVC would show it as one of the numbers.
    devices: dict[DeviceName, DeviceMetrics]
