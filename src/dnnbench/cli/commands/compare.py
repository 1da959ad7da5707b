"""``dnnbench compare``: compare two networks on a device, or two runs of a study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dnnbench.cli import completion, messages, printing
from dnnbench.core.errors import UserError
from dnnbench.core.formatting import grouped, several, significant
from dnnbench.records import labels

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from dnnbench.cli.study_tables import Tables
    from dnnbench.queries.compare_networks import Comparison
    from dnnbench.queries.compare_runs import CellChange, DeviceChange, RunComparison, StatusChange

# Values are divided by these before they are shown.
_SCALES = {"params": 1e6, "macs": 1e9}


def compare(
    a: Annotated[
        str,
        typer.Argument(
            metavar="A",
            help="Network, or folder with the results of a run.",
            autocompletion=completion.complete_network,
        ),
    ],
    b: Annotated[
        str,
        typer.Argument(
            metavar="B",
            help="Second network or run.",
            autocompletion=completion.complete_network,
        ),
    ],
    device: completion.Device = None,
    results: completion.Results = completion.RESULTS,
) -> None:
    """Compare two networks on a device, or two runs of a study.

    For two networks: compare latency (round by round), memory, top-1 accuracy,
    parameters, and multiply-adds. If the range of a difference includes equality,
    the verdict is "tie".

    For two runs, before and after: list the cells that became slower or faster,
    and by how much. Pass two results folders, each with study.csv and the rounds
    of each device. Copy results/ before you measure again.

    Examples:

      dnnbench compare ResNet-50 DPN-68 --device cpu
      dnnbench compare old_results/ results/
    """
    from dnnbench.cli.study_tables import Tables
    from dnnbench.queries import compare_runs

    folders = [compare_runs.is_run(Path(name)) for name in (a, b)]
    if all(folders):
        console = printing.console()
        _print_runs(console, a, b, compare_runs.compare_runs(Path(a), Path(b), device))
        for run in (a, b):
            printing.print_set_aside(console, Tables(Path(run)).set_aside)
    elif any(folders):
        run, other = (a, b) if folders[0] else (b, a)
        raise UserError(
            f"{other}: not a folder with a study.csv, unlike {run}. Name two runs or two networks."
        )
    else:
        _networks(Tables(results), a, b, device)


# Two networks --------------------------------------------------------------------------------


def _networks(tables: Tables, a: str, b: str, device: str | None) -> None:
    from dnnbench.config.variants import REFERENCE
    from dnnbench.queries import compare_networks
    from dnnbench.tables import cell_lines

    pair = tables.network(a, "A"), tables.network(b, "B")
    if pair[0] == pair[1]:
        raise UserError(f"B: {b!r}: the same network as A ({pair[0]}). Name another network.")
    where = tables.device(device)
    rows = tables.rows(where)
    for key in pair:
        if not any(row.model == key for row in rows):
            raise UserError(
                f"{tables.results / 'study.csv'}: {key}: no row for {where}."
                " Name another network, or add it to the study (params.yaml: models)."
            )
    timed = cell_lines.Timings(cell_lines.read(tables.results, where, REFERENCE))
    found = compare_networks.compare(rows, tables.models, timed, pair, tables.comparisons)
    console = printing.console()
    names = [tables.names[key] for key in pair]
    title = f"A: {names[0]}, B: {names[1]}, on {labels.device(where)}.\n"
    console.print(title, style="bold")
    unstable = {(row.model, row.batch_size) for row in rows if row.stability in labels.NOT_STABLE}
    _print_comparisons(console, found, pair, unstable)
    printing.print_set_aside(console, tables.set_aside_of(where))


def _print_comparisons(
    console: Console,
    found: Sequence[Comparison],
    pair: tuple[str, str],
    unstable: set[tuple[str, int]],
) -> None:
    columns = ("", "batch", "A", "B", "A vs. B", "verdict")
    whole = [column for column in columns if column != "A vs. B"]
    table = printing.table(*columns, right=("batch", "A", "B"), whole=whole)
    for one in found:
        scale = _SCALES.get(one.quantity, 1.0)
        cells = []
        for key, value in zip(pair, (one.a, one.b), strict=True):
            mark = one.quantity == "time" and (key, one.batch_size or 0) in unstable
            text = "" if value is None else _number(one.quantity, value / scale)
            cells.append(text + printing.UNSTABLE * mark)
        size = "" if one.batch_size is None else str(one.batch_size)
        quantity = messages.QUANTITIES[one.quantity]
        table.add_row(quantity, size, *cells, _difference(one, scale), _verdict(one))
    printing.print_table(console, table)
    bases: dict[str, list[str]] = {}
    for one in found:
        words = bases.setdefault(one.basis, [])
        if (word := messages.QUANTITIES_IN_NOTES[one.quantity]) not in words:
            words.append(word)
    notes = [messages.DIFFERENCES]
    notes += [f"{', '.join(words).capitalize()}: {basis}." for basis, words in bases.items()]
    if any(one.verdict == "tie" for one in found):
        notes.append(messages.TIE)
    if any((key, one.batch_size or 0) in unstable for key in pair for one in found):
        notes.append(messages.UNSTABLE)
    console.print("\n" + "\n".join(notes), style="dim")


def _number(quantity: str, value: float) -> str:
    return f"{value:.2f}" if quantity == "top1" else significant(value)


def _difference(one: Comparison, scale: float) -> str:
    """Return the ratio of latencies, or the difference of others, with its interval."""
    if one.difference is None:
        return ""
    if one.quantity == "time":
        return f"x {printing.with_bounds(one.difference, one.low, one.high)}"
    if one.low == one.high:  # Exact, or of unknown bounds.
        sign = "-" if one.difference < 0 else "+" if one.difference > 0 else ""
        return f"{sign}{significant(abs(one.difference) / scale)}"
    digits = 2 if one.quantity == "top1" else 1 if abs(one.difference) < 1000 else 0
    numbers = (one.difference, one.low or 0.0, one.high or 0.0)
    value, low, high = (f"{number:+,.{digits}f}" for number in numbers)
    return f"{value} ({low} to {high})"


def _verdict(one: Comparison) -> Text:
    from dnnbench.queries import wording

    if one.verdict == "tie":
        return printing.styled("tie")
    if one.verdict == "cannot_tell":
        return printing.styled(wording.text("cannot_tell"), "yellow")
    better = messages.BETTER.get(one.quantity, messages.SMALLER)
    return printing.styled(better.format(network=one.verdict.upper()), "green")


# Two runs ------------------------------------------------------------------------------------


def _print_runs(console: Console, before: str, after: str, found: RunComparison) -> None:
    from dnnbench.cli.study_tables import network_names

    names = network_names()
    for device in found.devices:
        title = f"{labels.device(device.device)}: {before} (before), {after} (after)."
        console.print(title, style="bold")
        cells = [cell for cell in found.cells if cell.device == device.device]
        statuses = [change for change in found.statuses if change.device == device.device]
        console.print("\n".join(_about(device, cells)))
        _print_cells(console, cells, names)
        _print_statuses(console, statuses, names)


def _about(device: DeviceChange, cells: Sequence[CellChange]) -> list[str]:
    """Return the facts about a device that precede its cells, one sentence per line."""
    from dnnbench.stats import disturbance

    lines = [messages.numbered(messages.CELLS, len(cells))]
    if device.repeated:
        lines.append(messages.numbered(messages.REPEATED, device.repeated))
    if not cells:
        return lines
    compute, memory = device.reference_compute, device.reference_memory
    if compute is not None and memory is not None:
        factors = {"compute": significant(compute), "memory": significant(memory)}
        lines.append(messages.REFERENCE_KERNELS.format_map(factors))
        if max(compute, memory) > disturbance.MAX_REFERENCE:
            lines.append(messages.MACHINE_SLOWER)
    if device.resolution is not None:
        lines.append(messages.RESOLUTION.format(factor=significant(device.resolution)))
    if device.other_code:
        lines.append(messages.numbered(messages.OTHER_CODE, device.other_code))
    return lines + [messages.DIFFERENT.format(difference=one) for one in device.machine]


def _print_cells(console: Console, cells: Sequence[CellChange], names: Mapping[str, str]) -> None:
    """Print the cells that changed or are inconclusive, and count the others."""
    shown = [cell for cell in cells if cell.verdict != "same" and cell.low is not None]
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
                f"x {change}{printing.UNSTABLE if cell.unstable else ''}",
                printing.styled(*messages.CHANGES[cell.verdict]),
            )
        console.print()
        printing.print_table(console, table)
    notes = _notes(shown)
    of = several(len(cells), "cell")
    same = sum(cell.verdict == "same" for cell in cells)
    if same:
        notes.append(messages.SAME.format(same=same, cells=of))
    unknown = sum(cell.low is None for cell in cells)
    if unknown:
        notes.append(messages.NO_INTERVAL.format(unknown=unknown, cells=of))
    if notes:
        console.print("\n" + "\n".join(notes))


def _notes(shown: Sequence[CellChange]) -> list[str]:
    """Return the meaning of the listed cells' numbers, marks and verdicts."""
    notes = []
    if shown:
        notes.append(messages.CELL_INTERVALS)
    if any(cell.unstable for cell in shown):
        notes.append(messages.UNSTABLE_RUN)
    if any(cell.verdict == "cannot_tell" for cell in shown):
        notes.append(messages.INCONCLUSIVE_CHANGE)
    return notes


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
