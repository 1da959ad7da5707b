"""Which networks differ in accuracy: paired tests over the images that all of them saw.

Two networks are right on much the same images; only those on which one is right and the other
wrong tell them apart. For each pair:

- the difference in top-1 with the 95 % interval of Bonett and Price;
- McNemar's exact test;
- Holm's correction of its p over all pairs of the table.

:mod:`dnnbench.stats.proportions` computes all three.

Networks that the tests cannot separate are tied, but ties are not transitive: a may tie with b and
b with c where a and c differ. So a network has the ranks that the tests leave it, from one more
than the networks that are better to the last but those that are worse.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import numpy as np

from dnnbench.core.errors import UserError
from dnnbench.core.storage import check_place, read_json
from dnnbench.records import paths
from dnnbench.records import top5 as files
from dnnbench.records.accuracy_records import AccuracyRecord
from dnnbench.records.comparison_records import AccuracyRow, ComparisonRow
from dnnbench.records.top5 import Answers, AnswersError
from dnnbench.stats.proportions import holm, mcnemar, paired_difference


class ComparisonError(UserError):
    """Answers that cannot be compared: names the networks and the remedy."""


# Reading -------------------------------------------------------------------------------------


def read_records(
    folder: Path, dataset: str, protocol: str, models: Iterable[str]
) -> dict[str, AccuracyRecord]:
    """Read the accuracy records of the models that have one in ``folder``.

    Raises RecordError for one that is malformed or does not belong there.
    """
    records = {}
    for model in models:
        path = paths.in_folder(folder, paths.ACCURACY, model=model)
        if path.exists():
            record = read_json(path, AccuracyRecord)
            place = {"model": model, "dataset": dataset, "protocol": protocol}
            check_place(str(path), record, place, "remove it to measure again")
            records[model] = record
    return records


def read_answers(folder: Path, records: Mapping[str, AccuracyRecord]) -> dict[str, Answers]:
    """Read the measured networks' answers. Raises AnswersError where they are not the record's."""
    found = {}
    for model, record in records.items():
        if record.basis is not None:
            path = paths.in_folder(folder, paths.ANSWERS, model=model)
            found[model] = files.read(path)
            if found[model].basis != record.basis:
                raise AnswersError(f"{path}: not of {model}.json; remove that to measure again")
    return found


# Comparing -----------------------------------------------------------------------------------


def compare(answers: Mapping[str, Answers], dataset: str, protocol: str) -> list[ComparisonRow]:
    """Return a row for every pair of networks, in their order.

    Raises ComparisonError where they answered different images.
    """
    _check_same_images(answers, dataset)
    pairs = list(combinations(answers, 2))
    hits = {model: own.hits(1) for model, own in answers.items()}
    counts = [(int((hits[a] & ~hits[b]).sum()), int((hits[b] & ~hits[a]).sum())) for a, b in pairs]
    p_values = [mcnemar(*count) for count in counts]
    rows = []
    for (a, b), count, p, corrected in zip(pairs, counts, p_values, holm(p_values), strict=True):
        diff, low, high = paired_difference(*count, len(hits[a]))
        rows.append(
            ComparisonRow(
                dataset=dataset,
                protocol=protocol,
                model_a=a,
                model_b=b,
                n=len(hits[a]),
                top1_diff=100 * diff,
                low=100 * low,
                high=100 * high,
                mcnemar_p=p,
                holm_p=corrected,
            )
        )
    return rows


def _record(dataset: str, model: str) -> str:
    return paths.ACCURACY.format(dataset=dataset, model=model)


def _check_same_images(answers: Mapping[str, Answers], dataset: str) -> None:
    for a, b in pairwise(answers):
        one, other = answers[a], answers[b]
        if one.names != other.names or not np.array_equal(one.labels, other.labels):
            raise ComparisonError(
                f"dataset {dataset}: {a} and {b} were measured on different images; to measure"
                f" them again, remove {' and '.join(_record(dataset, name) for name in (a, b))}"
            )


def rank_ranges(models: Sequence[str], rows: Iterable[ComparisonRow]) -> dict[str, tuple[int, int]]:
    """Return the first and last rank that the tests, ``rows``, leave each of ``models``."""
    better, worse = dict.fromkeys(models, 0), dict.fromkeys(models, 0)
    for row in rows:
        if row.separates:
            pair = (row.model_a, row.model_b)
            winner, loser = pair if row.top1_diff > 0 else reversed(pair)
            better[loser] += 1
            worse[winner] += 1
    return {model: (1 + better[model], len(models) - worse[model]) for model in models}


def summarise(
    models: Iterable[str], records: Mapping[str, AccuracyRecord], rows: Sequence[ComparisonRow]
) -> list[AccuracyRow]:
    """Return a row for each model, with its ranks among the measured ones."""
    ranks = rank_ranges([name for name, record in records.items() if record.status == "ok"], rows)
    return [_row(name, records.get(name), ranks.get(name, (None, None))) for name in models]


def _row(
    model: str, record: AccuracyRecord | None, ranks: tuple[int | None, int | None]
) -> AccuracyRow:
    if record is None:
        return AccuracyRow(model=model, status="not_measured")
    shared = AccuracyRow.model_fields.keys() & AccuracyRecord.model_fields.keys()
    fields: dict[str, Any] = {name: getattr(record, name) for name in shared}
    if basis := record.basis:
        used = basis.weights
        fields |= {"skipped": len(basis.skipped), "weights_sha256": used.sha256}
        fields |= {"weights_tier": used.tier, "weights_library": used.library}
        fields["weights_licence"] = used.licence
    return AccuracyRow(**fields, rank_low=ranks[0], rank_high=ranks[1])
