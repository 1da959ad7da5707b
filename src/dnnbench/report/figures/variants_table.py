"""A device's variants: a row per network, a column per variant and batch size."""

from collections.abc import Sequence
from dataclasses import dataclass

from dnnbench.config.variants import REFERENCE
from dnnbench.core.formatting import LOSS_MARK, significant, span, stability_mark
from dnnbench.queries.wording import STATUSES
from dnnbench.records.study_records import VariantRow, loses_accuracy
from dnnbench.report.figures.identity import Identity


@dataclass(frozen=True)
class Cell:
    """A latency ratio with its interval, or a status; ``note`` is the tooltip."""

    text: str
    interval: str
    note: str


@dataclass(frozen=True)
class Table:
    """A table.

    ``heads`` are variants and batch sizes; ``lines`` are key, name, color, cells.
    """

    heads: list[tuple[str, list[int]]]
    lines: list[tuple[str, str, str, list[Cell]]]


def variants_table(rows: Sequence[VariantRow], identity: Identity) -> Table | None:
    """Return the table of one device's rows, in their order, or None without rows."""
    if not rows:
        return None
    sizes = sorted({row.batch_size for row in rows})
    variants = list(dict.fromkeys(row.variant for row in rows))
    cells = {(row.model, row.variant, row.batch_size): _cell(row) for row in rows}
    missing = Cell(STATUSES["not_measured"], "", "no results in the study")
    lines = []
    for model in dict.fromkeys(row.model for row in rows):
        who = identity.of(model)
        own = [cells.get((model, variant, size), missing) for variant in variants for size in sizes]
        lines.append((model, who["name"], who["color"], own))
    return Table([(variant, sizes) for variant in variants], lines)


def _cell(row: VariantRow) -> Cell:
    notes = []
    if row.memory_more_mib is not None:
        notes.append(f"memory {row.memory_more_mib:+,.0f} MiB")
    if row.built_ms is not None:
        notes.append(f"{significant(row.built_ms / 1000)} s to build")
    if row.largest_difference is not None:
        notes.append(
            f"logits differ by at most {row.largest_difference:.1g},"
            f" same top class for {row.top1_same:g}% of images"
        )
    if row.top1_change_low is not None:
        notes.append(
            f"top-1 {row.top1_change:+.2f} percentage points"
            f" ({row.top1_change_low:+.2f} to {row.top1_change_high:+.2f})"
        )
    if row.message:
        notes.append(row.message)
    if row.time_ratio is None:
        text = STATUSES.get(row.status, f"{REFERENCE} has no latency")
        return Cell(text, "", "; ".join(notes))
    if not row.rounds:
        notes.append(f"timed in another session than {REFERENCE}")
    loss = LOSS_MARK if loses_accuracy(row.top1_change_high) else ""
    return Cell(
        f"{significant(row.time_ratio)}{stability_mark(row.stability)}{loss}",
        span(row.time_ratio_low, row.time_ratio_high),
        "; ".join(notes),
    )
