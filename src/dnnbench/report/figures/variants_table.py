"""A device's table of other ways of running: a network a line, a way and batch size a column."""

from collections.abc import Sequence
from dataclasses import dataclass

from dnnbench.config.variants import REFERENCE
from dnnbench.core.formatting import STATUS_WORDS, UNSTABLE_MARK, significant, span
from dnnbench.records.study_records import VariantRow
from dnnbench.report.figures.identity import Identity


@dataclass(frozen=True)
class Cell:
    """A ratio of times with its interval, or a status; ``note`` is what a closer look shows."""

    text: str
    interval: str
    note: str


@dataclass(frozen=True)
class Table:
    """``heads``: ways and the batch sizes below each; ``lines``: key, name, colour, cells."""

    heads: list[tuple[str, list[int]]]
    lines: list[tuple[str, str, str, list[Cell]]]


def variants_table(rows: Sequence[VariantRow], identity: Identity) -> Table | None:
    """The table of one device's rows, in their order; None where there are none."""
    if not rows:
        return None
    sizes = sorted({row.batch_size for row in rows})
    ways = list(dict.fromkeys(row.variant for row in rows))
    cells = {(row.model, row.variant, row.batch_size): _cell(row) for row in rows}
    missing = Cell(STATUS_WORDS["not_measured"], "", "no row in the study")
    lines = []
    for model in dict.fromkeys(row.model for row in rows):
        who = identity.of(model)
        own = [cells.get((model, way, size), missing) for way in ways for size in sizes]
        lines.append((model, who["name"], who["colour"], own))
    return Table([(way, sizes) for way in ways], lines)


def _cell(row: VariantRow) -> Cell:
    notes = []
    if row.memory_more_mib is not None:
        notes.append(f"memory {row.memory_more_mib:+,.0f} MiB")
    if row.built_ms is not None:
        notes.append(f"{significant(row.built_ms / 1000)} s to build")
    if row.largest_difference is not None:
        notes.append(
            f"logits within {row.largest_difference:.1g}, {row.top1_same:g} % of best classes same"
        )
    if row.message:
        notes.append(row.message)
    if row.time_ratio is None:
        text = STATUS_WORDS.get(row.status, f"{REFERENCE} has no time")
        return Cell(text, "", "; ".join(notes))
    if not row.rounds:
        notes.append(f"timed in another session than {REFERENCE}")
    mark = UNSTABLE_MARK if row.stable is False else ""
    return Cell(
        f"{significant(row.time_ratio)}{mark}",
        span(row.time_ratio_low, row.time_ratio_high),
        "; ".join(notes),
    )
