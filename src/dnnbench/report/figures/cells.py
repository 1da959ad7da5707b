"""Cells of latency and memory tables: a number with its grade, or a status.

Both the drawn tables and the page's tables use these cells, so they cannot disagree.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from dnnbench.core.formatting import (
    LOSS_MARK,
    PREDICTED_MARK,
    VERY_UNCERTAIN,
    significant,
    span,
    stability_mark,
)
from dnnbench.core.units import MIB_PER_GIB
from dnnbench.queries.wording import STATUSES
from dnnbench.records.labels import memory_basis
from dnnbench.report.figures.configurations import (
    Cost,
    alternatives,
    leading,
    loses,
    variants_of,
)
from dnnbench.report.figures.identity import Identity, Row, rows

# The classes of the 2018 study. Every cell has the letter too, for readers who cannot see colors.
GRADES = "ABCD"
GRADE_COLORS = dict(zip(GRADES, ("#8fd0b0", "#d3ebc0", "#fbdc9c", "#f2a48c"), strict=True))
STATUS_COLOR = "#e4e6e9"
LATENCY_RANGES = (
    "60 images/s or more",
    "30 to 60 images/s",
    "15 to 30 images/s",
    "below 15 images/s",
)
MEMORY_RANGES = ("up to 0.7 GiB", "0.7 to 1.0 GiB", "1.0 to 1.4 GiB", "above 1.4 GiB")
_MIN_FPS = (60, 30, 15)
_MAX_GIB = (0.7, 1.0, 1.4)


@dataclass(frozen=True)
class Cell:
    """A number with its grade, or a status without one; ``note`` is the tooltip.

    ``variant`` is empty if the table has only one.
    """

    text: str
    grade: str | None
    note: str
    interval: str = ""
    value: float | None = None
    mark: str = ""
    variant: str = ""


@dataclass(frozen=True)
class Line:
    """One network's row of a table."""

    model: str
    name: str
    color: str
    cells: list[Cell]


@dataclass(frozen=True)
class Table:
    """A table of networks by batch size, best first; ``ranges`` defines the grades."""

    quantity: str
    batch_sizes: list[int]
    lines: list[Line]
    ranges: tuple[str, ...]


def device_rows(study: pd.DataFrame, device: str) -> list[Row]:
    """Return a device's rows of the study."""
    return rows(study[study["device"] == device])


def borrowed_memory(device_rows: Sequence[Row]) -> str | None:
    """Return the device that the rows' memory is from, if it is another one."""
    for row in device_rows:
        if row["memory_basis"] and ":" in row["memory_basis"]:
            return str(row["memory_basis"].split(":", 1)[1])
    return None


def time_table(device_rows: Sequence[Row], identity: Identity) -> Table:
    """Return latency in ms per image by batch size, fastest network first.

    Of several variants, a cell shows the fastest one that keeps the accuracy.
    """
    quantity = "Latency (ms per image)"
    return _table(device_rows, identity, "latency_ms", quantity, _latency_cell, LATENCY_RANGES)


def memory_table(device_rows: Sequence[Row], identity: Identity) -> Table:
    """Return memory in MiB by batch size, least memory first.

    Of several variants, a cell shows the one with the least memory that keeps the accuracy.
    """
    return _table(device_rows, identity, "memory_mib", "Memory (MiB)", _memory_cell, MEMORY_RANGES)


def source_text(row: Row) -> str:
    """Return where a row's latency and memory come from."""
    if row["source"] == "predicted":
        return "predicted from the networks that were timed"
    if row["source"] != "measured":
        return f"{row['source']}, protocol {row['protocol']}"
    return f"measured, session {row['session']}, protocol {row['protocol']}"


def latency_text(row: Row) -> str:
    """Return a latency with its interval, or the status if there is none."""
    if row["latency_ms"] is None:
        return _status(row["status"])
    return _with_span(
        f"{significant(row['latency_ms'])} ms", row["latency_ms_low"], row["latency_ms_high"]
    )


def fps_text(row: Row) -> str:
    """Return images per second with the interval, or the status if there is none."""
    if row["fps"] is None:
        return _status(row["status"])
    low, high = fps_interval(row)
    return _with_span(f"{significant(row['fps'])} images/s", low, high)


def fps_interval(row: Row) -> tuple[float | None, float | None]:
    """Return the interval of the latency, converted to images per second."""
    low, high = row["latency_ms_low"], row["latency_ms_high"]
    if low is None or high is None:
        return None, None
    return 1000 / high, 1000 / low


def memory_text(row: Row) -> str:
    """Return memory with its basis, or the status if there is none."""
    if row["memory_mib"] is None:
        return _status(row["memory_status"])
    return f"{significant(row['memory_mib'], 4)} MiB ({memory_basis(row['memory_basis'])})"


def stability_text(row: Row) -> str:
    """Return whether the latency is stable, noisy or disturbed, with the reason if there is one."""
    verdict, reason = row["stability"], row["stability_reason"]
    return ": ".join(filter(None, (verdict, reason))) or "not recorded"


def _table(
    device_rows: Sequence[Row],
    identity: Identity,
    cost: Cost,
    quantity: str,
    cell: Callable[[Row], Cell],
    ranges: tuple[str, ...],
) -> Table:
    batch_sizes = sorted({int(row["batch_size"]) for row in device_rows})
    several = len(variants_of(device_rows)) > 1
    rivals = alternatives(device_rows)
    by_model: dict[str, dict[int, Cell]] = {}
    for row in leading(device_rows, cost):
        model, size = row["model"], int(row["batch_size"])
        shown = _among(cell, row, rivals[model, size]) if several else cell(row)
        by_model.setdefault(model, {})[size] = shown
    missing = Cell(STATUSES["not_measured"], None, "no results in the study")
    lines = []
    for model, cells in by_model.items():
        who = identity.of(model)
        in_order = [cells.get(size, missing) for size in batch_sizes]
        lines.append(Line(model, who["name"], who["color"], in_order))
    lines.sort(key=lambda line: ([_rank(cell) for cell in line.cells], line.model))
    return Table(quantity, batch_sizes, lines, ranges)


def _among(cell: Callable[[Row], Cell], row: Row, rivals: Sequence[Row]) -> Cell:
    """Return the cell of a variant, with the numbers of the others in its tooltip."""
    own = cell(row)
    others = [(other["variant"], cell(other), other) for other in rivals if other is not row]
    listed = ", ".join(
        f"{variant} {theirs.text}{_loss(other)}" for variant, theirs, other in others
    )
    return replace(
        own,
        note="; ".join(filter(None, [row["variant"], own.note, listed])),
        mark=own.mark + _loss(row),
        variant=row["variant"] if own.grade else "",
    )


def _loss(row: Row) -> str:
    return LOSS_MARK if loses(row) else ""


def _rank(cell: Cell) -> float:
    return float("inf") if cell.value is None else cell.value


def _latency_cell(row: Row) -> Cell:
    value = row["latency_ms"]
    if value is None:
        return Cell(_status(row["status"]), None, source_text(row))
    fps = 1000 / value
    grade = next((g for g, least in zip(GRADES, _MIN_FPS, strict=False) if fps >= least), "D")
    return Cell(
        text=significant(value),
        grade=grade,
        note="; ".join([fps_text(row), stability_text(row), source_text(row)]),
        interval=span(row["latency_ms_low"], row["latency_ms_high"]),
        value=value,
        mark=PREDICTED_MARK if row["source"] == "predicted" else stability_mark(row["stability"]),
    )


def _memory_cell(row: Row) -> Cell:
    value = row["memory_mib"]
    if value is None:
        return Cell(_status(row["memory_status"]), None, source_text(row))
    gib = value / MIB_PER_GIB
    # Published memory is rounded to GiB; rounding errors must not push 1.4 GiB into the next grade.
    grade = next((g for g, most in zip(GRADES, _MAX_GIB, strict=False) if gib <= most + 1e-9), "D")
    return Cell(
        text=f"{value:,.0f}",
        grade=grade,
        note=f"{significant(gib)} GiB, {memory_basis(row['memory_basis'])}; {source_text(row)}",
        value=value,
    )


def _status(status: str) -> str:
    return STATUSES.get(status, status)


def _with_span(text: str, low: float | None, high: float | None) -> str:
    interval = span(low, high)
    if interval and interval != VERY_UNCERTAIN:
        interval = f"95% interval {interval}"
    return f"{text} ({interval})" if interval else text
