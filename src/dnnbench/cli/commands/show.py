"""``dnnbench show``: show the results of one network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from dnnbench.cli import completion, messages, output_forms, printing
from dnnbench.core.errors import UserError
from dnnbench.core.formatting import grouped, significant, stability_mark
from dnnbench.records import labels, paths

if TYPE_CHECKING:
    from rich.console import Console

    from dnnbench.networks.registry import Network
    from dnnbench.records.study_records import ModelRow, StudyRow


def show(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="Network, by name or key; see `dnnbench models`.",
            autocompletion=completion.complete_network,
        ),
    ],
    results: completion.Results = completion.RESULTS,
    as_json: output_forms.Json = False,
    as_csv: output_forms.Csv = False,
) -> None:
    """Show the cost of a network, and its results on every device.

    Examples:

      dnnbench show mobilenetv2
      dnnbench show "ResNeXt-101(32x4d)"
    """
    from dnnbench.api.study_tables import Tables
    from dnnbench.records.study_records import StudyRow

    form = output_forms.chosen(json=as_json, csv=as_csv)
    tables = Tables(results)
    key = tables.network(model)
    costs = tables.models.get(key)
    rows = [row for row in tables.study if row.model == key]
    if form:
        whole = {"model": key, "name": tables.names[key], "costs": costs, "cells": rows}
        output_forms.print_answer(form, whole, StudyRow, rows)
        return
    console = printing.console()
    console.print(f"{tables.names[key]} ({key})", style="bold")
    if network := _entry(key, costs):
        _print_network(console, network)
    if costs:
        _print_costs(console, costs)
    else:
        console.print(messages.NOT_IN_STUDY.format(file=paths.under(results, paths.MODELS)))
    if rows:
        _print_rows(console, rows)
    elif costs:
        console.print(messages.NO_CELLS)
    printing.print_set_aside(console, tables.set_aside)


def _entry(key: str, costs: ModelRow | None) -> Network | None:
    """Return a network's entry, or None if it can no longer be resolved."""
    from dnnbench.networks import model_list, registry

    spec = costs.spec if costs else registry.spec_of(key)
    try:
        return model_list.resolve(spec, source="MODEL").get(key)
    except UserError:
        return None


def _print_network(console: Console, network: Network) -> None:
    size = network.input_size
    origin = f", {network.year} ({network.venue})" if network.year else ""
    console.print(messages.FAMILY.format(family=network.family, origin=origin, size=size))
    if network.spec != network.key:
        console.print(messages.SPEC.format(spec=network.spec))
    sources = dict.fromkeys(f"{one.library} (tier {one.tier})" for one in network.weights)
    listed = ", ".join(sources) or messages.NO_WEIGHTS
    console.print(messages.WEIGHTS.format(sources=listed))
    if sources:
        console.print(messages.TIERS, style="dim")


def _print_costs(console: Console, row: ModelRow) -> None:
    if row.params is not None and row.weights_mib is not None:
        weights = significant(row.weights_mib)
        console.print(messages.PARAMETER_COUNT.format(params=row.params / 1e6, weights=weights))
    if row.params_executed is not None and row.macs is not None:
        macs = significant(row.macs / 1e9)
        console.print(messages.EXECUTED.format(params=row.params_executed / 1e6, macs=macs))
    if row.uncounted_operators:
        console.print(messages.UNCOUNTED.format(operators=row.uncounted_operators))
    if row.complexity_message:
        console.print(messages.COUNTING.format(message=row.complexity_message))
    for number in (1, 5):
        value, low, high, source, measured, published = (
            getattr(row, f"top{number}{part}")
            for part in ("", "_low", "_high", "_source", "_measured", "_published")
        )
        text = f"Top-{number}: "
        text += (
            messages.UNKNOWN
            if value is None
            else f"{value:.2f}% ({labels.accuracy_source(source)})"
        )
        if low is not None and high is not None:
            text += messages.WITH_INTERVAL.format(low=low, high=high)
        # Also show the accuracy that does not determine the rank.
        for word, other in (("measured", measured), ("published", published)):
            if other is not None and other != value:
                text += f"; {word}: {other:.2f}%"
        console.print(f"{text}.")


def _print_rows(console: Console, rows: Sequence[StudyRow]) -> None:
    # Variants are shown only if there are several.
    variants = len({row.variant for row in rows}) > 1
    variant = ("variant",) if variants else ()
    numbers = ("batch", messages.LATENCY, messages.THROUGHPUT, messages.MEMORY)
    columns = ("device", *variant, *numbers)
    whole = [column for column in columns if column not in variant]
    right = [column for column in numbers if column != messages.LATENCY]
    table = printing.table(*columns, right=right, whole=whole)
    times = []
    for row in rows:
        time = printing.status(row.status)
        if row.latency_ms is not None:
            low, high = row.latency_ms_low, row.latency_ms_high
            time = printing.with_bounds(row.latency_ms, low, high) + stability_mark(row.stability)
        times.append(time)
        memory = printing.status(row.memory_status)
        if row.memory_mib is not None:
            memory = f"{row.memory_mib:,.0f}"
        fps = "" if row.fps is None else significant(row.fps)
        named = (row.variant,) if variants else ()
        device = labels.device(row.device)
        table.add_row(device, *named, str(row.batch_size), time, fps, memory)
    console.print()
    printing.print_table(console, table)
    notes = []
    for row in rows:
        if facts := _timing(row):
            cell = f"{labels.device(row.device)}, batch size {row.batch_size}"
            cell += f", {row.variant}" if variants else ""
            notes.append(f"{cell}: {facts}")
    bases = {
        labels.device(row.device): labels.memory_basis(row.memory_basis)
        for row in rows
        if row.memory_basis
    }
    notes += messages.uncertain(times)
    if bases:
        notes.append(messages.MEMORY_BASIS.format(bases=grouped(bases)))
    if notes:
        console.print("\n" + "\n".join(notes), style="dim")


def _timing(row: StudyRow) -> str:
    """Return a cell's stability with its reason, its processes, and what a pass cost the kernel."""
    verdict = f"{stability_mark(row.stability)} {row.stability or ''}".strip()
    sentence = ": ".join(filter(None, (verdict, row.stability_reason)))
    sentences = [f"{sentence}."] if sentence else []
    if row.processes is not None:
        per_pass = ""
        if row.page_faults is not None and row.system_ms is not None:
            faults, system = f"{row.page_faults:,.0f}", significant(row.system_ms)
            per_pass = messages.PER_PASS.format(faults=faults, system=system)
        sentences.append(messages.numbered(messages.PROCESSES, row.processes, per_pass=per_pass))
    return " ".join(sentences)
