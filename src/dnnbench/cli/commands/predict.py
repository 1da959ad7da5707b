"""``dnnbench predict``: predict the latency of networks that were not measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from dnnbench.cli import completion, messages, output_forms, printing
from dnnbench.core.formatting import significant
from dnnbench.records import labels

if TYPE_CHECKING:
    from rich.console import Console

    from dnnbench.api.study_predictions import Predictions


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
    from dnnbench.queries.prediction import Prediction

    form = output_forms.chosen(json=as_json, csv=as_csv)
    tables = Tables(results)
    chosen = tables.device(device)
    answer = predict_untimed(tables, chosen, batch_size)
    if form:
        whole = {"quality": answer.quality, "predictions": answer.predicted}
        output_forms.print_answer(form, whole, Prediction, answer.predicted)
    else:
        where = f"{labels.device(chosen)}, batch size {batch_size}"
        _print(printing.console(), answer, where, tables.names)


def _print(console: Console, answer: Predictions, where: str, names: Mapping[str, str]) -> None:
    quality = answer.quality
    predicted = len(answer.predicted)
    title = messages.numbered(messages.PREDICTED_NETWORKS, predicted, where=where)
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
    if not answer.predicted:
        console.print(messages.NONE_TO_PREDICT)
        return
    numbers = (messages.TOP1, messages.LATENCY, messages.THROUGHPUT)
    right = (messages.TOP1, messages.THROUGHPUT)
    table = printing.table("network", *numbers, "extrapolated in", right=right, whole=numbers)
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
    printing.print_table(console, table)
    notes = [messages.PREDICTION_INTERVAL]
    if any(one.beyond for one in answer.predicted):
        notes.append(messages.EXTRAPOLATED)
    console.print("\n" + "\n".join(notes), style="dim")
