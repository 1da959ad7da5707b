"""Changes between two runs, and the rules for their verdicts.

A run has about a hundred cells, and 5 of 100 intervals at the 95% level miss by chance. The
interval covers variation between the processes of one session, but no lasting influence such as a
neighbor or another clock frequency. A cell is therefore ``slower`` or ``faster`` only if both hold:

- Its p value, corrected for the number of cells, is below 5% (Benjamini and Hochberg, J. R. Stat.
  Soc. B 57, 1995). About 1 in 20 of the cells called slower or faster is expected to be wrong.
- Its interval lies beyond the change of the machine itself (:func:`machine_change`).

A cell is ``equivalent`` if its change is shown to lie within a margin
(:mod:`dnnbench.stats.equivalence`). This takes precedence, because a smaller change does not matter
to the user. All other cells are ``inconclusive``, and so is a cell without an interval.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import exp, log, pi, sqrt
from statistics import median
from typing import Literal

from scipy.stats import false_discovery_control

from dnnbench.records.base import (
    BatchSize,
    DeviceName,
    Mib,
    ModelName,
    NonNegative,
    Positive,
    Record,
    Status,
)
from dnnbench.records.study_records import Stability
from dnnbench.stats import equivalence, intervals

# Expected share of wrong verdicts among the cells that are called slower or faster.
FALSE_SHARE = 0.05
# With fewer cells, a few changed networks would move the median.
MIN_CELLS = 10

Verdict = Literal["slower", "faster", "equivalent", "inconclusive"]


class Cell(Record):
    """A cell of both runs or of one."""

    device: DeviceName
    """Name of the device."""
    variant: str
    """Variant: precision, engine, layout, allocator, threads."""
    model: ModelName
    """Key of the network."""
    batch_size: BatchSize
    """Images per forward pass."""


class CellChange(Cell):
    """Row of a comparison: a cell in both runs, with latencies, their ratio, and the verdict."""

    before_ms: Positive
    """Latency per image in the first run."""
    after_ms: Positive
    """Latency per image in the second run."""
    ratio: Positive
    """``after_ms`` / ``before_ms``."""
    low: Positive | None
    """Lower end of the 95% confidence interval of ``ratio``."""
    high: Positive | None
    """Upper end."""
    se: NonNegative | None
    """Standard error of the ratio's logarithm."""
    df: Positive | None
    """Degrees of freedom of ``se``."""
    within_se: NonNegative | None
    """Standard error relative to other cells of the same sessions."""
    within_df: Positive | None
    """Degrees of freedom of ``within_se``."""
    p: float | None
    """p value of no change, corrected for the number of cells."""
    verdict: Verdict
    """``slower``, ``faster``, ``equivalent`` or ``inconclusive``."""
    stability: Stability | None
    """Worse stability of the two latencies."""
    stability_reason: str | None
    """Reasons of ``stability``, by run."""

    @property
    def estimate(self) -> intervals.Estimate:
        """The ratio with its interval."""
        return intervals.Estimate(self.ratio, self.low, self.high, self.se, self.df)

    @property
    def relative(self) -> intervals.Estimate:
        """The ratio with its standard error relative to other cells of the same sessions."""
        if self.within_se is None or self.within_df is None:
            return self.estimate
        return replace(self.estimate, se=self.within_se, df=self.within_df)


class StatusChange(Cell):
    """A cell whose status differs between runs; ``None`` if a run has no row."""

    before: Status | None
    after: Status | None


class MemoryChange(Cell):
    """The memory of a cell; the status is ``None`` if a run has no row."""

    before: Status | None
    after: Status | None
    before_mib: Mib | None
    after_mib: Mib | None
    same_basis: bool


class DeviceChange(Record):
    """A device in both runs.

    - ``reference_compute``, ``reference_memory``: ratio of the reference kernels' times,
      after / before.
    - ``common``: median ratio of all cells; ``None`` for fewer than ``MIN_CELLS``.
    - ``common_se``: standard error of its logarithm.
    - ``machine``: other differences between the two environment.json files.
    - ``other_code``: number of cells measured with different code or settings.
    - ``resolution``: factor of change that half of the compared cells could detect.
    """

    device: DeviceName
    reference_compute: Positive | None
    reference_memory: Positive | None
    common: Positive | None
    common_se: NonNegative | None
    machine: list[str]
    other_code: int
    resolution: Positive | None

    @property
    def own(self) -> tuple[float, float]:
        """The change of the machine itself, as in :func:`machine_change`."""
        return machine_change(self.common, (self.reference_compute, self.reference_memory))


class RunComparison(Record):
    """Changes from one run to another; cells slowest first.

    ``repeated`` has the cells that are the same measurement in both runs, and not compared.
    """

    margin: Positive
    devices: list[DeviceChange]
    cells: list[CellChange]
    statuses: list[StatusChange]
    memory: list[MemoryChange]
    repeated: list[Cell]


def corrected(changes: Sequence[intervals.Change]) -> list[intervals.Change]:
    """Return the changes with p values corrected by Benjamini and Hochberg."""
    known = [change.p for change in changes if change.p is not None]
    values = iter(false_discovery_control(known).tolist() if known else ())
    return [change if change.p is None else replace(change, p=next(values)) for change in changes]


def common_change(ratios: Sequence[intervals.Estimate]) -> tuple[float, float] | None:
    """Return the median ratio and the standard error of its logarithm.

    ``None`` for fewer than ``MIN_CELLS`` ratios with an interval.
    """
    logs = [log(ratio.center) for ratio in ratios if ratio.se is not None]
    if len(logs) < MIN_CELLS:
        return None
    middle = median(logs)
    # The median absolute deviation as a standard deviation, and the efficiency of the median, both
    # for a normal distribution.
    deviation = 1.4826 * median(abs(one - middle) for one in logs)
    return exp(middle), sqrt(pi / 2) * deviation / sqrt(len(logs))


def machine_change(
    common: float | None, kernels: Iterable[float | None] = ()
) -> tuple[float, float]:
    """Return the range of factors by which the machine itself may have changed, including 1.

    This is the range of the reference ``kernels``, but no more than the change that all cells have
    in ``common``: most networks follow the kernels only in part. Between two recorded sessions, the
    memory kernel changed by 34%, the compute kernel by 2%, and the median network by 4%.
    """
    seen = [1.0, *(factor or 1.0 for factor in kernels)]
    low, high = min(seen), max(seen)
    if common is None:
        return low, high
    return max(low, min(1.0, common)), min(high, max(1.0, common))


def verdict(
    change: intervals.Change, own: tuple[float, float], margin: float = equivalence.MARGIN
) -> Verdict:
    """Return the verdict on a change with a corrected p value.

    ``own`` is the change of the machine itself.
    """
    told = equivalence.verdict(change.ratio, margin, own)
    if told == "equivalent":
        return "equivalent"
    if told == "inconclusive" or change.p is None or change.p >= FALSE_SHARE:
        return "inconclusive"
    return "slower" if change.ratio.value > 1 else "faster"
