"""What is known of a number: the bounds that it lies between.

- The bounds of a measured time are its interval. Without one (a single process) nothing is known
  of them: they are the bare number, and not ``certain``.
- Measured memory repeats within ``MEMORY_REPEATS_MIB`` and is taken as it is.
- The bounds of published numbers are their rounding (:mod:`dnnbench.tables.published`).
- The bounds of a measured accuracy are its interval.

A number that is not known has no bounds (``None``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dnnbench.records.published_study import LATENCY_ROUNDING_MS, MEMORY_ROUNDING_MIB, TOP1_ROUNDING

if TYPE_CHECKING:
    from dnnbench.records.study_records import ModelRow, StudyRow

# Two readings of the same network; see docs/method.md.
MEMORY_REPEATS_MIB = 2.0

# Sums of decimal fractions are off by less than this.
_ROUNDING_ERROR = 1e-9


@dataclass(frozen=True)
class Bounds:
    """A number and the bounds it lies between; the bare number twice where not ``certain``."""

    value: float
    low: float
    high: float
    certain: bool = True

    def times(self, factor: float) -> Bounds:
        """The number in another unit."""
        return Bounds(self.value * factor, self.low * factor, self.high * factor, self.certain)

    def inverse(self, numerator: float) -> Bounds:
        """``numerator`` divided by the number."""
        return Bounds(
            numerator / self.value, numerator / self.high, numerator / self.low, self.certain
        )

    def overlaps(self, other: Bounds) -> bool:
        """Whether both numbers could be the same. Bounds that only touch do not overlap."""
        return (
            self.low < other.high - _ROUNDING_ERROR and other.low < self.high - _ROUNDING_ERROR
        ) or self.value == other.value

    def apart(self, other: Bounds) -> bool:
        """Whether the numbers surely differ."""
        return self.certain and other.certain and not self.overlaps(other)


def exact(value: float) -> Bounds:
    """A number that is known as it is."""
    return Bounds(value, value, value)


def latency_ms(row: StudyRow) -> Bounds | None:
    """Time an image, ms."""
    value = row.latency_ms
    if row.status != "ok" or value is None:
        return None
    if row.source == "published":
        return Bounds(value, value - LATENCY_ROUNDING_MS, value + LATENCY_ROUNDING_MS)
    low, high = row.latency_ms_low, row.latency_ms_high
    if low is None or high is None:
        return Bounds(value, value, value, certain=False)
    return Bounds(value, low, high)


def memory_mib(row: StudyRow) -> Bounds | None:
    """Memory at the row's batch size, MiB, on the row's basis."""
    value = row.memory_mib
    if row.memory_status != "ok" or value is None:
        return None
    if row.source == "published":
        return Bounds(value, value - MEMORY_ROUNDING_MIB, value + MEMORY_ROUNDING_MIB)
    return exact(value)


def top1(row: StudyRow, model: ModelRow | None = None) -> Bounds | None:
    """The accuracy that ``row`` is ranked by, per cent.

    The interval of a measured one stands in ``model``, the network's row of models.csv; without
    one the number is not certain.
    """
    value, source = row.top1, row.accuracy_source
    if value is None:
        return None
    kind, _, detail = (source or "").partition(":")
    if kind == "published" and detail in TOP1_ROUNDING:
        return Bounds(value, value - TOP1_ROUNDING[detail], value + TOP1_ROUNDING[detail])
    if model is not None and model.top1_source == source:
        low, high = model.top1_low, model.top1_high
        if low is not None and high is not None:
            return Bounds(value, low, high)
    return Bounds(value, value, value, certain=False)
