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
    """Images that were compared."""
    largest_difference: NonNegative
    """Largest difference of a logit, relative to the largest logit of ``fp32-eager``."""
    top1: Percent
    """Share of images with the same top-1 class."""


class Built(Record):
    """Build by an engine before it ran a network at one batch size."""

    ms: Milliseconds
    """Build time."""
    cached: bool | None = None
    """Whether the engine reused what an earlier process had built, so that ``ms`` is too short;
    null if it keeps nothing."""
    settings: dict[Line, Text | int | bool]
    """Settings of the engine, including its version."""
