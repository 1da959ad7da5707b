"""Paired tests of differences in accuracy, on images common to all networks.

Two networks classify mostly the same images correctly. Only images that exactly one of them
classifies correctly distinguish the two. The table has for each pair:

- the difference in top-1 accuracy, with the 95% interval of Bonett and Price;
- McNemar's exact test;
- Holm's correction of its p value over all pairs of the table.

:mod:`dnnbench.stats.proportions` computes all three.

Networks that the tests cannot separate are tied. Ties are not transitive: a may be tied with b, and
b with c, although a and c differ. Each network therefore has a range of ranks, which starts after
all better networks and ends before all worse ones.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any

from dnnbench.records.accuracy_records import AccuracyRecord
from dnnbench.records.comparison_records import AccuracyRow, ComparisonRow
from dnnbench.records.top5 import Answers
from dnnbench.stats.proportions import holm, mcnemar, paired_difference


def compare(answers: Mapping[str, Answers], dataset: str, protocol: str) -> list[ComparisonRow]:
    """Return one row per pair of networks, which classified the same images."""
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


def rank_ranges(models: Sequence[str], rows: Iterable[ComparisonRow]) -> dict[str, tuple[int, int]]:
    """Return each model's first and last possible rank, given tests in ``rows``."""
    better, worse = dict.fromkeys(models, 0), dict.fromkeys(models, 0)
    for row in rows:
        if row.separates:
            pair = (row.model_a, row.model_b)
            winner, loser = pair if row.top1_diff > 0 else reversed(pair)
            better[loser] += 1
            worse[winner] += 1
    return {model: (1 + better[model], len(models) - worse[model]) for model in models}


def summarize(
    models: Iterable[str], records: Mapping[str, AccuracyRecord], rows: Sequence[ComparisonRow]
) -> list[AccuracyRow]:
    """Return one row per model, with its range of ranks among the measured models."""
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
