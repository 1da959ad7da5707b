"""Predictions for networks that a study did not measure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dnnbench.api.study_tables import Tables
from dnnbench.core import isolation, progress
from dnnbench.core.errors import UserError
from dnnbench.core.formatting import several
from dnnbench.measure import complexity
from dnnbench.networks import builders, registry
from dnnbench.queries import predicted_rows, prediction
from dnnbench.queries.predicted_rows import Accuracies
from dnnbench.queries.prediction import Conditions, Prediction, Quality
from dnnbench.records.study_records import ModelRow, StudyRow
from dnnbench.tables import accuracy_ranking, study


@dataclass(frozen=True)
class Predictions:
    """Predictions on a device at a batch size.

    ``too_few``: number of measured networks of each variant that has too few. ``models`` adds
    networks that models.csv does not list. ``threads`` has the threads of the measured rows.
    """

    device: str
    predicted: Sequence[Prediction]
    quality: Sequence[Quality]
    too_few: Mapping[str, int]
    models: Mapping[str, ModelRow]
    accuracies: Accuracies
    threads: Mapping[Conditions, int | None]

    def rows(self) -> list[StudyRow]:
        """Return them as rows of study.csv."""
        found = []
        for one in self.predicted:
            where = Conditions(one.device, one.batch_size, one.variant)
            accuracy = self.accuracies.of(where, self.models[one.model])
            found.append(predicted_rows.study_row(one, accuracy, self.threads[where]))
        return found


def predict_untimed(
    tables: Tables, device: str, batch_size: int, variant: str | None = None
) -> Predictions:
    """Predict each network in each variant that it was not measured in and did not fail in.

    The networks are those of the study and of the registry. The variants are ``variant``, or all
    of the device.

    Raises UserError if the device has no such variant, or if too few networks were measured.
    """
    own = tables.rows(device)
    there = list(dict.fromkeys(row.variant for row in own))
    tables.check(device, "variant", variant, there)
    conditions = [Conditions(device, batch_size, one) for one in there if variant in (None, one)]
    fits, too_few = {}, {}
    for where in conditions:
        if fitted := prediction.fit_measured(own, tables.models, where):
            fits[where] = fitted
        else:
            too_few[where.variant] = len(prediction.timed(own, tables.models, where))
    if not fits:
        most = max(too_few, key=lambda one: too_few[one])
        raise UserError(
            f"{tables.results / 'study.csv'}: {device}, {most}, batch size {batch_size}:"
            f" {several(too_few[most], 'measured network')}, but predictions need at least"
            f" {prediction.MIN_NETWORKS}. Measure more networks (params.yaml: models)."
        )
    tried = {
        (row.variant, row.model)
        for row in own
        if row.batch_size == batch_size
        and row.source != "predicted"
        and row.status != "not_measured"
    }
    models = tables.models | _not_in_the_study(tables)
    return Predictions(
        device,
        [
            fitted.predict(where, row)
            for where, fitted in fits.items()
            for key, row in models.items()
            if (where.variant, key) not in tried and row.complexity_status == "ok"
        ],
        [one for fitted in fits.values() for one in fitted.quality],
        too_few,
        models,
        Accuracies(own, tables.variant_accuracy),
        predicted_rows.thread_counts(own),
    )


def _not_in_the_study(tables: Tables) -> dict[str, ModelRow]:
    """Return the networks that models.csv lacks, counted now, with known accuracy."""
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
            published = accuracy_ranking.published_accuracy(network)
            accuracy = accuracy_ranking.stated_accuracy(network) or published
            rows[network.key] = study.model_row(complexity.measure(network), accuracy, published)
    return rows
