"""Formats of the tables that the aggregate stage writes."""

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

# Whether a listed network fits, or is inconclusive.
Fits = Literal["yes", "cannot_tell"]


class ModelRow(Complexity):
    """Row of results/models.csv: a network's cost, and its accuracy in percent.

    ``top1`` and ``top5`` are the accuracy that networks are ranked by. It is the published one
    unless the network was measured on all 50,000 validation images of ImageNet.
    """

    top1: Percent | None
    """Top-1 accuracy that the network is ranked by."""
    top1_low: Percent | None
    """Lower end of the 95% confidence interval of ``top1``; empty if it is published."""
    top1_high: Percent | None
    """Upper end of that interval."""
    top1_source: str | None
    """Source of ``top1``: ``measured:<dataset>``, or ``published:`` with ``table3`` (printed in the
    2018 study), ``figure`` (read off a figure there) or ``library`` (stated with the weights)."""
    top1_measured: Percent | None
    """Top-1 accuracy measured here, on any data set."""
    top1_published: Percent | None
    """Published top-1 accuracy."""
    top5: Percent | None
    """Top-5 accuracy that goes with ``top1``."""
    top5_low: Percent | None
    """Lower end of the 95% confidence interval of ``top5``; empty if it is published."""
    top5_high: Percent | None
    """Upper end of that interval."""
    top5_source: str | None
    """Source of ``top5``, as in ``top1_source``."""
    top5_measured: Percent | None
    """Top-5 accuracy measured here, on any data set."""
    top5_published: Percent | None
    """Published top-5 accuracy."""


class StudyRow(Record):
    """Row of results/study.csv: one cell, or a prediction for one.

    The key is ``device``, ``model``, ``variant``, ``batch_size``.
    """

    device: DeviceName
    """Device: a measured one, or ``titanxp-2018`` or ``jetsontx1-2018`` of the 2018 study."""
    model: ModelName
    """Key of the network."""
    variant: str
    """Variant: precision, engine and layout."""
    batch_size: BatchSize
    """Images per forward pass."""
    protocol: str | None
    """Protocol of the timing: ``default`` or ``bianco2018``."""
    session: str | None
    """Session that timed the cell; several are joined by ``+``."""
    schema_version: SchemaVersion
    """Version of the file format."""
    source: Literal["measured", "published", "predicted"]
    """Origin of the numbers."""
    status: Status
    """Status of the latency."""
    latency_ms: Positive | None
    """Latency per image: ``batch_ms`` / ``batch_size``. Above batch size 1 this is the inverse of
    the throughput, and less than the time to a result, ``batch_ms``."""
    latency_ms_low: Positive | None
    """Lower end of the 95% confidence interval of ``latency_ms``."""
    latency_ms_high: Positive | None
    """Upper end of that interval."""
    latency_quiet_ms: Positive | None
    """Lowest median of a process, per image: the latency with the least disturbance."""
    latency_p95_ms: Positive | None
    """95th percentile of the latency per image over all timed passes; empty below 60 passes."""
    batch_ms: Positive | None
    """Latency of a forward pass over the whole batch: the median of the process medians."""
    fps: Positive | None
    """Throughput: 1000 / ``latency_ms``."""
    stable: bool | None
    """Whether the latency is stable; empty if a single process is not enough to judge."""
    unstable_reason: str | None
    """Reason why the cell is unstable or has no latency, or notes on a stable one."""
    memory_status: Status
    """Status of the memory."""
    memory_mib: NonNegative | None
    """Peak memory of a forward pass, including the weights; see ``memory_basis``."""
    memory_basis: str | None
    """Memory basis: ``net`` (what the network adds to the process) or ``process`` (all device
    memory of the process). ``process:titanxp-2018`` is the Titan Xp's memory, which the 2018 study
    also used for the Jetson."""
    memory_net_mib: NonNegative | None
    """Memory that the network adds to the process: memory basis ``net``."""
    memory_runtime_mib: NonNegative | None
    """Memory of interpreter, libraries and engine before the network is built: the baseline."""
    weights_mib: NonNegative | None
    """Size of the parameters and buffers."""
    activations_mib: NonNegative | None
    """Largest sum of live tensors in a pass, computed without running it: a lower bound."""
    energy_mj: Positive | None
    """Energy per image; empty if the device has no sensor for it."""
    top1: Percent | None
    """Top-1 accuracy that the network is ranked by."""
    top5: Percent | None
    """Top-5 accuracy that goes with ``top1``."""
    accuracy_source: str | None
    """Source of ``top1``, as ``top1_source`` in results/models.csv."""

    @classmethod
    def partial(cls, **known: Any) -> Self:
        """Return a row with only the columns ``known`` set. Raises ValidationError."""
        return cls.model_validate(dict.fromkeys(cls.model_fields) | known)


class VariantRow(Record):
    """Row of results/variants.csv: a cell of another variant, compared with ``fp32-eager``.

    The key is ``device``, ``model``, ``variant``, ``batch_size``. Ratios below 1 mean that the
    variant is faster.
    """

    device: DeviceName
    """Device that was measured."""
    model: ModelName
    """Key of the network."""
    variant: str
    """Variant that is compared with ``fp32-eager``."""
    batch_size: BatchSize
    """Images per forward pass."""
    status: Status
    """Status of the variant's latency."""
    stable: bool | None
    """Whether both latencies are stable, as in results/study.csv."""
    message: str | None
    """``unstable_reason`` of the variant in results/study.csv."""
    rounds: Annotated[int, Field(ge=0)]
    """Rounds that timed both in one session; 0: the ratio is that of two sessions."""
    time_ratio: Positive | None
    """Latency of the variant divided by that of ``fp32-eager``."""
    time_ratio_low: Positive | None
    """Lower end of the 95% confidence interval of ``time_ratio``."""
    time_ratio_high: Positive | None
    """Upper end of that interval."""
    memory_more_mib: float | None
    """Memory of the variant minus that of ``fp32-eager``."""
    built_ms: Positive | None
    """Longest build time of the engine; later runs may reuse the build."""
    largest_difference: NonNegative | None
    """Largest difference of a logit from ``fp32-eager``, relative to the largest logit; the worst
    round."""
    top1_same: Percent | None
    """Share of images with the same top-1 class as ``fp32-eager``; the worst round."""


class SelectionRow(Record):
    """Row of results/selection.csv: one of the best networks under a pair of budgets.

    The key is ``device``, ``max_memory_gib``, ``min_fps``, ``rank``. Batch size 1, ``fp32-eager``.
    """

    device: DeviceName
    """Device."""
    max_memory_gib: Positive
    """Maximum memory."""
    min_fps: Positive
    """Minimum throughput."""
    rank: Annotated[int, Field(ge=1)]
    """Rank by top-1 accuracy among the networks that fit or are inconclusive."""
    model: ModelName
    """Key of the network."""
    top1: Percent
    """Top-1 accuracy that the network is ranked by."""
    fits: Fits
    """``yes``, or ``cannot_tell`` (inconclusive): an interval, or the rounding of a published
    number, straddles a budget."""


class DeviceMetrics(Record):
    """Summary of a measured device."""

    cells: Annotated[int, Field(ge=0)]
    """Cells of the device in results/study.csv."""
    cells_ok: Annotated[int, Field(ge=0)]
    """Cells with both a latency and a memory."""
    cells_unstable: Annotated[int, Field(ge=0)]
    """Cells whose latency is unstable."""
    median_half_width_pct: NonNegative | None
    """Median half-width of the intervals of latency, relative to the latency."""
    budgets_met: Annotated[int, Field(ge=0)]
    """Pairs of limits under which at least one network fits or is inconclusive."""
    best_top1_low: Percent | None
    """Lowest top-1 accuracy among the first-ranked networks of those pairs."""
    best_top1_high: Percent | None
    """Highest top-1 accuracy among them."""


class Metrics(Record):
    """Content of results/metrics.json, for ``dvc metrics``."""

    # DVC would list a schema version among the numbers.
    devices: dict[DeviceName, DeviceMetrics]
    """Numbers of each measured device."""
