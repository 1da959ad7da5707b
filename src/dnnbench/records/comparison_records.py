"""Formats of results/accuracy/summary.csv and results/comparisons.csv."""

from typing import Annotated

from pydantic import (
    Field,
)

from dnnbench.records.base import ModelName, Percent, Record, Status


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


class ComparisonRow(Record):
    """Row of results/comparisons.csv: a pair of networks measured on the same images.

    Each pair of ``model_a`` and ``model_b`` has one row.
    """

    dataset: str
    """Name of the data set."""
    protocol: str
    """Accuracy protocol: ``bianco2018`` or ``native``."""
    model_a: ModelName
    """Key of the first network."""
    model_b: ModelName
    """Key of the second network."""
    n: Annotated[int, Field(ge=1)]
    """Number of images that both classified."""
    top1_diff: Annotated[float, Field(ge=-100, le=100)]
    """Top-1 accuracy of ``model_a`` minus that of ``model_b``, in percentage points."""
    low: Annotated[float, Field(ge=-100, le=100)]
    """Lower end of the 95% confidence interval of ``top1_diff`` (Bonett and Price 2012)."""
    high: Annotated[float, Field(ge=-100, le=100)]
    """Upper end of that interval."""
    mcnemar_p: Annotated[float, Field(ge=0, le=1)]
    """p value of McNemar's exact test."""
    holm_p: Annotated[float, Field(ge=0, le=1)]
    """``mcnemar_p`` corrected by Holm's method for the number of rows. Below 0.05, one network is
    more accurate; otherwise the two are tied."""

    @property
    def separates(self) -> bool:
        """Whether the two networks differ significantly at the 5% level."""
        return self.holm_p < 0.05
