"""Accuracy that networks are ranked by: published, stated, or measured on the same images."""

from collections.abc import Mapping
from dataclasses import dataclass

from dnnbench.config.stated_accuracy import StatedAccuracy
from dnnbench.networks.registry import Network
from dnnbench.records.comparison_records import AccuracyRow
from dnnbench.records.labels import STATED
from dnnbench.records.published_study import STUDY

# The data set of the published accuracies, by the name of its layout.
VALIDATION_SET = "imagenet"
VALIDATION_IMAGES = 50_000


@dataclass(frozen=True)
class Accuracy:
    """Accuracy of a network in percent, with its source; ``None`` if unknown."""

    top1: float | None = None
    top1_source: str | None = None
    top5: float | None = None
    top5_source: str | None = None
    top1_low: float | None = None
    top1_high: float | None = None
    top5_low: float | None = None
    top5_high: float | None = None


def ranked_accuracy(
    known: Mapping[str, Accuracy], measured: Mapping[str, AccuracyRow]
) -> dict[str, Accuracy]:
    """Return the accuracy that each network of ``known``, published or stated, is ranked by.

    All accuracies of a ranking have to use the same data set and protocol. The published ones use
    the 50,000 validation images and the protocol of 2018. An accuracy measured in the same way
    replaces the known one. Accuracies measured with another protocol replace all known ones or
    none.
    """
    full = {model: row for model, row in measured.items() if _on_all_images(row)}
    if {row.protocol for row in full.values()} - {STUDY} and full.keys() < known.keys():
        full = {}
    return {
        model: _measured_accuracy(full[model]) if model in full else accuracy
        for model, accuracy in known.items()
    }


def _on_all_images(row: AccuracyRow) -> bool:
    whole = (VALIDATION_SET, VALIDATION_IMAGES, 0)
    return row.status == "ok" and (row.dataset, row.n, row.skipped) == whole


def _measured_accuracy(row: AccuracyRow) -> Accuracy:
    source = f"measured:{row.dataset}"
    return Accuracy(
        row.top1,
        source,
        row.top5,
        source,
        row.top1_low,
        row.top1_high,
        row.top5_low,
        row.top5_high,
    )


def stated_accuracy(network: Network, setting: StatedAccuracy | None = None) -> Accuracy | None:
    """Return the accuracy that the user states: in params.yaml, else in the network's entry."""
    stated = setting or network.accuracy
    if stated is None:
        return None
    source = f"{STATED}:{stated.source}"
    return Accuracy(stated.top1, source, stated.top5, None if stated.top5 is None else source)


def published_accuracy(network: Network) -> Accuracy:
    """Return the accuracy of the 2018 study, else of the first weights that state one."""
    study = network.published
    if study:
        return Accuracy(
            study.top1,
            f"published:{study.top1_source}",
            study.top5,
            f"published:{study.top5_source}",
        )
    for weights in network.weights:
        if weights.top1 is not None:
            top5_source = None if weights.top5 is None else "published:library"
            return Accuracy(weights.top1, "published:library", weights.top5, top5_source)
    return Accuracy()
