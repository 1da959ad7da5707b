"""Accuracy that networks are ranked by: published, stated, or measured on the same images.

The accuracy of a variant is that of fp32-eager if its answers cannot differ. Otherwise, it is the
accuracy of fp32-eager plus the paired difference measured on the study's images, or unknown. An
allocator or a number of threads changes no answer.

The answers of a variant cannot differ if it computes in fp32 too, so that only the order of sums
differs, if its logits agreed with those of fp32-eager in every process, and if its answers are the
same for all images, as far as they were measured. With a largest difference d of a logit, only
images whose two best logits are closer than 2 d can change their answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from dnnbench.config import variants
from dnnbench.config.stated_accuracy import StatedAccuracy
from dnnbench.networks.registry import Network
from dnnbench.records.comparison_records import AccuracyRow, VariantAccuracyRow
from dnnbench.records.labels import CHANGED, STATED
from dnnbench.records.published_study import STUDY, TOP1_ROUNDING, TOP5_ROUNDING

# The data set of the published accuracies, by the name of its layout.
VALIDATION_SET = "imagenet"
VALIDATION_IMAGES = 50_000


@dataclass(frozen=True)
class Accuracy:
    """Accuracy of a network in percent, with its source; ``None`` if unknown.

    ``change`` is top-1 accuracy minus that of fp32-eager, in percentage points, with its interval;
    without an interval, answers cannot differ.
    """

    top1: float | None = None
    top1_source: str | None = None
    top5: float | None = None
    top5_source: str | None = None
    top1_low: float | None = None
    top1_high: float | None = None
    top5_low: float | None = None
    top5_high: float | None = None
    change: float | None = None
    change_low: float | None = None
    change_high: float | None = None

    def columns(self) -> dict[str, Any]:
        """Return the columns of study.csv that hold it."""
        return {
            "top1": self.top1,
            "top5": self.top5,
            "accuracy_source": self.top1_source,
            "top1_low": self.top1_low,
            "top1_high": self.top1_high,
            "top1_change": self.change,
            "top1_change_low": self.change_low,
            "top1_change_high": self.change_high,
        }


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


def variant_accuracy(
    variant: str, ranked: Accuracy, agrees: bool, measured: VariantAccuracyRow | None
) -> Accuracy:
    """Return the accuracy of a network in ``variant``, given that in fp32-eager.

    ``agrees``: whether the logits agreed with those of fp32-eager. ``measured`` is the row of
    accuracy/variants.csv for the variant that computes the same.
    """
    if variant == variants.REFERENCE or ranked.top1 is None:
        return ranked
    if variants.parse(variant).is_reference:
        return replace(ranked, change=0.0)
    tried = measured is not None and measured.status != "not_measured"
    same_answers = measured is not None and measured.top1_same == 100
    exact = variants.parse(variant).precision == "fp32"
    if exact and agrees and (same_answers or not tried):
        return replace(ranked, change=0.0)
    if measured is None or measured.status != "ok":
        return Accuracy()
    if ranked.top1_source == f"measured:{measured.dataset}" and measured.n == VALIDATION_IMAGES:
        found = _measured_accuracy(measured)
    else:
        found = _changed(ranked, measured)
    return replace(
        found,
        change=measured.top1_change,
        change_low=measured.top1_change_low,
        change_high=measured.top1_change_high,
    )


def _changed(ranked: Accuracy, measured: VariantAccuracyRow) -> Accuracy:
    """Return the accuracy plus its change, with the bounds of both."""
    kind, _, detail = (ranked.top1_source or "").partition(":")
    source = f"{kind}+{CHANGED}:{measured.dataset}"
    printed = kind == "published"

    def bounds(name: str, rounding: float) -> list[float | None]:
        value = getattr(ranked, name)
        if value is None:
            return [None, None, None]
        half = rounding if printed else 0.0
        low, high = getattr(ranked, f"{name}_low"), getattr(ranked, f"{name}_high")
        low, high = (value - half, value + half) if None in (low, high) else (low, high)
        changes = [getattr(measured, f"{name}_change{end}") for end in ("", "_low", "_high")]
        return [
            min(100.0, max(0.0, base + change))
            for base, change in zip((value, low, high), changes, strict=True)
        ]

    top1, top1_low, top1_high = bounds("top1", TOP1_ROUNDING.get(detail, 0.0))
    top5, top5_low, top5_high = bounds("top5", TOP5_ROUNDING.get(detail, 0.0))
    top5_source = None if top5 is None else source
    return Accuracy(top1, source, top5, top5_source, top1_low, top1_high, top5_low, top5_high)


def _on_all_images(row: AccuracyRow) -> bool:
    whole = (VALIDATION_SET, VALIDATION_IMAGES, 0)
    return row.status == "ok" and (row.dataset, row.n, row.skipped) == whole


def _measured_accuracy(row: AccuracyRow | VariantAccuracyRow) -> Accuracy:
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
