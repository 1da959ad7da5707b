"""``dnnbench pick``: list the best networks within limits, and what limits them."""

import inspect
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from dnnbench.cli import completion, printing
from dnnbench.config.variants import REFERENCE
from dnnbench.core.errors import UserError
from dnnbench.queries.limits import ACCURACY, known_limits

if TYPE_CHECKING:
    from dnnbench.cli.study_tables import Tables

NOTHING_FITS = 3


def _above_zero(value: float | None) -> float | None:
    if value is not None and not 0 < value < math.inf:
        raise typer.BadParameter(f"{value}: expected a number above 0")
    return value


def _percentage(value: float | None) -> float | None:
    if (value := _above_zero(value)) is not None and value <= 1:
        raise typer.BadParameter(f"{value:g}: a percentage. Did you mean {100 * value:g}?")
    return value


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
                    help=limit.help,
                    callback=_percentage if name == ACCURACY else _above_zero,
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
    batch_size: Annotated[int, typer.Option(min=1, help="Batch size, in images.")] = 1,
    variant: Annotated[
        str, typer.Option(help="Variant: precision and engine, such as fp32-eager.")
    ] = REFERENCE,
    top: Annotated[int, typer.Option(min=1, help="Number of networks to list.")] = 5,
    predicted: Annotated[
        bool,
        typer.Option(
            "--predicted", help="Include networks whose latency is predicted rather than measured."
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="Print the listed networks as CSV.")
    ] = False,
    results: completion.Results = completion.RESULTS,
    **limits: float | None,
) -> None:
    """List the most accurate networks that fit your limits.

    If a limit falls within a network's confidence interval, or within the
    rounding error of a published number, the network is listed as
    "inconclusive". If nothing fits, the nearest misses are listed, and the exit
    code is 3.

    Examples:

      dnnbench pick --max-memory 1.0 --min-fps 30
      dnnbench pick --device titan-xp --min-top1 78 --deadline-ms 10
      dnnbench pick --batch-size 8 --min-fps 60 --json
    """
    if as_json and as_csv:
        raise typer.BadParameter("--json and --csv: choose one")
    from dnnbench.cli import pick_answer
    from dnnbench.cli.study_tables import Tables
    from dnnbench.core.storage import table_text
    from dnnbench.queries import best_fit

    tables = Tables(results)
    chosen = tables.device(device)
    _check_variant(tables, chosen, variant)
    _check_batch_size(tables, chosen, batch_size)
    if predicted and variant != REFERENCE:
        raise UserError(
            f"--predicted: {variant}: only {REFERENCE} is predicted. Drop --predicted or --variant."
        )
    added = None
    if predicted:
        from dnnbench.cli.study_predictions import predict_untimed

        added = predict_untimed(tables, chosen, batch_size)
    models = added.models if added else tables.models
    rows = [*tables.known, *(added.rows() if added else ())]
    answer = best_fit.pick(
        rows,
        models,
        chosen,
        limits,
        batch_size,
        top,
        tables.comparisons,
        variant,
    )
    if as_json:
        print(answer.model_dump_json(indent=1))
    elif as_csv:
        print(table_text(best_fit.entry_type(), answer.entries), end="")
    else:
        console = printing.console()
        pick_answer.print_answer(console, answer, tables.names)
        printing.print_set_aside(console, tables.set_aside_of(chosen))
    if not answer.entries:
        raise typer.Exit(NOTHING_FITS)


def _check_variant(tables: "Tables", device: str, variant: str) -> None:
    there = list(dict.fromkeys(row.variant for row in tables.rows(device)))
    if variant not in there:
        raise UserError(
            f"--variant: {variant!r}: {device} has {', '.join(there)}."
            " Choose one, or add it to the device file and rerun the study."
        )


def _check_batch_size(tables: "Tables", device: str, batch_size: int) -> None:
    sizes = sorted({row.batch_size for row in tables.rows(device)})
    if batch_size not in sizes:
        raise UserError(
            f"--batch-size: {batch_size}: {device} has {', '.join(map(str, sizes))}."
            " Choose one, or add it to the device file and rerun the study."
        )
