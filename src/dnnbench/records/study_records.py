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
    Points,
    Positive,
    Record,
    SchemaVersion,
    Status,
    Threads,
)
from dnnbench.records.complexity_records import Complexity

# Verdict on a latency: stable; noisy if its interval is wide; disturbed if something happened in
# particular processes.
Stability = Literal["stable", "noisy", "disturbed"]
# Whether a listed network fits, or is inconclusive.
Fits = Literal["yes", "cannot_tell"]


def loses_accuracy(change_high: float | None) -> bool:
    """Return whether the whole interval of a change of accuracy is below one point of loss."""
    return change_high is not None and change_high < -1.0


class ModelRow(Complexity):
    """Row of results/models.csv: the cost and accuracy of a network.

    Networks are ranked by ``top1`` (and ``top5``). These are the published accuracies, or those
    that the user states, unless the network was measured on all 50,000 validation images of
    ImageNet.
    """

    top1: Percent | None
    """Top-1 accuracy that the network is ranked by."""
    top1_low: Percent | None
    """Lower end of the 95% confidence interval of ``top1``; empty if it is published."""
    top1_high: Percent | None
    """Upper end of that interval."""
    top1_source: str | None
    """Source of ``top1``: ``measured:<dataset>``; ``published:`` with ``table3`` (printed in the
    2018 study), ``figure`` (read from a figure there) or ``library`` (published with the weights);
    or ``stated:`` with the source that the user states."""
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
    """Row of results/study.csv: one measured, published or predicted cell.

    Each row has a unique combination of ``device``, ``model``, ``variant`` and ``batch_size``.
    """

    device: DeviceName
    """Name of a measured device, or ``titanxp-2018`` or ``jetsontx1-2018`` for the 2018 study."""
    model: ModelName
    """Key of the network."""
    variant: str
    """Variant: precision, engine, layout, allocator, threads."""
    batch_size: BatchSize
    """Images per forward pass."""
    threads: Threads | None
    """CPU threads of a forward pass; empty if unknown, as for published numbers."""
    protocol: str | None
    """Latency protocol: ``default`` or ``bianco2018``."""
    session: str | None
    """Session in which the cell was timed; the names of several sessions are joined by ``+``."""
    schema_version: SchemaVersion
    """Version of the file format."""
    source: Literal["measured", "published", "predicted"]
    """Origin of the numbers."""
    status: Status
    """Status of the latency measurement."""
    latency_ms: Positive | None
    """Latency per image: ``batch_ms`` / ``batch_size``. Above batch size 1, a request waits for
    the whole batch, ``batch_ms``; ``latency_ms`` is only the inverse of the throughput."""
    latency_ms_low: Positive | None
    """Lower end of the 95% confidence interval of ``latency_ms``."""
    latency_ms_high: Positive | None
    """Upper end of that interval."""
    latency_df: Positive | None
    """Degrees of freedom of that interval, a t interval on the logarithm."""
    latency_within_se: NonNegative | None
    """Standard error of the logarithm of ``latency_ms`` for comparisons with cells of the same
    session: without the changes of the machine between rounds, which all of them share."""
    latency_within_df: Positive | None
    """Degrees of freedom of that standard error."""
    latency_quiet_ms: Positive | None
    """Lowest of the process medians, per image: an estimate of the undisturbed latency."""
    latency_p95_ms: Positive | None
    """95th percentile of the latency per image over all timed passes; empty if there are
    fewer than 60."""
    batch_ms: Positive | None
    """Latency of a forward pass over the whole batch: the median of the process medians."""
    fps: Positive | None
    """Throughput: 1000 / ``latency_ms``."""
    rounds: Annotated[int, Field(ge=1)] | None
    """Number of rounds behind the latency."""
    processes: Annotated[int, Field(ge=1)] | None
    """Number of processes behind the latency."""
    stability: Stability | None
    """``stable``: the half-width of the interval is at most 5% of the latency. ``noisy``: it is
    larger. ``disturbed``: something happened in at least one in ten processes, or one is missing.
    Empty if unknown, as after a single process."""
    stability_reason: str | None
    """Reason for ``stability`` with numbers, or why the cell has no latency. A stable cell may have
    a remark here."""
    page_faults: NonNegative | None
    """Minor page faults per pass: the median over the processes."""
    system_ms: NonNegative | None
    """Processor time per pass that the kernel spent, mostly mapping memory: the median over the
    processes. It adds up over threads."""
    memory_status: Status
    """Status of the memory measurement."""
    memory_mib: NonNegative | None
    """Peak memory of a forward pass, including the weights; see ``memory_basis``."""
    memory_basis: str | None
    """Memory basis: ``net`` (what the network adds to the process), ``process`` (all device
    memory of the process) or ``device`` (all memory in use on the GPU, minus the use before the
    process started). ``process:titanxp-2018``: memory of the Titan Xp, which the 2018 study also
    used for the Jetson."""
    memory_net_mib: NonNegative | None
    """Memory that the network adds to the process: memory basis ``net``."""
    memory_runtime_mib: NonNegative | None
    """Baseline: memory of the interpreter, libraries and engine, without the network."""
    weights_mib: NonNegative | None
    """Size of the parameters and buffers."""
    activations_mib: NonNegative | None
    """Peak total size of the live tensors in a pass, computed without running it: a lower bound
    on the memory of a pass."""
    energy_mj: Positive | None
    """Energy per image; empty if the device has no sensor for it."""
    top1: Percent | None
    """Top-1 accuracy that the network is ranked by."""
    top5: Percent | None
    """Top-5 accuracy that goes with ``top1``."""
    accuracy_source: str | None
    """Source of ``top1``, as ``top1_source`` in results/models.csv; or ``published+measured:``
    (``stated+measured:``) with a data set: the accuracy of ``fp32-eager`` plus ``top1_change``."""
    top1_low: Percent | None
    """Lower end of the 95% confidence interval of ``top1``; empty if it is published."""
    top1_high: Percent | None
    """Upper end of that interval."""
    top1_change: Points | None
    """``top1`` minus that of ``fp32-eager``, in percentage points. 0 without an interval if the
    answers cannot differ; empty if unknown, and for ``fp32-eager``."""
    top1_change_low: Points | None
    """Lower end of the 95% confidence interval of ``top1_change``."""
    top1_change_high: Points | None
    """Upper end of that interval. Below -1, accuracy is certainly lower by more than a point."""

    @property
    def loses_accuracy(self) -> bool:
        """Whether top-1 accuracy is certainly lower by more than a point than in fp32-eager."""
        return loses_accuracy(self.top1_change_high)

    @property
    def half_width(self) -> float | None:
        """Half-width of the latency's interval, as a share of the latency."""
        value, low, high = self.latency_ms, self.latency_ms_low, self.latency_ms_high
        return None if value is None or low is None or high is None else (high - low) / 2 / value

    @classmethod
    def partial(cls, **known: Any) -> Self:
        """Return a row with only the columns ``known`` set. Raises ValidationError."""
        return cls.model_validate(dict.fromkeys(cls.model_fields) | known)


class VariantRow(Record):
    """Row of results/variants.csv: a cell of another variant, compared with ``fp32-eager``.

    Each row has a unique combination of ``device``, ``model``, ``variant`` and ``batch_size``. A
    ratio below 1 means that the variant is faster.
    """

    device: DeviceName
    """Name of the measured device."""
    model: ModelName
    """Key of the network."""
    variant: str
    """Variant compared with ``fp32-eager``: precision, engine, layout, allocator, threads."""
    batch_size: BatchSize
    """Images per forward pass."""
    status: Status
    """Status of the variant's latency measurement."""
    stability: Stability | None
    """``stable`` if both latencies are stable, as in results/study.csv; otherwise the worse of
    the two."""
    message: str | None
    """``stability_reason`` of the variant in results/study.csv."""
    rounds: Annotated[int, Field(ge=0)]
    """Number of rounds that timed both in the same session. 0: they share no session, so the ratio
    compares two sessions."""
    time_ratio: Positive | None
    """Latency of the variant divided by that of ``fp32-eager``."""
    time_ratio_low: Positive | None
    """Lower end of the 95% confidence interval of ``time_ratio``."""
    time_ratio_high: Positive | None
    """Upper end of that interval."""
    memory_more_mib: float | None
    """Memory of the variant minus that of ``fp32-eager``."""
    built_ms: Positive | None
    """Time to build the graph, if the engine reads one, and the engine; the longest of all rounds,
    because later rounds may reuse the build."""
    largest_difference: NonNegative | None
    """Largest absolute difference between a logit and that of ``fp32-eager``, divided by the
    largest logit; from the worst round."""
    top1_same: Percent | None
    """Percentage of images with the same top-1 class as ``fp32-eager``, from the worst round."""
    top1_change: Points | None
    """Top-1 accuracy minus that of ``fp32-eager``, as in results/study.csv."""
    top1_change_low: Points | None
    """Lower end of the interval of ``top1_change``."""
    top1_change_high: Points | None
    """Upper end of that interval. Below -1, accuracy is certainly lower by more than a point."""


class SelectionRow(Record):
    """Row of results/selection.csv: one of the best networks for a budget.

    For each budget, these are the five most accurate configurations that fit for certain. Up to
    five inconclusive ones follow, which would be among the five if they fit. Of one network, only
    those are listed that no other one beats in both accuracy and latency.

    Each row has a unique combination of ``device``, ``max_memory_gib``, ``min_fps`` and ``rank``.
    All numbers are for batch size 1.
    """

    device: DeviceName
    """Name of the device."""
    max_memory_gib: Positive
    """Maximum memory."""
    min_fps: Positive
    """Minimum throughput."""
    rank: Annotated[int, Field(ge=1)]
    """Rank: the networks that fit, by top-1 accuracy, then the inconclusive ones."""
    model: ModelName
    """Key of the network."""
    variant: str
    """Variant: precision, engine and layout."""
    top1: Percent
    """Top-1 accuracy of the network in this variant."""
    fits: Fits
    """``yes``, or ``cannot_tell`` (inconclusive): a limit is within a confidence interval or within
    the rounding error of a published number, or the interval is unknown or very uncertain."""


class DeviceMetrics(Record):
    """Summary of a measured device."""

    cells: Annotated[int, Field(ge=0)]
    """Number of cells of the device in results/study.csv."""
    cells_ok: Annotated[int, Field(ge=0)]
    """Number of cells with both a latency and a memory value."""
    cells_stable: Annotated[int, Field(ge=0)]
    """Number of cells whose latency is stable."""
    cells_noisy: Annotated[int, Field(ge=0)]
    """Number of cells whose latency is noisy."""
    cells_disturbed: Annotated[int, Field(ge=0)]
    """Number of cells whose latency is disturbed."""
    median_half_width_pct: NonNegative | None
    """Median half-width of the confidence intervals, in percent of the latency."""
    budgets_met: Annotated[int, Field(ge=0)]
    """Number of budgets for which at least one network fits for certain."""
    best_top1_low: Percent | None
    """Lowest top-1 accuracy among the best networks that fit for certain, over these budgets."""
    best_top1_high: Percent | None
    """Highest top-1 accuracy among them."""


class Metrics(Record):
    """Content of results/metrics.json: a summary of each measured device, for ``dvc metrics``."""

    # DVC would list a schema version among the numbers.
    devices: dict[DeviceName, DeviceMetrics]
    """Summary of each measured device, by name."""
