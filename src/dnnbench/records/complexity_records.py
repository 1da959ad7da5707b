"""The shape of results/complexity.csv."""

from typing import Annotated

from pydantic import (
    Field,
)

from dnnbench.records.base import ModelName, NonNegative, Record


class Complexity(Record):
    """A row of results/complexity.csv: what a network costs, whatever the machine.

    ``spec``: how a list of models names it, such as timm:convnext_tiny.in12k_ft_in1k.
    """

    model: ModelName
    spec: str
    input_size: Annotated[int, Field(ge=1)]
    params: Annotated[int, Field(ge=0)]
    params_executed: Annotated[int, Field(ge=0)]
    macs: Annotated[int, Field(ge=0)]
    flops: Annotated[int, Field(ge=0)]
    conv_macs: Annotated[int, Field(ge=0)]
    grouped_macs: Annotated[int, Field(ge=0)]
    thop_macs: Annotated[int, Field(ge=0)] | None
    linear_mib: NonNegative
    traffic_mib: NonNegative
    operators: Annotated[int, Field(ge=0)]
    weights_mib: NonNegative
    activations_mib: NonNegative
