"""``dnnbench show``: all that a study says of one network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from dnnbench.cli import completion, printing
from dnnbench.core.errors import UserError
from dnnbench.core.formatting import significant

if TYPE_CHECKING:
    from rich.console import Console

    from dnnbench.networks.registry import Network
    from dnnbench.records.study_records import ModelRow, StudyRow


def show(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL", help="A network.", autocompletion=completion.complete_network
        ),
    ],
    results: completion.Results = completion.RESULTS,
) -> None:
    """Show all that is known of a network, on every device.

    Examples:

      dnnbench show mobilenetv2
      dnnbench show "ResNeXt-101(32x4d)"
    """
    from dnnbench.cli.study_tables import Tables

    tables = Tables(results)
    key = tables.network(model)
    console = printing.console()
    console.print(f"{tables.names[key]} ({key})", style="bold")
    costs = tables.models.get(key)
    if network := _entry(key, costs):
        _print_network(console, network)
    if costs:
        _print_costs(console, costs)
    else:
        console.print(f"Not in this study: no row in {results / 'models.csv'}.")
    rows = [row for row in tables.study if row.model == key]
    if rows:
        _print_rows(console, rows)
    printing.print_set_aside(console, tables.set_aside)


def _entry(key: str, costs: ModelRow | None) -> Network | None:
    """A network's entry, or None where nothing says any more what it was."""
    from dnnbench.networks import model_list, registry

    spec = costs.spec if costs else registry.spec_of(key)
    try:
        return model_list.resolve(spec, source="MODEL").get(key)
    except UserError:
        return None


def _print_network(console: Console, network: Network) -> None:
    size = network.input_size
    origin = f", {network.year} ({network.venue})" if network.year else ""
    console.print(f"{network.family}{origin}; input {size} x {size}.")
    if network.spec != network.key:
        console.print(f"In params.yaml: {network.spec}.")
    sources = dict.fromkeys(f"{one.library} (tier {one.tier})" for one in network.weights)
    console.print(f"Weights: {', '.join(sources) or 'no source known'}.")


def _print_costs(console: Console, row: ModelRow) -> None:
    if row.params is not None and row.weights_mib is not None:
        console.print(
            f"{row.params / 1e6:.2f} M parameters; weights {significant(row.weights_mib)} MiB."
        )
    if row.params_executed is not None and row.macs is not None:
        console.print(
            f"{row.params_executed / 1e6:.2f} M parameters run;"
            f" {significant(row.macs / 1e9)} G multiply-adds an image."
        )
    if row.uncounted_operators:
        console.print(f"Not among the multiply-adds: work of {row.uncounted_operators}.")
    if row.complexity_message:
        console.print(f"Counting: {row.complexity_message}.")
    for number in (1, 5):
        value, low, high, source, measured, published = (
            getattr(row, f"top{number}{part}")
            for part in ("", "_low", "_high", "_source", "_measured", "_published")
        )
        text = f"Top-{number}: " + ("not known" if value is None else f"{value:.2f} % ({source})")
        if low is not None and high is not None:
            text += f", 95 % interval {low:.2f} to {high:.2f}"
        # What it is not ranked by stands beside it.
        for word, other in (("measured", measured), ("published", published)):
            if other is not None and other != value:
                text += f"; {word} {other:.2f} %"
        console.print(f"{text}.")


def _print_rows(console: Console, rows: Sequence[StudyRow]) -> None:
    # Named only where there is more than one.
    variants = len({row.variant for row in rows}) > 1
    way = ("variant",) if variants else ()
    columns = ("device", *way, "batch", "ms an image", "images/s", "MiB")
    whole = [column for column in columns if column not in way]
    table = printing.table(*columns, right=("batch", "images/s", "MiB"), whole=whole)
    for row in rows:
        time = printing.status(row.status)
        if row.latency_ms is not None:
            mark = printing.UNSTABLE if row.stable is False else ""
            low, high = row.latency_ms_low, row.latency_ms_high
            time = printing.with_bounds(row.latency_ms, low, high) + mark
        memory = printing.status(row.memory_status)
        if row.memory_mib is not None:
            memory = f"{row.memory_mib:,.0f}"
        fps = "" if row.fps is None else significant(row.fps)
        named = (row.variant,) if variants else ()
        table.add_row(row.device, *named, str(row.batch_size), time, fps, memory)
    console.print()
    console.print(table)
    notes = []
    for row in rows:
        if row.unstable_reason:
            mark = f"{printing.UNSTABLE} not stable: " if row.stable is False else ""
            cell = f"{row.device} x {row.batch_size}"
            cell += f", {row.variant}" if variants else ""
            notes.append(f"{cell}: {mark}{row.unstable_reason}.")
    bases = {row.device: row.memory_basis for row in rows if row.memory_basis}
    if bases:
        listed = ", ".join(f"{device}: {basis}" for device, basis in bases.items())
        notes.append(f"Memory basis: {listed}.")
    if notes:
        console.print("\n" + "\n".join(notes), style="dim")
