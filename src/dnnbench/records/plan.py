"""The measurement plan of one device: tables have a row for each of its cells."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """The planned measurements of one device."""

    device: str
    variants: Sequence[str]
    batch_sizes: Sequence[int]
    rounds: int
    protocol: str
