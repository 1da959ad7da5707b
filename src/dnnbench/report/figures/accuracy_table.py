"""The accuracy table: measured and published accuracy, and gaps explained."""

from dataclasses import dataclass

from dnnbench.queries.wording import STATUSES
from dnnbench.records.comparison_records import AccuracyRow
from dnnbench.report.figures.identity import rows
from dnnbench.report.figures.results import Results

_UNKNOWN_LICENSE = "license unknown"


@dataclass(frozen=True)
class AccuracyLine:
    """One network's row of text; ``why`` is empty if the network was measured."""

    name: str
    color: str
    published: str
    top1: str
    interval: str
    top5: str
    rank: str
    weights: str
    license: str
    why: str


@dataclass(frozen=True)
class WeightsLine:
    """A checkpoint file in the registry."""

    name: str
    tier: str
    library: str
    filename: str
    license: str


def accuracy_lines(results: Results) -> list[AccuracyLine]:
    """Return measured networks, best first, then others; empty without a data set."""
    asked = [row for row in results.accuracy if row.dataset]
    published = {row["model"]: row["top1_published"] for row in rows(results.models)}
    ordered = sorted(asked, key=lambda row: -1 if row.top1 is None else row.top1, reverse=True)
    return [_line(results, row, published.get(row.model)) for row in ordered]


def accuracy_text(results: Results) -> str:
    """Return which images accuracy was measured on, and how the results are used."""
    measured = [row for row in results.accuracy if row.status == "ok"]
    if not measured:
        if any(row.dataset for row in results.accuracy):
            return "Accuracy could not be measured for any network."
        return "Accuracy was not measured here because params.yaml does not name a data set."
    row = measured[0]
    skipped = f" (images skipped: {row.skipped:,})" if row.skipped else ""
    ranked = [str(source).startswith("measured") for source in results.models["top1_source"]]
    if all(ranked):
        use = "Rankings and figures use these results."
    elif any(ranked):
        use = "Rankings and figures use these results, and published accuracy for other networks."
    else:
        use = (
            "Rankings and figures use published accuracy. It is replaced only by results on all"
            " 50,000 ImageNet validation images."
        )
    return (
        f"Measured for {len(measured)} of {len(results.accuracy)} networks on data set"
        f" {row.dataset} ({row.n:,} images of {row.classes:,} classes) with protocol"
        f" {row.protocol}{skipped}. {use}"
    )


def weights_lines(results: Results) -> list[WeightsLine]:
    """Return every checkpoint file of the study's networks, with its license."""
    return [
        WeightsLine(
            results.identity.name(model),
            source.tier,
            source.library,
            source.filename,
            source.licence or _UNKNOWN_LICENSE,
        )
        for model in results.models["model"]
        for source in results.sources.get(model, ())
    ]


def _line(results: Results, row: AccuracyRow, published: float | None) -> AccuracyLine:
    measured = row.status == "ok"
    ranks = {row.rank_low, row.rank_high} - {None}
    return AccuracyLine(
        name=results.identity.name(row.model),
        color=results.identity.color(row.model),
        published="" if published is None else f"{published:.2f}",
        top1=f"{row.top1:.2f}" if measured else STATUSES[row.status],
        interval=f"{row.top1_low:.2f} to {row.top1_high:.2f}" if measured else "",
        top5=f"{row.top5:.2f}" if measured else "",
        rank=" to ".join(str(rank) for rank in sorted(filter(None, ranks))),
        weights=f"{row.weights_library} (tier {row.weights_tier})" if measured else "",
        license=(row.weights_licence or _UNKNOWN_LICENSE) if measured else "",
        why="" if measured else row.message or "",
    )
