"""Bounds that a number lies between, and where they come from.

- Latency measured in several processes has a confidence interval; a single process leaves its
  bounds unknown.
- An interval whose ends differ by more than a factor of two is *wide*: the number is very
  uncertain, and such an interval never shows that a limit is met.
- Measured memory repeats within ``MEMORY_REPEATS_MIB`` and counts as exact.
- A published number was rounded (:mod:`dnnbench.tables.published`).
- Measured accuracy has a confidence interval.

A number that is unknown has no bounds (``None``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from dnnbench.core.formatting import is_wide
from dnnbench.records.published_study import LATENCY_ROUNDING_MS, MEMORY_ROUNDING_MIB, TOP1_ROUNDING

if TYPE_CHECKING:
    from dnnbench.records.study_records import ModelRow, StudyRow

Kind = Literal["interval", "wide", "rounding", "exact", "unknown"]

# Two readings of the same network; see docs/explanation/memory.md.
MEMORY_REPEATS_MIB = 2.0

# Sums of decimal fractions are off by less than this.
_ROUNDING_ERROR = 1e-9


@dataclass(frozen=True)
class Bounds:
    """A number and its bounds, which are of one ``kind``.

    If the number is exact, or its bounds are unknown, ``low`` and ``high`` equal ``value``.
    """

    value: float
    low: float
    high: float
    kind: Kind = "interval"

    @property
    def certain(self) -> bool:
        """Whether the bounds are known."""
        return self.kind != "unknown"

    @property
    def decisive(self) -> bool:
        """Whether the bounds can show that a limit is met."""
        return self.kind not in ("unknown", "wide")

    def times(self, factor: float) -> Bounds:
        """Return the number in another unit."""
        return Bounds(self.value * factor, self.low * factor, self.high * factor, self.kind)

    def inverse(self, numerator: float) -> Bounds:
        """Return ``numerator`` divided by the number."""
        return Bounds(
            numerator / self.value, numerator / self.high, numerator / self.low, self.kind
        )

    def overlaps(self, other: Bounds) -> bool:
        """Return whether both numbers could be equal.

        Bounds that only touch do not overlap.
        """
        return (
            self.low < other.high - _ROUNDING_ERROR and other.low < self.high - _ROUNDING_ERROR
        ) or self.value == other.value

    def apart(self, other: Bounds) -> bool:
        """Return whether the numbers certainly differ."""
        return self.certain and other.certain and not self.overlaps(other)


def exact(value: float) -> Bounds:
    """Return a number without uncertainty."""
    return Bounds(value, value, value, "exact")


def latency_ms(row: StudyRow) -> Bounds | None:
    """Return latency, ms per image; ``None`` if the cell has none."""
    value = row.latency_ms
    if row.status != "ok" or value is None:
        return None
    if row.source == "published":
        return _rounded(value, LATENCY_ROUNDING_MS)
    low, high = row.latency_ms_low, row.latency_ms_high
    if low is None or high is None:
        return _unbounded(value)
    return _interval(value, low, high)


def memory_mib(row: StudyRow) -> Bounds | None:
    """Return memory at the row's batch size and basis, in MiB; None if unknown."""
    value = row.memory_mib
    if row.memory_status != "ok" or value is None:
        return None
    if row.source == "published":
        return _rounded(value, MEMORY_ROUNDING_MIB)
    return exact(value)


def top1(row: StudyRow, model: ModelRow | None = None) -> Bounds | None:
    """Return the top-1 accuracy that ranks ``row``, in percent; None if unknown.

    The interval of a measured accuracy is in ``row``, or in ``model``, the network's row of
    models.csv. Otherwise, its bounds are unknown.
    """
    value, source = row.top1, row.accuracy_source
    if value is None:
        return None
    kind, _, detail = (source or "").partition(":")
    if kind == "published" and detail in TOP1_ROUNDING:
        return _rounded(value, TOP1_ROUNDING[detail])
    if row.top1_low is not None and row.top1_high is not None:
        return _interval(value, row.top1_low, row.top1_high)
    if model is not None and model.top1_source == source:
        low, high = model.top1_low, model.top1_high
        if low is not None and high is not None:
            return _interval(value, low, high)
    return _unbounded(value)


def _interval(value: float, low: float, high: float) -> Bounds:
    return Bounds(value, low, high, "wide" if is_wide(low, high) else "interval")


def _rounded(value: float, half: float) -> Bounds:
    return Bounds(value, value - half, value + half, "rounding")


def _unbounded(value: float) -> Bounds:
    return Bounds(value, value, value, "unknown")
