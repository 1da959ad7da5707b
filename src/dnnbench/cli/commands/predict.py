"""``dnnbench predict``: predict the latency of networks that were not measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from dnnbench.cli import completion, messages, output_forms, printing
from dnnbench.core.formatting import significant
from dnnbench.records import labels

if TYPE_CHECKING:
    from rich.console import Console

    from dnnbench.api.study_predictions import Predictions
    from dnnbench.cli.listings import PredictedNetwork


def predict(
    device: completion.Device = None,
    batch_size: completion.BatchSize = 1,
    variant: Annotated[
        str | None,
        typer.Option(
            metavar="VARIANT", help="Variant. By default, all that were measured on the device."
        ),
    ] = None,
    as_json: output_forms.Json = False,
    as_csv: output_forms.Csv = False,
    results: completion.Results = completion.RESULTS,
) -> None:
    """Predict the latency of networks that were not measured on a device.

    For each variant, the prediction is fitted to the networks that were measured
    in it (at least 8). It uses the number of operations and the memory traffic of
    each network, and its latency in fp32-eager if that predicts better. Networks
    of the registry that are not in the study are counted first, which takes about
    one second each.

    Examples:

      dnnbench predict
      dnnbench predict --device cpu --batch-size 8
      dnnbench predict --variant fp32-openvino
      dnnbench pick --predicted --min-fps 30
    """
    from dnnbench.api.study_predictions import predict_untimed
    from dnnbench.api.study_tables import Tables
    from dnnbench.cli import listings

    form = output_forms.chosen(json=as_json, csv=as_csv)
    tables = Tables(results)
    answer = predict_untimed(tables, tables.device(device), batch_size, variant)
    rows = listings.predictions(answer.predicted, answer.rows())
    if form:
        whole = {"quality": answer.quality, "predictions": rows}
        output_forms.print_answer(form, whole, listings.PredictedNetwork, rows)
    else:
        where = ", ".join(filter(None, (labels.device(answer.device), variant)))
        _print(printing.console(), answer, rows, f"{where}, batch size {batch_size}", tables.names)


def _print(
    console: Console,
    answer: Predictions,
    rows: Sequence[PredictedNetwork],
    where: str,
    names: Mapping[str, str],
) -> None:
    title = messages.numbered(messages.PREDICTED_LATENCIES, len(rows), where=where)
    console.print(title, style="bold")
    _print_errors(console, answer)
    if not rows:
        console.print("\n" + messages.NONE_TO_PREDICT)
        return
    numbers = (messages.TOP1, messages.LATENCY, messages.THROUGHPUT)
    right = (messages.TOP1, messages.THROUGHPUT)
    made = printing.table(
        *("network", "variant", *numbers, "predicted from", "extrapolated in"),
        right=right,
        whole=numbers,
    )
    times = [
        printing.with_bounds(one.latency_ms, one.latency_ms_low, one.latency_ms_high)
        for one in rows
    ]
    for one, time in zip(rows, times, strict=True):
        made.add_row(
            names.get(one.model, one.model),
            one.variant,
            "" if one.top1 is None else f"{one.top1:.2f}",
            time,
            significant(one.fps),
            messages.BASES[one.basis],
            (one.beyond or "").replace("+", ", "),
        )
    console.print()
    printing.print_table(console, made)
    notes = [messages.PREDICTION_INTERVAL, *messages.uncertain(times)]
    if any(one.beyond for one in rows):
        notes.append(messages.EXTRAPOLATED)
    console.print("\n" + "\n".join(notes), style="dim")


def _print_errors(console: Console, answer: Predictions) -> None:
    from dnnbench.queries.prediction import MIN_NETWORKS  # Imports scipy.

    columns = ("networks", "median", "90th\npercentile")
    made = printing.table("variant", "predicted from", *columns, right=columns)
    for one in answer.quality:
        errors = (f"{one.median_error:.0%}", f"{one.p90_error:.0%}")
        made.add_row(one.variant, messages.BASES[one.basis], str(one.networks), *errors)
    console.print(messages.PREDICTION_ERRORS)
    console.print()
    printing.print_table(console, made)
    if answer.too_few:
        console.print("\n" + messages.too_few_networks(answer.too_few, MIN_NETWORKS))
