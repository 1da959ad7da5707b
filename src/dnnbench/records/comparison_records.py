"""The shapes of results/accuracy/summary.csv and results/comparisons.csv."""

from typing import Annotated

from pydantic import (
    Field,
)

from dnnbench.records.base import ModelName, Percent, Record, Status


class AccuracyRow(Record):
    """A row of results/accuracy/summary.csv: one network of the study, measured or not.

    Per cent with 95 % intervals, as in the network's own record. ``rank_low`` to ``rank_high``
    are the ranks that the paired tests leave it among the measured networks.
    """

    model: ModelName
    dataset: str | None = None
    protocol: str | None = None
    status: Status
    message: str | None = None
    n: Annotated[int, Field(ge=0)] = 0
    classes: Annotated[int, Field(ge=0)] = 0
    skipped: Annotated[int, Field(ge=0)] = 0
    top1: Percent | None = None
    top1_low: Percent | None = None
    top1_high: Percent | None = None
    top5: Percent | None = None
    top5_low: Percent | None = None
    top5_high: Percent | None = None
    rank_low: Annotated[int, Field(ge=1)] | None = None
    rank_high: Annotated[int, Field(ge=1)] | None = None
    weights_tier: str | None = None
    weights_library: str | None = None
    weights_licence: str | None = None
    weights_sha256: str | None = None


class ComparisonRow(Record):
    """A row of results/comparisons.csv: two networks on the same images.

    ``top1_diff`` is model_a minus model_b in percentage points, ``low`` to ``high`` its 95 %
    interval, ``holm_p`` the p value corrected for the number of rows.
    """

    dataset: str
    protocol: str
    model_a: ModelName
    model_b: ModelName
    n: Annotated[int, Field(ge=1)]
    top1_diff: Annotated[float, Field(ge=-100, le=100)]
    low: Annotated[float, Field(ge=-100, le=100)]
    high: Annotated[float, Field(ge=-100, le=100)]
    mcnemar_p: Annotated[float, Field(ge=0, le=1)]
    holm_p: Annotated[float, Field(ge=0, le=1)]

    @property
    def separates(self) -> bool:
        """Whether the test tells the two networks apart, at the 5 % level."""
        return self.holm_p < 0.05
