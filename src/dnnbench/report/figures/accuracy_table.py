"""What was measured of accuracy, beside what was published, and what was not measured and why."""

from dataclasses import dataclass

from dnnbench.core.formatting import STATUS_WORDS
from dnnbench.records.comparison_records import AccuracyRow
from dnnbench.report.figures.identity import rows
from dnnbench.report.figures.results import Results


@dataclass(frozen=True)
class AccuracyLine:
    """One network, in words; ``why`` is empty where it was measured."""

    name: str
    colour: str
    published: str
    top1: str
    interval: str
    top5: str
    rank: str
    weights: str
    licence: str
    why: str


@dataclass(frozen=True)
class WeightsLine:
    """A file of weights that the registry knows."""

    name: str
    tier: str
    library: str
    filename: str
    licence: str


def accuracy_lines(results: Results) -> list[AccuracyLine]:
    """Measured networks, best first, then the others; empty where nothing was asked for."""
    asked = [row for row in results.accuracy if row.dataset]
    published = {row["model"]: row["top1_published"] for row in rows(results.models)}
    ordered = sorted(asked, key=lambda row: -1 if row.top1 is None else row.top1, reverse=True)
    return [_line(results, row, published.get(row.model)) for row in ordered]


def accuracy_text(results: Results) -> str:
    """Which pictures were measured on, and what the numbers are used for."""
    measured = [row for row in results.accuracy if row.status == "ok"]
    if not measured:
        if any(row.dataset for row in results.accuracy):
            return "No network's accuracy could be measured."
        return "Accuracy was not measured here: params.yaml names no data set."
    row = measured[0]
    skipped = f", {row.skipped} pictures left out" if row.skipped else ""
    ranked = [str(source).startswith("measured") for source in results.models["top1_source"]]
    if all(ranked):
        use = "Rankings and figures use these numbers."
    elif any(ranked):
        use = "Rankings and figures use these numbers, and the published ones of the others."
    else:
        use = (
            "Rankings and figures use the published accuracy: only that of all 50,000 validation"
            " images of ImageNet replaces it."
        )
    return (
        f"Measured on {row.dataset}: {row.n:,} images of {row.classes:,} classes{skipped}, protocol"
        f" {row.protocol}; {len(measured)} of {len(results.accuracy)} networks. {use}"
    )


def weights_lines(results: Results) -> list[WeightsLine]:
    """Every file of weights of the study's networks, with its licence."""
    return [
        WeightsLine(
            results.identity.name(model),
            source.tier,
            source.library,
            source.filename,
            source.licence or "not known",
        )
        for model in results.models["model"]
        for source in results.sources.get(model, ())
    ]


def _line(results: Results, row: AccuracyRow, published: float | None) -> AccuracyLine:
    measured = row.status == "ok"
    ranks = {row.rank_low, row.rank_high} - {None}
    return AccuracyLine(
        name=results.identity.name(row.model),
        colour=results.identity.colour(row.model),
        published="" if published is None else f"{published:.2f}",
        top1=f"{row.top1:.2f}" if measured else STATUS_WORDS[row.status],
        interval=f"{row.top1_low:.2f} to {row.top1_high:.2f}" if measured else "",
        top5=f"{row.top5:.2f}" if measured else "",
        rank=" to ".join(str(rank) for rank in sorted(filter(None, ranks))),
        weights=f"{row.weights_library} (tier {row.weights_tier})" if measured else "",
        licence=(row.weights_licence or "not known") if measured else "",
        why="" if measured else row.message or "",
    )
