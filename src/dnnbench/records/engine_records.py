"""Reports of an engine about a prepared network, part of latency and memory records."""

from typing import Annotated

from pydantic import (
    Field,
)

from dnnbench.records.base import (
    Line,
    Milliseconds,
    NonNegative,
    Percent,
    Record,
    Text,
)


class Agreement(Record):
    """Agreement of a variant with ``fp32-eager`` on the same images."""

    images: Annotated[int, Field(ge=1)]
    """Number of images that were compared."""
    largest_difference: NonNegative
    """Largest absolute difference between two logits, divided by the largest logit of
    ``fp32-eager``."""
    kernel_difference: NonNegative | None = None
    """Largest absolute difference from the same quantized network computed in fp32 by the same
    engine, on images that calibrated it, divided by the largest logit; null if the variant is not
    quantized."""
    top1: Percent
    """Percentage of images with the same top-1 class."""


class Built(Record):
    """An engine's preparation of a network for one batch size: session or compilation."""

    ms: Milliseconds
    """Time in the measuring process, until the network is ready to run."""
    graph_ms: Milliseconds | None = None
    """Time to build the graph that the engine reads, once and earlier; null if it reads none."""
    graph: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    """SHA-256 of everything that determines the graph; see resources/graphs."""
    cached: bool | None = None
    """Whether the engine reused an earlier build, which makes ``ms`` too short; null if it never
    keeps a build."""
    settings: dict[Line, Text | int | bool]
    """Settings of the engine, including its version."""
