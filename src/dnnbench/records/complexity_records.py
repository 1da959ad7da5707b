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
    """Row of results/complexity.csv: the cost of one network at batch size 1.

    It does not depend on the machine. A number that could not be counted is empty.
    """

    model: ModelName
    """Key of the network."""
    spec: Line
    """Name of the network in ``models`` and ``predicted``, for example
    ``timm:convnext_tiny.in12k_ft_in1k``."""
    input_size: Annotated[int, Field(ge=1)]
    """Height and width of the input."""
    params: Count | None = None
    """Number of learnable parameters."""
    params_executed: Count | None = None
    """Number of parameters that a forward pass reads; auxiliary heads are excluded."""
    macs: Count | None = None
    """Multiply-adds of convolutions and matrix products, attention included."""
    flops: Count | None = None
    """Floating-point operations: 2 x ``macs``."""
    conv_macs: Count | None = None
    """Multiply-adds of convolutions, without bias; the 2018 study plots these as G-FLOPs."""
    grouped_macs: Count | None = None
    """Multiply-adds of grouped and depthwise convolutions, part of ``conv_macs``."""
    thop_macs: Count | None = None
    """Multiply-adds as counted by the thop package, whose definitions differ: a cross-check."""
    linear_mib: NonNegative | None = None
    """Memory traffic of matrix products: the size of all data that they read and write."""
    traffic_mib: NonNegative | None = None
    """Memory traffic of all other operators."""
    operators: Count | None = None
    """Number of operators in a forward pass, except those that only return a view."""
    weights_mib: NonNegative | None = None
    """Size of the parameters and buffers in fp32."""
    activations_mib: NonNegative | None = None
    """Peak total size of the live tensors in a pass, including the input but no workspaces: a
    lower bound on the memory of a pass."""
    uncounted_operators: Text | None = None
    """Operators that do real work but are not included in ``macs``, separated by spaces."""
    complexity_status: Status = "ok"
    """``ok`` if the multiply-adds were counted."""
    complexity_message: Text | None = None
    """Why a count is missing, or how it was obtained."""
