"""Formats of the tables of accuracy in results/accuracy/, and of results/comparisons.csv."""

from typing import Annotated

from pydantic import (
    Field,
)

from dnnbench.records.base import REFERENCE, DeviceName, ModelName, Percent, Points, Record, Status


class AccuracyRow(Record):
    """Row of results/accuracy/summary.csv: one network of the study, measured or not.

    The intervals are Wilson's 95% confidence intervals.
    """

    model: ModelName
    """Key of the network."""
    dataset: str | None = None
    """Data set that the network was measured on."""
    protocol: str | None = None
    """Accuracy protocol: ``bianco2018`` or ``native``."""
    status: Status
    """Status of the measurement."""
    message: str | None = None
    """Why there is no accuracy."""
    n: Annotated[int, Field(ge=0)] = 0
    """Number of images that the network classified."""
    classes: Annotated[int, Field(ge=0)] = 0
    """Number of classes among these images."""
    skipped: Annotated[int, Field(ge=0)] = 0
    """Number of images of the data set that could not be used."""
    top1: Percent | None = None
    """Top-1 accuracy."""
    top1_low: Percent | None = None
    """Lower end of the interval of ``top1``."""
    top1_high: Percent | None = None
    """Upper end of the interval of ``top1``."""
    top5: Percent | None = None
    """Top-5 accuracy."""
    top5_low: Percent | None = None
    """Lower end of the interval of ``top5``."""
    top5_high: Percent | None = None
    """Upper end of the interval of ``top5``."""
    rank_low: Annotated[int, Field(ge=1)] | None = None
    """Best possible rank: 1 plus the number of measured networks that are significantly better."""
    rank_high: Annotated[int, Field(ge=1)] | None = None
    """Worst possible rank: the number of measured networks that are not significantly worse,
    this one included."""
    weights_tier: str | None = None
    """Tier of the weights: ``A``, ``B``, ``C`` or ``override``."""
    weights_library: str | None = None
    """Library that publishes the weights."""
    weights_licence: str | None = None
    """License of the weights."""
    weights_sha256: str | None = None
    """SHA-256 of the weights file."""


class VariantAccuracyRow(Record):
    """Row of results/accuracy/variants.csv: a network in another variant than ``fp32-eager``.

    ``fp32-eager`` and the variant classified the same images. The intervals of accuracies are
    Wilson's, those of changes Bonett and Price's; all are 95% confidence intervals.
    """

    device: DeviceName
    """Name of the device."""
    variant: str
    """Variant: precision, engine, layout, allocator, threads."""
    model: ModelName
    """Key of the network."""
    dataset: str | None = None
    """Data set that the network was measured on."""
    protocol: str | None = None
    """Accuracy protocol: ``bianco2018`` or ``native``."""
    status: Status
    """Status of the measurement."""
    message: str | None = None
    """Why there is no accuracy."""
    n: Annotated[int, Field(ge=0)] = 0
    """Number of images that the network classified."""
    top1: Percent | None = None
    """Top-1 accuracy."""
    top1_low: Percent | None = None
    """Lower end of the interval of ``top1``."""
    top1_high: Percent | None = None
    """Upper end of the interval of ``top1``."""
    top5: Percent | None = None
    """Top-5 accuracy."""
    top5_low: Percent | None = None
    """Lower end of the interval of ``top5``."""
    top5_high: Percent | None = None
    """Upper end of the interval of ``top5``."""
    top1_same: Percent | None = None
    """Percentage of images with the same top-1 class as in ``fp32-eager``."""
    top1_change: Points | None = None
    """``top1`` minus that of ``fp32-eager`` on the same images, in percentage points."""
    top1_change_low: Points | None = None
    """Lower end of the interval of ``top1_change``."""
    top1_change_high: Points | None = None
    """Upper end of the interval of ``top1_change``."""
    top5_change: Points | None = None
    """``top5`` minus that of ``fp32-eager`` on the same images, in percentage points."""
    top5_change_low: Points | None = None
    """Lower end of the interval of ``top5_change``."""
    top5_change_high: Points | None = None
    """Upper end of the interval of ``top5_change``."""


class ComparisonRow(Record):
    """Row of results/comparisons.csv: two networks, or two variants, on the same images.

    Each pair of networks has one row, in ``fp32-eager``. A network has one more row for each
    device and other variant: there ``model_a`` and ``model_b`` are equal.
    """

    dataset: str
    """Name of the data set."""
    protocol: str
    """Accuracy protocol: ``bianco2018`` or ``native``."""
    model_a: ModelName
    """Key of the first network."""
    model_b: ModelName
    """Key of the second network."""
    device: DeviceName | None = None
    """Device of ``variant_b``; empty for a pair of networks."""
    variant_a: str = REFERENCE
    """Variant of ``model_a``."""
    variant_b: str = REFERENCE
    """Variant of ``model_b``."""
    n: Annotated[int, Field(ge=1)]
    """Number of images that both classified."""
    top1_diff: Points
    """Top-1 accuracy of ``model_a`` minus that of ``model_b``, in percentage points."""
    low: Points
    """Lower end of the 95% confidence interval of ``top1_diff`` (Bonett and Price 2012)."""
    high: Points
    """Upper end of that interval."""
    mcnemar_p: Annotated[float, Field(ge=0, le=1)]
    """p value of McNemar's exact test."""
    holm_p: Annotated[float, Field(ge=0, le=1)]
    """``mcnemar_p`` corrected by Holm's method for the number of pairs of networks, or for the
    number of rows of variants. Below 0.05, one of the two is more accurate; otherwise they are
    tied."""

    @property
    def separates(self) -> bool:
        """Whether the two differ significantly at the 5% level."""
        return self.holm_p < 0.05
