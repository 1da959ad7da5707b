"""``dnnbench summary``: summarize a study; the last step of ``make study``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dnnbench.cli import completion, messages, output_forms, printing
from dnnbench.core.formatting import is_wide, several
from dnnbench.records import labels, paths

if TYPE_CHECKING:
    from rich.console import Console

    from dnnbench.api.study_tables import Tables
    from dnnbench.queries.best_fit import Pick
    from dnnbench.records.comparison_records import AccuracyRow
    from dnnbench.records.study_records import SelectionRow, StudyRow

# Inconclusive networks to list for a budget.
_MOST_RIVALS = 3
# The processes that a reason names, the reason of one process, and its numbers.
_PROCESSES = re.compile(r"disturbed \((.*?)\)(?:;|$)")
_PROCESS = re.compile(r"round \d+(?:, process \d+)?: ([^,;]+)")
_NUMBER = re.compile(r"\d[\d.,]*")


def summary(
    results: completion.Results = completion.RESULTS,
    reports: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Folder with the page.")
    ] = paths.REPORTS,
    as_json: output_forms.Json = False,
    as_csv: output_forms.Csv = False,
) -> None:
    """Print the best network for each budget on each measured device, and the path of the page."""
    from dnnbench.api.study_tables import Tables, network_names, read
    from dnnbench.cli import listings
    from dnnbench.records.comparison_records import AccuracyRow
    from dnnbench.records.study_records import SelectionRow

    form = output_forms.chosen(json=as_json, csv=as_csv)
    tables = Tables(results)
    study = tables.study
    chosen = read(paths.under(results, paths.SELECTION), SelectionRow)
    accuracy = read(paths.under(results, paths.ACCURACY_SUMMARY), AccuracyRow)
    measured = dict.fromkeys(row.device for row in study if row.source == "measured")
    page = paths.under(reports, paths.PAGE)
    if form:
        rows = listings.budgets([row for row in chosen if row.device in measured], study)
        devices = [row for row in listings.devices(tables) if row.device in measured]
        whole = {"devices": devices, "budgets": rows, "accuracy": accuracy, "page": page}
        output_forms.print_answer(form, whole, listings.BudgetRow, rows)
        return
    names = network_names()
    console = printing.console()
    if not measured:
        console.print(messages.NOTHING_MEASURED)
    for device in measured:
        print_cells(console, device, tables.rows(device))
        print_best(console, device, chosen, tables, names)
    print_accuracy(console, accuracy, names)
    printing.print_set_aside(console, tables.set_aside)
    console.print(f"\n{messages.PAGE.format(file=page)}")


def print_cells(console: Console, device: str, rows: list[StudyRow]) -> None:
    """Print how many cells of a device were measured, and how well."""
    measured = [row for row in rows if row.status == "ok"]
    counts = {"timed": len(measured), "cells": several(len(rows), "cell")}
    title = messages.SUMMARY.format(device=labels.device(device), **counts)
    console.print(f"\n{title}", style="bold")
    for line in _stability(measured):
        printing.print_item(console, line)


def print_best(
    console: Console,
    device: str,
    chosen: list[SelectionRow],
    tables: Tables,
    names: dict[str, str],
) -> None:
    """Print the best network for each budget, then inconclusive ones that might be better."""
    from dnnbench.cli import pick_answer
    from dnnbench.queries import best_fit, wording
    from dnnbench.report.figures import captions

    if all(row.device != device for row in chosen):
        console.print(f"\n{messages.NO_BUDGET_MET.format(device=device)}")
        return
    rows = tables.rows(device)
    console.print(f"\n{messages.BEST}\n")
    limits = messages.MAX_MEMORY, messages.MIN_THROUGHPUT
    numbers = messages.TOP1, messages.LATENCY, messages.MEMORY
    several = len({row.variant for row in rows}) > 1
    words = ("network", "variant") if several else ("network",)
    columns = (*limits, *words, *numbers)
    whole = [column for column in columns if column not in words]
    table = printing.table(*columns, right=(*limits, *numbers), whole=whole, titles=0)
    rivals: dict[str, None] = {}
    for gib, fps in sorted({(row.max_memory_gib, row.min_fps) for row in chosen}):
        budget = {"max_memory_gib": gib, "min_fps": fps}
        answer = best_fit.pick(rows, tables.models, device, budget, top=_MOST_RIVALS)
        rivals |= dict.fromkeys(_rivals(answer, names))
        cells = [messages.NONE_FITS, *[""] * (len(columns) - 3)]
        for best in answer.entries[:1]:
            latency, memory = f"{best.latency_ms:.1f}", f"{best.memory_mib:.0f}"
            name = [names.get(best.model, best.model), *([best.variant] if several else [])]
            cells = [*name, f"{best.top1:.2f}{pick_answer.loss_mark(best)}", latency, memory]
        table.add_row(f"{gib:g}", f"{fps:g}", *cells)
    printing.print_table(console, table)
    if rivals:
        console.print(f"\n{wording.text('might_be_better')}")
        for line in rivals:
            printing.print_item(console, line)
        for note in messages.uncertain(rivals):
            console.print(f"\n{note}")
    sources = {row.model: row.accuracy_source for row in rows if row.status == "ok"}
    console.print(f"\n{captions.accuracy(sources.values())}")


def _rivals(answer: Pick, names: dict[str, str]) -> list[str]:
    """Return a line for each inconclusive network that might be better than the best."""
    from dnnbench.cli import pick_answer
    from dnnbench.queries.limits import given

    lines = []
    for entry in answer.inconclusive:
        undecided = (entry.undecided or "").split("+")
        limits = [one.amount(f"{x:g}") for one, x in given(answer.limits) if one.name in undecided]
        text = pick_answer.inconclusive_text(answer, entry, names)
        lines.append(f"For {', '.join(limits)}, {text}")
    return lines


def _stability(rows: list[StudyRow]) -> list[str]:
    """Return how many cells are stable, noisy and disturbed, with the most common reason."""
    lines = []
    uncertain = [row for row in rows if row.stability == "noisy" and _uncertain(row)]
    for verdict, text in messages.STABILITY.items():
        if found := [row for row in rows if row.stability == verdict and row not in uncertain]:
            widest = max(row.half_width or 0 for row in found)
            reason, often = _common_reason(found)
            lines.append(text.format(count=len(found), widest=widest, reason=reason, often=often))
        if verdict == "noisy" and uncertain:
            lines.append(messages.NOISY_UNCERTAIN.format(count=len(uncertain)))
    return lines


def _uncertain(row: StudyRow) -> bool:
    """Return whether the latency is very uncertain."""
    low, high = row.latency_ms_low, row.latency_ms_high
    return low is not None and high is not None and is_wide(low, high)


def _common_reason(rows: list[StudyRow]) -> tuple[str, int]:
    """Return the most common reason, as one cell words it, and the number of cells with it."""
    kinds: dict[str, list[str]] = {}
    for row in rows:
        whole = row.stability_reason or ""
        named = _PROCESSES.search(whole) if row.stability == "disturbed" else None
        reasons = _PROCESS.findall(named[1]) if named else [whole.partition("; ")[0]]
        for kind, reason in {_NUMBER.sub("", one): one for one in reasons}.items():
            kinds.setdefault(kind, []).append(reason)
    most = max(kinds.values(), key=len)
    return most[0], len(most)


def print_accuracy(console: Console, rows: list[AccuracyRow], names: dict[str, str]) -> None:
    """Print how many networks have a measured accuracy, and why the others do not."""
    asked = [row for row in rows if row.dataset]
    if not asked:
        return
    missed = [row for row in asked if row.status != "ok"]
    done = len(asked) - len(missed)
    networks = several(len(asked), "network")
    counts = {"dataset": asked[0].dataset, "done": done, "networks": networks}
    console.print(f"\n{messages.MEASURED_ACCURACY.format_map(counts)}")
    for row in missed:
        name, status = names.get(row.model, row.model), printing.status(row.status)
        console.print(f"  {name}: {status}: {row.message}")
