"""Configurations of a network that a figure compares: its variants at one batch size.

The variants of a network compete only as long as they keep its accuracy.
"""

from collections.abc import Iterable, Sequence
from typing import Literal

from dnnbench.config.variants import REFERENCE
from dnnbench.records.study_records import loses_accuracy
from dnnbench.report.figures.identity import Row

Cost = Literal["latency_ms", "memory_mib"]


def variants_of(device_rows: Iterable[Row]) -> list[str]:
    """Return the variants in these rows, fp32-eager first, then in the order of the rows."""
    found = dict.fromkeys(row["variant"] for row in device_rows)
    return sorted(found, key=lambda variant: variant != REFERENCE)


def loses(row: Row) -> bool:
    """Return whether top-1 accuracy is certainly lower by more than a point than in fp32-eager."""
    return loses_accuracy(row["top1_change_high"])


def keeps_accuracy(row: Row) -> bool:
    """Return whether a variant's accuracy is known, and not certainly lower by more than a point.

    ``fp32-eager`` keeps its accuracy even if that is unknown.
    """
    known = row["variant"] == REFERENCE or row["top1_change"] is not None
    return known and not loses(row)


def leading(device_rows: Iterable[Row], cost: Cost) -> list[Row]:
    """Return the configuration with the lowest cost of each network and batch size.

    It has to keep the accuracy, unless none does. A measurement precedes any prediction. Without a
    number, fp32-eager comes first, for its status.
    """
    return [_lowest(rows, cost) for rows in alternatives(device_rows).values()]


def alternatives(device_rows: Iterable[Row]) -> dict[tuple[str, int], list[Row]]:
    """Return the rows of each network and batch size, one per variant."""
    found: dict[tuple[str, int], list[Row]] = {}
    for row in device_rows:
        found.setdefault((row["model"], int(row["batch_size"])), []).append(row)
    return found


def _lowest(rows: Sequence[Row], cost: Cost) -> Row:
    def order(row: Row) -> tuple[bool, bool, float, bool]:
        value = row[cost]
        predicted = row["source"] == "predicted"
        return value is None, predicted, value or 0.0, row["variant"] != REFERENCE

    return min([row for row in rows if keeps_accuracy(row)] or rows, key=order)
