"""``dnnbench compare``: two networks on one device, or two runs of a study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dnnbench.cli import completion, printing
from dnnbench.core.errors import UserError
from dnnbench.core.formatting import grouped, significant

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from dnnbench.cli.study_tables import Tables
    from dnnbench.queries.compare_networks import Comparison
    from dnnbench.queries.compare_runs import CellChange, DeviceChange, RunComparison, StatusChange

# What a quantity is called, and the unit it is shown in.
_QUANTITIES = {
    "time": ("ms an image", 1.0),
    "memory": ("MiB", 1.0),
    "top1": ("top-1, %", 1.0),
    "params": ("M parameters", 1e6),
    "macs": ("GMAC", 1e9),
}
_BETTER = {"time": "faster", "top1": "better"}
_CHANGES = {
    "slower": ("slower", "red"),
    "faster": ("faster", "green"),
    "cannot_tell": ("cannot tell", "yellow"),
}


def compare(
    a: Annotated[
        str,
        typer.Argument(
            metavar="A",
            help="A network, or a run: a folder of results.",
            autocompletion=completion.complete_network,
        ),
    ],
    b: Annotated[
        str,
        typer.Argument(
            metavar="B", help="Another of the same.", autocompletion=completion.complete_network
        ),
    ],
    device: completion.Device = None,
    results: completion.Results = completion.RESULTS,
) -> None:
    """Compare two networks on a device, or two runs of the study.

    Two networks: time as the ratio within rounds, memory, accuracy and size. A
    difference that its interval does not bear is called a tie.

    Two runs, before and after: what got slower, by how much, and whether the
    machine can tell. A run is a folder like results/, with study.csv and the
    rounds of each device: keep a copy of it before you measure again.

    Examples:

      dnnbench compare ResNet-50 DPN-68 --device cpu
      cp -r results before, then measure again, then:
      dnnbench compare before results
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
            f"{other}: no folder with a study.csv, as {run} is; name two runs or two networks"
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
        raise UserError(f"B: {b!r} is {pair[0]}, as A is; name another network")
    where = tables.device(device)
    rows = tables.rows(where)
    for key in pair:
        if not any(row.model == key for row in rows):
            raise UserError(
                f"{tables.results / 'study.csv'}: {key}: no row for {where};"
                " name another network, or add it to the study (params.yaml: models)"
            )
    timed = cell_lines.Timings(cell_lines.read(tables.results, where, REFERENCE))
    found = compare_networks.compare(rows, tables.models, timed, pair, tables.comparisons)
    console = printing.console()
    names = [tables.names[key] for key in pair]
    console.print(f"A: {names[0]}, B: {names[1]}, on {where}.\n", style="bold")
    unstable = {(row.model, row.batch_size) for row in rows if row.stable is False}
    _print_comparisons(console, found, pair, unstable)
    printing.print_set_aside(console, tables.set_aside_of(where))


def _print_comparisons(
    console: Console,
    found: Sequence[Comparison],
    pair: tuple[str, str],
    unstable: set[tuple[str, int]],
) -> None:
    columns = ("", "batch", "A", "B", "A against B", "verdict")
    table = printing.table(*columns, right=("batch", "A", "B"), whole=columns)
    for one in found:
        word, unit = _QUANTITIES[one.quantity]
        cells = []
        for key, value in zip(pair, (one.a, one.b), strict=True):
            mark = one.quantity == "time" and (key, one.batch_size or 0) in unstable
            text = "" if value is None else _number(one.quantity, value / unit)
            cells.append(text + printing.UNSTABLE * mark)
        size = "" if one.batch_size is None else str(one.batch_size)
        table.add_row(word, size, *cells, _difference(one, unit), _verdict(one))
    console.print(table)
    bases: dict[str, list[str]] = {}
    for one in found:
        words = bases.setdefault(one.basis, [])
        if (word := _QUANTITIES[one.quantity][0]) not in words:
            words.append(word)
    notes = [f"{', '.join(words)}: {basis}." for basis, words in bases.items()]
    if any((key, one.batch_size or 0) in unstable for key in pair for one in found):
        notes.append(f"{printing.UNSTABLE} not stable: dnnbench show says why.")
    console.print("\n" + "\n".join(notes), style="dim")


def _number(quantity: str, value: float) -> str:
    return f"{value:.2f}" if quantity == "top1" else significant(value)


def _difference(one: Comparison, unit: float) -> str:
    """The ratio of two times, or the difference of anything else, with its interval."""
    if one.difference is None:
        return ""
    if one.quantity == "time":
        return f"x {printing.with_bounds(one.difference, one.low, one.high)}"
    if one.low == one.high:  # Counted, and exact; or nothing is known of its bounds.
        sign = "-" if one.difference < 0 else "+" if one.difference > 0 else ""
        return f"{sign}{significant(abs(one.difference) / unit)}"
    digits = 2 if one.quantity == "top1" else 1
    numbers = (one.difference, one.low or 0.0, one.high or 0.0)
    value, low, high = (f"{number:+,.{digits}f}" for number in numbers)
    return f"{value} ({low} to {high})"


def _verdict(one: Comparison) -> Text:
    if one.verdict == "tie":
        return printing.styled("tie")
    if one.verdict == "cannot_tell":
        return printing.styled("cannot tell", "yellow")
    return printing.styled(f"{one.verdict.upper()} {_BETTER.get(one.quantity, 'smaller')}", "green")


# Two runs ------------------------------------------------------------------------------------


def _print_runs(console: Console, before: str, after: str, found: RunComparison) -> None:
    from dnnbench.cli.study_tables import network_names

    names = network_names()
    for device in found.devices:
        console.print(f"{device.device}: {before} (before), {after} (after).", style="bold")
        cells = [cell for cell in found.cells if cell.device == device.device]
        statuses = [change for change in found.statuses if change.device == device.device]
        console.print("\n".join(_about(device, cells)))
        _print_cells(console, cells, names)
        _print_statuses(console, statuses, names)


def _about(device: DeviceChange, cells: Sequence[CellChange]) -> list[str]:
    """What to know before the cells are read, a sentence a line."""
    from dnnbench.stats import disturbance

    lines = [f"{len(cells)} cells timed in both runs."]
    if device.repeated:
        lines.append(f"{device.repeated} more are one measurement in both, and not compared.")
    if not cells:
        return lines
    compute, memory = device.reference_compute, device.reference_memory
    if compute is not None and memory is not None:
        lines.append(
            f"The machine itself: its reference kernels took x {significant(compute)} (compute) and"
            f" x {significant(memory)} (memory) as long after. A change has to exceed that."
        )
        if max(compute, memory) > disturbance.MAX_REFERENCE:
            lines.append("So the machine was slower after, or had a neighbour.")
    if device.resolution is not None:
        lines.append(
            f"Half of the cells would not show a change below x {significant(device.resolution)}."
        )
    if device.other_code:
        lines.append(f"{device.other_code} were measured by other code or settings after.")
    return lines + [f"Not the same: {difference}." for difference in device.machine]


def _print_cells(console: Console, cells: Sequence[CellChange], names: Mapping[str, str]) -> None:
    """The cells that changed, or may have; the others as a number."""
    shown = [cell for cell in cells if cell.verdict != "same" and cell.low is not None]
    if shown:
        variants = len({cell.variant for cell in cells}) > 1
        way = ("variant",) if variants else ()
        columns = ("batch", "before, ms", "after, ms", "after / before", "verdict")
        table = printing.table("network", *way, *columns, right=columns[:3], whole=columns)
        for cell in shown:
            change = printing.with_bounds(cell.ratio, cell.low, cell.high)
            table.add_row(
                names.get(cell.model, cell.model),
                *((cell.variant,) if variants else ()),
                str(cell.batch_size),
                significant(cell.before_ms),
                significant(cell.after_ms),
                f"x {change}{printing.UNSTABLE if cell.unstable else ''}",
                printing.styled(*_CHANGES[cell.verdict]),
            )
        console.print()
        console.print(table)
    notes = _notes(shown)
    same = sum(cell.verdict == "same" for cell in cells)
    if same:
        notes.append(f"{same} of {len(cells)} cells: no change that this machine can tell.")
    unknown = sum(cell.low is None for cell in cells)
    if unknown:
        notes.append(f"{unknown} of {len(cells)} cells: cannot tell, for want of a second process.")
    if notes:
        console.print("\n" + "\n".join(notes))


def _notes(shown: Sequence[CellChange]) -> list[str]:
    """What the listed cells' numbers, marks and verdicts mean."""
    notes = []
    if shown:
        notes.append("ms an image; the 95 % interval of each is for itself alone.")
    if any(cell.unstable for cell in shown):
        notes.append(f"{printing.UNSTABLE} not stable in one of the runs.")
    if any(cell.verdict == "cannot_tell" for cell in shown):
        notes.append(
            "cannot tell: among so many cells some look like that by chance, or the machine itself"
            " changed as much."
        )
    return notes


def _print_statuses(
    console: Console, statuses: Sequence[StatusChange], names: Mapping[str, str]
) -> None:
    """Cells whose status is not the same in both, by what became of them."""
    variants = len({one.variant for one in statuses}) > 1
    changes = {
        f"{names.get(one.model, one.model)} x {one.batch_size}"
        + (f", {one.variant}" if variants else ""): " -> ".join(
            printing.status(status) if status else "not in the study"
            for status in (one.before, one.after)
        )
        for one in statuses
    }
    if changes:
        console.print(f"\nStatus changed: {grouped(changes)}.")
