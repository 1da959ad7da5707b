"""Predictions for networks that a study did not measure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dnnbench.api.study_tables import Tables
from dnnbench.core import isolation, progress
from dnnbench.core.errors import UserError
from dnnbench.core.formatting import several
from dnnbench.measure import complexity
from dnnbench.networks import builders, registry
from dnnbench.queries import prediction
from dnnbench.queries.prediction import Prediction, Quality
from dnnbench.records.study_records import ModelRow, StudyRow
from dnnbench.tables import accuracy_ranking, study


@dataclass(frozen=True)
class Predictions:
    """Predictions on a device at a batch size.

    ``models`` adds networks that models.csv does not list.
    """

    predicted: Sequence[Prediction]
    quality: Quality
    models: Mapping[str, ModelRow]

    def rows(self) -> list[StudyRow]:
        """Return them as rows of study.csv."""
        return [prediction.study_row(one, self.models[one.model]) for one in self.predicted]


def predict_untimed(tables: Tables, device: str, batch_size: int) -> Predictions:
    """Predict each network that was not measured and did not fail.

    The networks are those of the study and of the registry.

    Raises UserError if too few networks were measured.
    """
    times = prediction.timed(tables.study, tables.models, device, batch_size)
    if len(times) < prediction.MIN_NETWORKS:
        raise UserError(
            f"{tables.results / 'study.csv'}: {device}, batch size {batch_size}:"
            f" {several(len(times), 'measured network')}, but predictions need at least"
            f" {prediction.MIN_NETWORKS}. Measure more networks (params.yaml: models)."
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
