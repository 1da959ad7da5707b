"""``dnnbench predict``: predict the latency of networks that were not measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from dnnbench.cli import completion, messages, output_forms, printing
from dnnbench.core.formatting import significant
from dnnbench.records import labels

if TYPE_CHECKING:
    from rich.console import Console

    from dnnbench.cli.listings import PredictedNetwork
    from dnnbench.queries.prediction import Quality


def predict(
    device: completion.Device = None,
    batch_size: completion.BatchSize = 1,
    as_json: output_forms.Json = False,
    as_csv: output_forms.Csv = False,
    results: completion.Results = completion.RESULTS,
) -> None:
    """Predict the latency of networks that were not measured on a device.

    The prediction is fitted to the measured networks (at least 8) and uses the
    number of operations and the memory traffic of each network. Networks of the
    registry that are not in the study are counted first, which takes about one
    second each.

    Examples:

      dnnbench predict
      dnnbench predict --device cpu --batch-size 8
      dnnbench pick --predicted --min-fps 30
    """
    from dnnbench.api.study_predictions import predict_untimed
    from dnnbench.api.study_tables import Tables
    from dnnbench.cli import listings

    form = output_forms.chosen(json=as_json, csv=as_csv)
    tables = Tables(results)
    chosen = tables.device(device)
    answer = predict_untimed(tables, chosen, batch_size)
    rows = listings.predictions(answer.predicted, answer.models)
    if form:
        whole = {"quality": answer.quality, "predictions": rows}
        output_forms.print_answer(form, whole, listings.PredictedNetwork, rows)
    else:
        where = f"{labels.device(chosen)}, batch size {batch_size}"
        _print(printing.console(), rows, answer.quality, where, tables.names)


def _print(
    console: Console,
    rows: Sequence[PredictedNetwork],
    quality: Quality,
    where: str,
    names: Mapping[str, str],
) -> None:
    title = messages.numbered(messages.PREDICTED_NETWORKS, len(rows), where=where)
    console.print(title, style="bold")
    console.print(
        messages.ERRORS.format(
            networks=quality.networks,
            median=f"{quality.median_error:.0%}",
            p90=f"{quality.p90_error:.0%}",
            line_median=f"{quality.line_median_error:.0%}",
            line_p90=f"{quality.line_p90_error:.0%}",
        )
    )
    if not rows:
        console.print(messages.NONE_TO_PREDICT)
        return
    numbers = (messages.TOP1, messages.LATENCY, messages.THROUGHPUT)
    right = (messages.TOP1, messages.THROUGHPUT)
    table = printing.table("network", *numbers, "extrapolated in", right=right, whole=numbers)
    times = [
        printing.with_bounds(one.latency_ms, one.latency_ms_low, one.latency_ms_high)
        for one in rows
    ]
    for one, time in zip(rows, times, strict=True):
        table.add_row(
            names.get(one.model, one.model),
            "" if one.top1 is None else f"{one.top1:.2f}",
            time,
            significant(one.fps),
            (one.beyond or "").replace("+", ", "),
        )
    console.print()
    printing.print_table(console, table)
    notes = [messages.PREDICTION_INTERVAL, *messages.uncertain(times)]
    if any(one.beyond for one in rows):
        notes.append(messages.EXTRAPOLATED)
    console.print("\n" + "\n".join(notes), style="dim")
