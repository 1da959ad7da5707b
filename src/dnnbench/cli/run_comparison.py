"""The answer of ``dnnbench compare RUN1 RUN2`` in a terminal."""

from collections.abc import Mapping, Sequence

from rich.console import Console

from dnnbench.cli import gate, messages, printing
from dnnbench.core.formatting import grouped, percent, several, significant, span, stability_mark
from dnnbench.queries.changes import CellChange, DeviceChange, RunComparison, StatusChange
from dnnbench.queries.regressions import Gate
from dnnbench.records import labels
from dnnbench.stats import disturbance

_CHANGE_STYLES = {"slower": "red", "faster": "green", "inconclusive": "yellow"}
_OUTCOME_STYLES = {"regression": "red", "inconclusive": "yellow", "pass": "green"}


def print_runs(
    console: Console, before: str, after: str, found: RunComparison, names: Mapping[str, str]
) -> None:
    """Print the changes of each device: of the machine, of cells, and of their statuses."""
    for device in found.devices:
        title = f"{labels.device(device.device)}: {before} (before), {after} (after)."
        console.print(title, style="bold")
        cells = [cell for cell in found.cells if cell.device == device.device]
        statuses = [change for change in found.statuses if change.device == device.device]
        repeated = sum(cell.device == device.device for cell in found.repeated)
        console.print("\n".join(_about(device, cells, repeated)))
        _print_cells(console, cells, names, found.margin)
        _print_statuses(console, statuses, names)


def _about(device: DeviceChange, cells: Sequence[CellChange], repeated: int) -> list[str]:
    """Return the facts about a device that precede its cells, one sentence per line."""
    lines = [messages.numbered(messages.CELLS, len(cells))]
    if repeated:
        lines.append(messages.numbered(messages.REPEATED, repeated))
    if not cells:
        return lines if repeated else [*lines, messages.NONE_COMPARED]
    compute, memory, common = device.reference_compute, device.reference_memory, device.common
    if compute is not None and memory is not None:
        factors = {"compute": significant(compute), "memory": significant(memory)}
        lines.append(messages.REFERENCE_KERNELS.format_map(factors))
    if common is not None:
        lines.append(messages.COMMON.format(factor=significant(common)))
    low, high = device.own
    if low < 1 or high > 1:
        lines.append(messages.OWN.format(low=significant(low), high=significant(high)))
    if high > disturbance.MAX_REFERENCE:
        lines.append(messages.MACHINE_SLOWER)
    if device.resolution is not None:
        lines.append(messages.RESOLUTION.format(factor=significant(device.resolution)))
    if device.other_code:
        lines.append(messages.numbered(messages.OTHER_CODE, device.other_code))
    return lines + [messages.DIFFERENT.format(difference=one) for one in device.machine]


def _print_cells(
    console: Console, cells: Sequence[CellChange], names: Mapping[str, str], margin: float
) -> None:
    """Print the cells that changed or might have, and count the others."""
    shown = [cell for cell in cells if _changed(cell)]
    if shown:
        variants = len({cell.variant for cell in cells}) > 1
        variant = ("variant",) if variants else ()
        columns = ("batch", "before", "after", "after / before", "verdict")
        table = printing.table("network", *variant, *columns, right=columns[:3], whole=columns)
        for cell in shown:
            change = printing.with_bounds(cell.ratio, cell.low, cell.high)
            table.add_row(
                names.get(cell.model, cell.model),
                *((cell.variant,) if variants else ()),
                str(cell.batch_size),
                significant(cell.before_ms),
                significant(cell.after_ms),
                f"x {change}{stability_mark(cell.stability)}",
                printing.styled(cell.verdict, _CHANGE_STYLES[cell.verdict]),
            )
        console.print()
        printing.print_table(console, table)
    notes = _notes(shown)
    of, within = several(len(cells), "cell"), percent(margin)
    if equivalent := sum(cell.verdict == "equivalent" for cell in cells):
        notes.append(messages.EQUIVALENT_CELLS.format(count=equivalent, cells=of, margin=within))
    quiet = sum(cell.verdict == "inconclusive" and not _changed(cell) for cell in cells)
    unknown = sum(cell.low is None for cell in cells)
    if quiet > unknown:
        fields = {"count": quiet - unknown, "cells": of, "margin": within}
        notes.append(messages.INCONCLUSIVE_CELLS.format_map(fields))
    if unknown:
        notes.append(messages.NO_INTERVAL.format(unknown=unknown, cells=of))
    if notes:
        console.print("\n" + "\n".join(notes))


def _changed(cell: CellChange) -> bool:
    """Return whether a cell changed, or its interval excludes 1 for some other reason."""
    if cell.low is None or cell.high is None or cell.verdict == "equivalent":
        return False
    return cell.verdict != "inconclusive" or not cell.low <= 1 <= cell.high


def _notes(shown: Sequence[CellChange]) -> list[str]:
    """Return the meaning of the listed cells' numbers, marks and verdicts."""
    notes = []
    if shown:
        notes.append(messages.CELL_INTERVALS)
    found = {cell.stability for cell in shown}
    notes += [note for stability, note in messages.MARKED_RUNS.items() if stability in found]
    if any(cell.verdict == "inconclusive" for cell in shown):
        notes.append(messages.INCONCLUSIVE_CHANGE)
    return notes + messages.uncertain(span(cell.low, cell.high) for cell in shown)


def _print_statuses(
    console: Console, statuses: Sequence[StatusChange], names: Mapping[str, str]
) -> None:
    """Print the cells whose status differs between the runs, grouped by the change."""
    variants = len({one.variant for one in statuses}) > 1
    changes = {
        f"{names.get(one.model, one.model)} x {one.batch_size}"
        + (f", {one.variant}" if variants else ""): " -> ".join(
            printing.status(status) if status else messages.NOT_IN_RUN
            for status in (one.before, one.after)
        )
        for one in statuses
    }
    if changes:
        console.print(f"\n{messages.STATUS_CHANGED.format(changes=grouped(changes))}")


# The gate ------------------------------------------------------------------------------------


def print_gate(console: Console, found: Gate, names: Mapping[str, str]) -> None:
    """Print the regressions, and how many checks passed or are inconclusive."""
    console.print()
    failed = [check for check in found.checks if check.outcome == "regression"]
    if failed:
        columns = ("device", "variant", "cell", "metric", "after / before")
        table = printing.table(*columns, whole=columns[:4])
        for check in failed:
            cell = gate.cell(check, names)
            table.add_row(check.device, check.variant or "", cell, check.metric, check.reason)
        printing.print_table(console, table)
        console.print()
    console.print(gate.verdict(found), style=_OUTCOME_STYLES[found.outcome])
