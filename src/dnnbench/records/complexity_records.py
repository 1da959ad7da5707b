"""The shape of results/complexity.csv."""

from typing import Annotated

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
    params: Count | None = None
    params_executed: Count | None = None
    macs: Count | None = None
    flops: Count | None = None
    conv_macs: Count | None = None
    grouped_macs: Count | None = None
    thop_macs: Count | None = None
    linear_mib: NonNegative | None = None
    traffic_mib: NonNegative | None = None
    operators: Count | None = None
    weights_mib: NonNegative | None = None
    activations_mib: NonNegative | None = None
    uncounted_operators: Text | None = None
    complexity_status: Status = "ok"
    complexity_message: Text | None = None
