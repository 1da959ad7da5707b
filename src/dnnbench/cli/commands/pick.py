"""``dnnbench pick``: list the best networks within limits, and what limits them."""

import inspect
from collections.abc import Callable
from typing import Annotated

import typer

from dnnbench.cli import completion, output_forms, printing
from dnnbench.queries.limits import Limit, known_limits

NOTHING_FITS = 3

# Names of values in the help, by unit.
_VALUES = {"%": "PERCENT", "M": "MILLIONS"}


def _checked(limit: Limit) -> Callable[[float | None], float | None]:
    """Return a callback that rejects values which cannot be this limit."""

    def check(value: float | None) -> float | None:
        if value is not None and (problem := limit.problem(value)):
            raise typer.BadParameter(problem)
        return value

    return check


def _with_limits(command: Callable[..., None]) -> Callable[..., None]:
    """Return the command with one option per limit; it takes them as ``**limits``."""
    device, *others, _ = inspect.signature(command).parameters.values()
    options = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[
                float | None,
                typer.Option(
                    limit.option,
                    metavar=_VALUES.get(limit.unit, limit.unit.upper()),
                    help=limit.help,
                    callback=_checked(limit),
                ),
            ],
        )
        for name, limit in known_limits().items()
    ]
    rest = [other.replace(kind=inspect.Parameter.KEYWORD_ONLY) for other in others]
    command.__signature__ = inspect.Signature([device, *options, *rest])  # type: ignore[attr-defined]
    return command


@_with_limits
def pick(
    device: completion.Device = None,
    batch_size: completion.BatchSize = 1,
    variant: Annotated[
        str | None,
        typer.Option(metavar="VARIANT", help="Consider only this variant, such as fp32-eager."),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Consider only this number of CPU threads."),
    ] = None,
    top: Annotated[int, typer.Option(metavar="N", min=1, help="Number of rows to list.")] = 5,
    predicted: Annotated[
        bool,
        typer.Option(
            "--predicted", help="Include networks whose latency is predicted rather than measured."
        ),
    ] = False,
    as_json: output_forms.Json = False,
    as_csv: output_forms.Csv = False,
    as_markdown: Annotated[
        bool,
        typer.Option(
            "--markdown", help="Print the decision as Markdown, for a pull request or a ticket."
        ),
    ] = False,
    results: completion.Results = completion.RESULTS,
    **limits: float | None,
) -> None:
    """List the most accurate networks that fit your limits, and how to run them.

    Each row is a network in a variant (precision and engine). Of one network,
    only the variants are listed that no other one beats in both accuracy and
    latency.

    A row is inconclusive if a limit falls within its confidence interval, or
    within the rounding error of a published number. Inconclusive rows that
    might be better than the best are listed apart, with what would settle the
    question. If nothing fits, the nearest misses are listed. If nothing fits
    for certain, the exit code is 3.

    Examples:

      dnnbench pick --max-memory 1.0 --min-fps 30
      dnnbench pick --device titan-xp --min-top1 78 --deadline-ms 10
      dnnbench pick --batch-size 8 --min-fps 60 --json
      dnnbench pick --min-fps 30 --markdown
    """
    form = output_forms.chosen(json=as_json, csv=as_csv, markdown=as_markdown)
    from dnnbench.api import study_questions
    from dnnbench.api.study_tables import Tables
    from dnnbench.cli import pick_answer
    from dnnbench.queries import best_fit

    tables = Tables(results)
    chosen = study_questions.pick(
        tables, limits, device, batch_size, variant, top, predicted, threads
    )
    answer = chosen.answer
    if form == "markdown":
        from dnnbench.cli import decision_record

        print(decision_record.of(tables, chosen, predicted), end="")
    elif form:
        listed = [*answer.entries, *answer.inconclusive]
        output_forms.print_answer(form, answer, best_fit.entry_type(), listed)
    else:
        console = printing.console()
        pick_answer.print_answer(console, answer, tables.names)
        printing.print_set_aside(console, tables.set_aside_of(answer.device))
    if not answer.entries:
        raise typer.Exit(NOTHING_FITS)
