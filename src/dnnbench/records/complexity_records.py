"""Format of results/complexity.csv."""

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
    """Row of results/complexity.csv: the cost of a network at batch size 1, on any machine.

    A number that could not be counted is empty.
    """

    model: ModelName
    """Key of the network."""
    spec: Line
    """How a list of models names it, for example ``timm:convnext_tiny.in12k_ft_in1k``."""
    input_size: Annotated[int, Field(ge=1)]
    """Height and width of the input."""
    params: Count | None = None
    """Learnable parameters."""
    params_executed: Count | None = None
    """Parameters that a forward pass reads: without auxiliary heads."""
    macs: Count | None = None
    """Multiply-adds of convolutions and matrix products, attention included."""
    flops: Count | None = None
    """Floating-point operations: 2 x ``macs``."""
    conv_macs: Count | None = None
    """Multiply-adds of convolutions, without bias: what the 2018 study plots as G-FLOPs."""
    grouped_macs: Count | None = None
    """Multiply-adds of grouped and depthwise convolutions, part of ``conv_macs``."""
    thop_macs: Count | None = None
    """Multiply-adds as the thop package counts them: a cross-check with other definitions."""
    linear_mib: NonNegative | None = None
    """Memory that matrix products read and write."""
    traffic_mib: NonNegative | None = None
    """Memory that all other operators read and write."""
    operators: Count | None = None
    """Operators of a forward pass, without those that only return another view of a tensor."""
    weights_mib: NonNegative | None = None
    """Size of the parameters and buffers in fp32."""
    activations_mib: NonNegative | None = None
    """Largest sum of live tensors in a pass, input included, without workspaces: a lower bound."""
    uncounted_operators: Text | None = None
    """Operators whose work is missing from ``macs``, separated by spaces."""
    complexity_status: Status = "ok"
    """``ok`` if the multiply-adds are known."""
    complexity_message: Text | None = None
    """Reason why a count is missing, or how it was obtained."""
