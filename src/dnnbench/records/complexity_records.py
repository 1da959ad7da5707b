"""The shape of results/complexity.csv."""

from typing import Annotated, Self

from pydantic import (
    Field,
)

from dnnbench.records.base import (
    Count,
    Line,
    ModelName,
    NonNegative,
    Record,
    Status,
    Text,
)


class Complexity(Record):
    """A row of results/complexity.csv: what a network costs, whatever the machine.

    ``spec``: how a list of models names it, such as timm:convnext_tiny.in12k_ft_in1k. A count that
    failed is None; ``complexity_status`` is not ok where multiply-adds are not known, and
    ``complexity_message`` says why, and what else there is to say of the counts.
    ``uncounted_operators`` do work that is not in ``macs``: their names, with a blank in between.
    """

    model: ModelName
    spec: Line
    input_size: Annotated[int, Field(ge=1)]
    params: Count | None
    params_executed: Count | None
    macs: Count | None
    flops: Count | None
    conv_macs: Count | None
    grouped_macs: Count | None
    thop_macs: Count | None
    linear_mib: NonNegative | None
    traffic_mib: NonNegative | None
    operators: Count | None
    weights_mib: NonNegative | None
    activations_mib: NonNegative | None
    uncounted_operators: Text | None = None
    complexity_status: Status = "ok"
    complexity_message: Text | None = None

    @classmethod
    def unknown(cls, model: str, spec: str, input_size: int, message: str) -> Self:
        """Return a row without numbers, and why it has none."""
        fields = dict.fromkeys(cls.model_fields) | {
            "model": model,
            "spec": spec,
            "input_size": input_size,
            "complexity_status": "not_measured",
            "complexity_message": message,
        }
        return cls.model_validate(fields)
