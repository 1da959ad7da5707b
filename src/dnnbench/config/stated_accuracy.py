"""Accuracy that a user states for a network, instead of measuring it on images."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from dnnbench.config.section import Section
from dnnbench.records.base import Line, Percent


class StatedAccuracy(Section):
    """Accuracy of one network, as you state it."""

    top1: Annotated[Percent, Field(description="Top-1 accuracy, in percent: 0 to 100.")]
    top5: Annotated[
        Percent | None,
        Field(description="Top-5 accuracy, in percent: 0 to 100. null: unknown."),
    ] = None
    source: Annotated[
        Line,
        Field(
            min_length=1,
            pattern=r"^\S(.*\S)?$",
            description="Origin of the accuracy, such as 'own evaluation on ImageNet,"
            " 2026-11-28'. Tables and the HTML report show it.",
        ),
    ]

    @model_validator(mode="after")
    def _is_in_percent(self) -> Self:
        for key, value in (("top1", self.top1), ("top5", self.top5)):
            if value is not None and 0 < value <= 1:
                raise ValueError(f"{key}: {value:g}: a percentage. Did you mean {100 * value:g}?")
        if self.top5 is not None and self.top1 > self.top5:
            raise ValueError(
                f"top1: {self.top1:g}: greater than top5, {self.top5:g}. Correct one of them."
            )
        return self
