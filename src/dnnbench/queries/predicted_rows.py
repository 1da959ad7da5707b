"""Predicted latencies as rows of study.csv.

A network keeps its accuracy in fp32, because only the order of sums differs. Whether its logits
agree with those of fp32-eager is not known before it runs, but it loses its accuracy if a cell of
the same variant failed. In other precisions, its accuracy is known only if it was measured there.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from dnnbench.queries import prediction
from dnnbench.queries.prediction import Conditions, Prediction
from dnnbench.records.base import SCHEMA_VERSION
from dnnbench.records.comparison_records import VariantAccuracyRow
from dnnbench.records.study_records import ModelRow, StudyRow
from dnnbench.tables.accuracy_ranking import Accuracy, variant_accuracy

_ACCURACY = [field.name for field in fields(Accuracy) if not field.name.startswith("change")]


class Accuracies:
    """Accuracy of the networks of a study in variants that they were not run in.

    ``variant_rows`` are the rows of accuracy/variants.csv.
    """

    def __init__(
        self, study: Iterable[StudyRow], variant_rows: Iterable[VariantAccuracyRow] = ()
    ) -> None:
        self._measured = {(row.device, row.variant, row.model): row for row in variant_rows}
        self._failed = {
            (row.device, row.variant, row.model) for row in study if row.status == "failed"
        }

    def of(self, where: Conditions, model: ModelRow) -> Accuracy:
        """Return the accuracy of a network on a device, in a variant."""
        key = (where.device, where.variant, model.model)
        ranked = Accuracy(**{name: getattr(model, name) for name in _ACCURACY})
        agrees = key not in self._failed
        return variant_accuracy(where.variant, ranked, agrees, self._measured.get(key))


def thread_counts(study: Iterable[StudyRow]) -> dict[Conditions, int | None]:
    """Return the threads of the rows in each condition; None if unknown or not always the same."""
    found: dict[Conditions, set[int]] = {}
    for row in study:
        found.setdefault(_conditions(row), set()).update([row.threads] if row.threads else [])
    return {where: min(numbers) if len(numbers) == 1 else None for where, numbers in found.items()}


def rows(
    study: Sequence[StudyRow],
    models: Mapping[str, ModelRow],
    predicted: Iterable[str],
    variant_rows: Iterable[VariantAccuracyRow] = (),
) -> list[StudyRow]:
    """Return rows of ``predicted`` for each device, variant and batch size of ``study``.

    A network that has a row in ``study`` is skipped. The status is not_measured if too few networks
    were measured, or if the network's cost is unknown. ``models`` are the rows of models.csv, by
    key; ``variant_rows`` those of accuracy/variants.csv.
    """
    wanted = [models[name] for name in predicted]
    if not wanted:
        return []
    there = {(_conditions(row), row.model) for row in study}
    accuracies = Accuracies(study, variant_rows)
    found = []
    for where, threads in thread_counts(study).items():
        fitted = prediction.fit_measured(study, models, where)
        for model in wanted:
            if (where, model.model) in there:
                continue
            accuracy = accuracies.of(where, model)
            if fitted and model.complexity_status == "ok":
                found.append(study_row(fitted.predict(where, model), accuracy, threads))
            else:
                found.append(_row(where, model.model, accuracy, threads, status="not_measured"))
    return found


def study_row(made: Prediction, accuracy: Accuracy, threads: int | None) -> StudyRow:
    """Return a prediction as a row, with accuracy but no memory."""
    return _row(
        Conditions(made.device, made.batch_size, made.variant),
        made.model,
        accuracy,
        threads,
        status="ok",
        latency_ms=made.latency_ms,
        latency_ms_low=made.latency_ms_low,
        latency_ms_high=made.latency_ms_high,
        batch_ms=made.latency_ms * made.batch_size,
        fps=1000 / made.latency_ms,
    )


def _conditions(row: StudyRow) -> Conditions:
    return Conditions(row.device, row.batch_size, row.variant)


def _row(
    where: Conditions, model: str, accuracy: Accuracy, threads: int | None, **time: Any
) -> StudyRow:
    return StudyRow.partial(
        **where._asdict(),
        model=model,
        schema_version=SCHEMA_VERSION,
        source="predicted",
        threads=threads,
        memory_status="not_measured",
        **accuracy.columns(),
        **time,
    )
