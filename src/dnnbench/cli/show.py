"""``dnnbench show``, ``devices`` and ``models``: what the study says, without a question."""

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console

from dnnbench.cli import completion, printing
from dnnbench.cli.study_tables import Tables
from dnnbench.core.errors import UserError
from dnnbench.core.formatting import significant
from dnnbench.core.storage import read_json
from dnnbench.networks import model_list, registry
from dnnbench.networks.registry import Network
from dnnbench.records import paths
from dnnbench.records.environment_records import Environment
from dnnbench.records.study_records import ModelRow, StudyRow
from dnnbench.report.figures.figure_names import device_label


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


def devices(results: completion.Results = completion.RESULTS) -> None:
    """List the devices of the study, and what was measured on them.

    Example:

      dnnbench devices
    """
    tables = Tables(results)
    columns = ("device", "networks", "cells", "not stable", "batch sizes", "where from")
    table = printing.table(*columns, right=columns[1:4], whole=columns[:4])
    for device in tables.devices:
        rows = tables.rows(device)
        timed = [row for row in rows if row.status == "ok" and row.source != "predicted"]
        sizes = sorted({row.batch_size for row in rows})
        table.add_row(
            device,
            f"{len({row.model for row in timed})}/{len({row.model for row in rows})}",
            f"{len(timed)}/{len(rows)}",
            str(sum(row.stable is False for row in timed)) if rows[0].source == "measured" else "",
            ", ".join(map(str, sizes)),
            _where_from(tables, device, rows),
        )
    console = printing.console()
    console.print(table)
    console.print("\nNetworks and cells with a time, of those in the study.", style="dim")


def models(results: completion.Results = completion.RESULTS) -> None:
    """List the networks, their accuracy and what they cost; the study's first.

    Example:

      dnnbench models
    """
    tables = Tables(results)
    columns = ("key", "network", "top-1, %", "from", "M par.", "GMAC")
    table = printing.table(
        *columns, right=("top-1, %", "M par.", "GMAC"), whole=("key", *columns[2:])
    )
    # The names begin with the registry's networks, and the study may lack some of them.
    for key in sorted(tables.names, key=lambda key: key not in tables.models):
        row = tables.models.get(key)
        table.add_row(
            key,
            tables.names[key],
            f"{row.top1:.2f}" if row and row.top1 is not None else "",
            (row.top1_source or "not known") if row else "not in this study",
            f"{row.params_executed / 1e6:.1f}" if row else "",
            significant(row.macs / 1e9) if row else "",
        )
    console = printing.console()
    console.print(table)
    console.print(
        "\nParameters: those that run. GMAC: 10^9 multiply-adds of one image.", style="dim"
    )


def _where_from(tables: Tables, device: str, rows: Sequence[StudyRow]) -> str:
    if rows[0].source != "measured":
        return device_label(device)
    path = paths.under(tables.results, paths.ENVIRONMENT, device=device)
    parts = []
    if path.exists():
        machine = read_json(path, Environment)
        parts.append(f"{machine.gpu or machine.cpu}, {machine.threads} threads")
    sessions = dict.fromkeys(session for row in rows for session in (row.session or "").split("+"))
    parts += [f"session {session}" for session in sessions if session]
    return "; ".join(parts) or "measured"


def _entry(key: str, costs: ModelRow | None) -> Network | None:
    """A network's entry, or None where nothing says any more what it was."""
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
    console.print(
        f"{row.params / 1e6:.2f} M parameters, {row.params_executed / 1e6:.2f} M of which run;"
        f" {significant(row.macs / 1e9)} G multiply-adds an image;"
        f" weights {significant(row.weights_mib)} MiB."
    )
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
