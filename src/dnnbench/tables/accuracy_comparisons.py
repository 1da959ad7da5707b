"""Which networks differ in accuracy: paired tests over the images that all of them saw.

Two networks are right on much the same images; only those on which one is right and the other
wrong tell them apart. For each pair:

- the difference in top-1 with the 95 % interval of Bonett and Price (J. Educ. Behav. Stat. 37,
  2012): Wald's, after one image more is counted for either disagreement. It keeps its level for
  tens of images as for thousands, and has a width where nothing disagrees;
- McNemar's exact test: a binomial test of the disagreements against one half;
- Holm's correction of its p over all pairs of the table.

Networks that the tests cannot separate are tied, but ties are not transitive: a may tie with b and
b with c where a and c differ. So a network has the ranks that the tests leave it, from one more
than the networks that are better to the last but those that are worse.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations, pairwise
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import binomtest, norm

from dnnbench.core.errors import UserError
from dnnbench.core.storage import check_place, read_json
from dnnbench.records import paths
from dnnbench.records import top5 as files
from dnnbench.records.accuracy_records import AccuracyRecord
from dnnbench.records.comparison_records import AccuracyRow, ComparisonRow
from dnnbench.records.top5 import Answers, AnswersError

_Z = float(norm.ppf(0.975))


class ComparisonError(UserError):
    """Answers that cannot be compared: names the networks and the remedy."""


# Reading -------------------------------------------------------------------------------------


def read_records(
    folder: Path, dataset: str, protocol: str, models: Iterable[str]
) -> dict[str, AccuracyRecord]:
    """Accuracy records of the models that have one in ``folder``.

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
    """Answers of the measured networks. Raises AnswersError where they are not the record's."""
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
    """A row for every pair of networks, in their order.

    Raises ComparisonError where they answered different images.
    """
    _check_same_images(answers, dataset)
    pairs = list(combinations(answers, 2))
    hits = {model: own.hits(1) for model, own in answers.items()}
    counts = [(int((hits[a] & ~hits[b]).sum()), int((hits[b] & ~hits[a]).sum())) for a, b in pairs]
    p_values = [mcnemar(*count) for count in counts]
    rows = []
    for (a, b), count, p, corrected in zip(pairs, counts, p_values, holm(p_values), strict=True):
        diff, low, high = difference(*count, len(hits[a]))
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


def difference(a_only: int, b_only: int, n: int) -> tuple[float, float, float]:
    """a minus b with Bonett and Price's 95 % interval, as shares of ``n`` images.

    ``a_only`` images only a had right, ``b_only`` only b.
    """
    more, less = (a_only + 1) / (n + 2), (b_only + 1) / (n + 2)
    centre = more - less
    half = _Z * sqrt((more + less - centre**2) / (n + 2))
    return (a_only - b_only) / n, max(-1.0, centre - half), min(1.0, centre + half)


def mcnemar(a_only: int, b_only: int) -> float:
    """Exact two-sided p of a split of the disagreements this uneven; 1 where there are none."""
    disagreements = a_only + b_only
    return float(binomtest(a_only, disagreements).pvalue) if disagreements else 1.0


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's corrected p values, in the order given."""
    total = len(p_values)
    corrected, least = [0.0] * total, 0.0
    for place, index in enumerate(sorted(range(total), key=p_values.__getitem__)):
        least = max(least, min(1.0, p_values[index] * (total - place)))
        corrected[index] = least
    return corrected


def rank_ranges(models: Sequence[str], rows: Iterable[ComparisonRow]) -> dict[str, tuple[int, int]]:
    """First and last rank that the tests leave each of ``models``, which ``rows`` compare."""
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
    """A row for each model, with its ranks among the measured ones."""
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
