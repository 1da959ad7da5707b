"""``dnnbench compare``: compare two networks on a device, or two runs of a study."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dnnbench.cli import completion, output_forms, printing
from dnnbench.core.errors import UserError
from dnnbench.records import labels

if TYPE_CHECKING:
    from dnnbench.api.study_tables import Tables
    from dnnbench.queries.regressions import Metric


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
    variant: Annotated[
        str | None,
        typer.Option(
            metavar="VARIANT",
            help="Two networks: the variant of both. Without it, each is compared in its fastest"
            " variant that gives the answers of fp32-eager.",
        ),
    ] = None,
    results: completion.Results = completion.RESULTS,
    margin: Annotated[
        str,
        typer.Option(metavar="PERCENT", help="Largest difference in latency that is equivalent."),
    ] = "5%",
    fail_on: Annotated[
        list[str] | None,
        typer.Option(
            metavar="METRIC=PERCENT",
            help="Two runs: largest acceptable increase in latency (slower=5%) or memory"
            " (memory=10%). Repeat it for several.",
        ),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="With --fail-on: inconclusive cells fail as well.")
    ] = False,
    as_json: output_forms.Json = False,
    as_csv: output_forms.Csv = False,
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="Two runs: print a short table in Markdown.")
    ] = False,
    junit: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="With --fail-on: also write a JUnit report to this file."
        ),
    ] = None,
) -> None:
    """Compare two networks on a device, or two runs of a study.

    For two networks: compare latency (round by round), memory, top-1 accuracy,
    parameters, and multiply-adds. Latencies are equivalent if they are shown to
    differ by no more than --margin. A difference that is neither shown nor
    excluded is inconclusive.

    For two runs, before and after: list the cells that became slower or faster,
    and by how much. Pass two results folders, each with study.csv and the rounds
    of each device. Copy results/ before you measure again.

    --fail-on makes this a gate for continuous integration. A cell that became
    slower fails only if it is shown to exceed the limit, with at most a 5% chance
    of any false alarm per comparison.

    Examples:

      dnnbench compare ResNet-50 DPN-68 --device cpu
      dnnbench compare old_results/ results/
      dnnbench compare old_results/ results/ --fail-on slower=5% --junit gate.xml

    Exit codes:

      0  success; with --fail-on: no regression

      4  with --fail-on: a regression

      5  with --fail-on and --strict: a cell is inconclusive
    """
    from dnnbench.cli import gate
    from dnnbench.queries import compare_runs

    form = output_forms.chosen(json=as_json, csv=as_csv, markdown=as_markdown)
    share, limits = gate.share(margin, "--margin"), gate.limits(fail_on or [])
    if not share:
        raise UserError(f"--margin: {margin!r}: not above 0%. Write, for example, 5%.")
    if (strict or junit) and not limits:
        option = "--strict" if strict else f"--junit: {str(junit)!r}"
        raise UserError(f"{option}: there is no limit. Add, for example, --fail-on slower=5%.")
    folders = [compare_runs.is_run(Path(name)) for name in (a, b)]
    if all(folders) and variant:
        raise UserError(f"--variant: {variant!r}: A and B are runs. Omit it, or name two networks.")
    if all(folders):
        _runs(a, b, device, share, form, limits, strict, junit)
    elif any(folders):
        run, other = (a, b) if folders[0] else (b, a)
        raise UserError(
            f"{other}: not a folder with a study.csv, unlike {run}. Name two runs or two networks."
        )
    elif limits or as_markdown:
        option = "--fail-on" if limits else "--markdown"
        raise UserError(f"{option}: A: {a!r}: not a folder with a study.csv. Name two runs.")
    else:
        from dnnbench.api.study_tables import Tables

        _networks(Tables(results), a, b, device, variant, share, form)


def _networks(
    tables: Tables,
    a: str,
    b: str,
    device: str | None,
    variant: str | None,
    margin: float,
    form: str | None,
) -> None:
    from dnnbench.api import study_questions
    from dnnbench.cli import network_comparison
    from dnnbench.queries.compare_networks import Comparison

    answer = study_questions.compare(tables, a, b, device, margin, variant=variant)
    where, found, pair = answer.device, answer.comparisons, (answer.a, answer.b)
    if form:
        about = {"device": where, "a": pair[0], "b": pair[1], "margin": margin}
        output_forms.print_answer(form, about | {"comparisons": found}, Comparison, found)
        return
    console = printing.console()
    names = [tables.names[key] for key in pair]
    title = f"A: {names[0]}, B: {names[1]}, on {labels.device(where)}.\n"
    console.print(title, style="bold")
    rows = tables.rows(where)
    stability = {(row.model, row.variant, row.batch_size): row.stability for row in rows}
    if len({row.variant for row in rows}) > 1:
        network_comparison.print_variants(console, found, variant is None)
    network_comparison.print_comparisons(console, found, pair, stability, margin)
    printing.print_set_aside(console, tables.set_aside_of(where))


def _runs(
    a: str,
    b: str,
    device: str | None,
    margin: float,
    form: str | None,
    limits: dict[Metric, float],
    strict: bool,
    junit: Path | None,
) -> None:
    from dnnbench.api.study_tables import Tables, network_names
    from dnnbench.cli import comparison_junit, comparison_markdown, gate, run_comparison
    from dnnbench.core import storage
    from dnnbench.queries import compare_runs, regressions
    from dnnbench.queries.changes import CellChange

    found = compare_runs.compare_runs(Path(a), Path(b), device, margin)
    judged = regressions.judge(found, limits) if limits else None
    names = network_names()
    if form == "markdown" and judged:
        print(comparison_markdown.of_gate(judged, names, strict))
    elif form == "markdown":
        print(comparison_markdown.of_comparison(found, names))
    elif form:
        whole = {"before": a, "after": b, **found.model_dump(), "gate": judged}
        output_forms.print_answer(form, whole, CellChange, found.cells)
    else:
        console = printing.console()
        run_comparison.print_runs(console, a, b, found, names)
        for run in (a, b):
            printing.print_set_aside(console, Tables(Path(run)).set_aside)
        if judged:
            run_comparison.print_gate(console, judged, names)
    if judged and junit:
        storage.write_text(junit, comparison_junit.report(judged))
    if judged and (code := gate.exit_code(judged, strict)):
        raise typer.Exit(code)
