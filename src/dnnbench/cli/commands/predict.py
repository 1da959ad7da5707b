"""``dnnbench predict``: the time of networks that were not timed, from those that were."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from dnnbench.cli import completion, printing
from dnnbench.core.formatting import significant

if TYPE_CHECKING:
    from rich.console import Console

    from dnnbench.cli.study_predictions import Predictions


def predict(
    device: completion.Device = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Images in a pass.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="The whole answer as JSON.")] = False,
    results: completion.Results = completion.RESULTS,
) -> None:
    """Predict the time of networks that were not timed on a device.

    From what they cost, by the times of those that were (8 or more). Networks of
    the registry that are not in the study are counted first, a second each.

    Examples:

      dnnbench predict
      dnnbench predict --device cpu --batch-size 8
      dnnbench pick --predicted --min-fps 30
    """
    from dnnbench.cli.study_predictions import predict_untimed
    from dnnbench.cli.study_tables import Tables

    tables = Tables(results)
    chosen = tables.device(device)
    answer = predict_untimed(tables, chosen, batch_size)
    if as_json:
        whole = {
            "quality": answer.quality.model_dump(),
            "predictions": [one.model_dump() for one in answer.predicted],
        }
        print(json.dumps(whole, indent=1))
    else:
        _print(printing.console(), answer, f"{chosen}, batch size {batch_size}", tables.names)


def _print(console: Console, answer: Predictions, where: str, names: Mapping[str, str]) -> None:
    quality = answer.quality
    console.print(f"{where}: {len(answer.predicted)} networks predicted.", style="bold")
    console.print(
        f"By {quality.networks} timed ones, each of which the others predict with an error of"
        f" {quality.median_error:.0%} (median; nine of ten: {quality.p90_error:.0%})."
        f" A line on operations: {quality.line_median_error:.0%} ({quality.line_p90_error:.0%})."
    )
    if not answer.predicted:
        return
    columns = ("network", "top-1, %", "ms an image", "images/s", "beyond what was timed")
    table = printing.table(*columns, right=("top-1, %", "images/s"), whole=columns[1:4])
    for one in sorted(answer.predicted, key=lambda one: one.latency_ms):
        top1 = answer.models[one.model].top1
        table.add_row(
            names.get(one.model, one.model),
            "" if top1 is None else f"{top1:.2f}",
            printing.with_bounds(one.latency_ms, one.latency_ms_low, one.latency_ms_high),
            significant(1000 / one.latency_ms),
            (one.beyond or "").replace("+", ", "),
        )
    console.print()
    console.print(table)
    notes = ["In brackets: 95 %, from the errors of the timed networks."]
    if any(one.beyond for one in answer.predicted):
        notes.append(
            "Beyond what was timed: it has more of this than any timed network; time a larger one."
        )
    console.print("\n" + "\n".join(notes), style="dim")
