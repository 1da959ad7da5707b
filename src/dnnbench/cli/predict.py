"""``dnnbench predict``: the time of networks that were not timed, from those that were."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from dnnbench.cli import completion, printing
from dnnbench.cli.study_tables import Tables
from dnnbench.core.errors import UserError
from dnnbench.core.formatting import significant
from dnnbench.networks import builders, registry
from dnnbench.records.study_records import ModelRow, StudyRow

if TYPE_CHECKING:
    from dnnbench.queries.prediction import Prediction, Quality


@dataclass(frozen=True)
class Predictions:
    """Predicted times on a device at a batch size; ``models``: rows of models.csv, and more."""

    predicted: Sequence["Prediction"]
    quality: "Quality"
    models: Mapping[str, ModelRow]

    def rows(self) -> list[StudyRow]:
        """As rows of the study."""
        from dnnbench.queries import prediction

        return [prediction.study_row(one, self.models[one.model]) for one in self.predicted]


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
    tables = Tables(results)
    chosen = tables.device(device)
    answer = predictions(tables, chosen, batch_size)
    if as_json:
        whole = {
            "quality": answer.quality.model_dump(),
            "predictions": [one.model_dump() for one in answer.predicted],
        }
        print(json.dumps(whole, indent=1))
    else:
        _print(printing.console(), answer, f"{chosen}, batch size {batch_size}", tables.names)


def predictions(tables: Tables, device: str, batch_size: int) -> Predictions:
    """Predict every network of the study or the registry without a time or a failed attempt.

    Raises UserError where too few were timed.
    """
    from dnnbench.queries import prediction  # Here, not above: completion need not wait for scipy.

    times = prediction.timed(tables.study, tables.models, device, batch_size)
    if len(times) < prediction.MIN_NETWORKS:
        raise UserError(
            f"{tables.results / 'study.csv'}: {len(times)} networks are timed on {device} at batch"
            f" size {batch_size}; time {prediction.MIN_NETWORKS} or more (params.yaml: models)"
        )
    tried = {
        row.model
        for row in tables.rows(device)
        if row.batch_size == batch_size
        and row.source != "predicted"
        and row.status != "not_measured"
    }
    models = tables.models | _not_in_the_study(tables)
    fitted = prediction.fit([models[key] for key in times], list(times.values()))
    predicted = [
        fitted.predict(device, batch_size, row) for key, row in models.items() if key not in tried
    ]
    return Predictions(predicted, fitted.quality, models)


def _not_in_the_study(tables: Tables) -> dict[str, ModelRow]:
    """Networks of the registry that models.csv lacks, counted now, with published accuracy."""
    from dnnbench.core import isolation, progress
    from dnnbench.measure import complexity
    from dnnbench.tables import study

    networks = [
        network for key, network in registry.load_registry().items() if key not in tables.models
    ]
    if not networks:
        return {}
    isolation.prepare()
    builders.preload(networks)
    rows = {}
    with progress.steps("counting", len(networks)) as step:
        for network in networks:
            step(network.key)
            accuracy = study.published_accuracy(network)
            rows[network.key] = study.model_row(complexity.measure(network), accuracy, accuracy)
    return rows


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
