"""``dnnbench summary``: what ``make study`` ends with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dnnbench.cli import completion, printing
from dnnbench.records import paths

if TYPE_CHECKING:
    from rich.console import Console

    from dnnbench.records.comparison_records import AccuracyRow
    from dnnbench.records.study_records import SelectionRow, StudyRow


def summary(
    results: completion.Results = completion.RESULTS,
    reports: Annotated[Path, typer.Option(help="Folder of the page.")] = paths.REPORTS,
) -> None:
    """Name the page, and the best network under each budget on every measured device."""
    from rich.console import Console

    from dnnbench.cli.study_tables import Tables, network_names, read
    from dnnbench.records.comparison_records import AccuracyRow
    from dnnbench.records.study_records import SelectionRow, StudyRow

    study = read(paths.under(results, paths.STUDY), StudyRow)
    chosen = read(paths.under(results, paths.SELECTION), SelectionRow)
    accuracy = read(paths.under(results, paths.ACCURACY_SUMMARY), AccuracyRow)
    names = network_names()
    console = Console(soft_wrap=True)
    for device in dict.fromkeys(row.device for row in study if row.source == "measured"):
        rows = [row for row in study if row.device == device]
        print_best(console, device, [row for row in chosen if row.device == device], rows, names)
    print_accuracy(console, accuracy, names)
    printing.print_set_aside(console, Tables(results).set_aside)
    console.print(f"\nThe page: {paths.under(reports, paths.PAGE)}")


def print_best(
    console: Console,
    device: str,
    chosen: list[SelectionRow],
    rows: list[StudyRow],
    names: dict[str, str],
) -> None:
    """Print the first-ranked network under each pair of budgets, as a table."""
    from rich.table import Table

    from dnnbench.config.variants import REFERENCE
    from dnnbench.report.figures import captions

    measured = [row for row in rows if row.status == "ok"]
    unstable = sum(row.stable is False for row in measured)
    console.print(
        f"\n[bold]{device}[/]: {len(measured)} of {len(rows)} cells timed,"
        f" {unstable} of them not stable. The best network under each budget, at batch size 1:\n"
    )
    table = Table("memory, GiB", "frames/s", "network", "top-1, %", "ms", "MiB", "", box=None)
    at_one = {r.model: r for r in rows if (r.batch_size, r.variant) == (1, REFERENCE)}
    for row in chosen:
        if row.rank == 1:
            cell = at_one[row.model]
            table.add_row(
                f"<= {row.max_memory_gib:g}",
                f">= {row.min_fps:g}",
                names.get(row.model, row.model),
                f"{row.top1:.2f}",
                f"{cell.latency_ms:.1f}",
                f"{cell.memory_mib:.0f}",
                "" if row.fits == "yes" else "cannot tell",
            )
    console.print(table)
    if any(row.fits == "cannot_tell" for row in chosen if row.rank == 1):
        console.print("\ncannot tell: the limit lies within the interval of its time.")
    sources = {row.model: row.accuracy_source for row in measured}
    console.print(f"\n{captions.accuracy(sources.values())}")


def print_accuracy(console: Console, rows: list[AccuracyRow], names: dict[str, str]) -> None:
    """Print how many networks' accuracy was measured, and why that of the others was not."""
    asked = [row for row in rows if row.dataset]
    if not asked:
        return
    missed = [row for row in asked if row.status != "ok"]
    done = len(asked) - len(missed)
    console.print(f"\nAccuracy measured on {asked[0].dataset}: {done} of {len(asked)} networks.")
    for row in missed:
        name, status = names.get(row.model, row.model), printing.status(row.status)
        console.print(f"  {name}: {status}: {row.message}", markup=False)
