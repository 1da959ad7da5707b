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
    top1: Percent
    """Percentage of images with the same top-1 class."""


class Built(Record):
    """An engine's preparation of a network for one batch size: export, session or compilation."""

    ms: Milliseconds
    """Build time."""
    cached: bool | None = None
    """Whether the engine reused an earlier build, which makes ``ms`` too short; null if it never
    keeps a build."""
    settings: dict[Line, Text | int | bool]
    """Settings of the engine, including its version."""
