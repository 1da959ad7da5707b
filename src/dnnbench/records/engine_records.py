"""What an engine reports about a network that it prepared; part of latency and memory records."""

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
    """How a way of running a network agrees with fp32-eager on the same images.

    ``largest_difference`` is of a logit, relative to the largest logit of fp32-eager. ``top1``: per
    cent of the ``images`` whose best class is the same.
    """

    images: Annotated[int, Field(ge=1)]
    largest_difference: NonNegative
    top1: Percent


class Built(Record):
    """What an engine built before it ran a network at one batch size.

    ``cached``: it found what an earlier process had built, so that ``ms`` is not what building
    takes; None where it keeps nothing. ``settings`` are the engine's own, its version among them.
    """

    ms: Milliseconds
    cached: bool | None = None
    settings: dict[Line, Text | int | bool]
