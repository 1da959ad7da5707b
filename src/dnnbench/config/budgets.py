"""Settings of section ``budgets``: the limits used for results/selection.csv."""

from typing import Annotated

from pydantic import (
    Field,
)

from dnnbench.config.section import Distinct, Section

_Gib = Annotated[float, Field(ge=0.001, le=100_000)]
_Fps = Annotated[float, Field(ge=0.001, le=10_000_000)]


class Budgets(Section):
    """Limits for results/selection.csv, which covers every pair of memory and throughput limit."""

    max_memory_gib: Annotated[
        Distinct[_Gib],
        Field(
            min_length=1, max_length=100, description="Maximum memory, in GiB: one or more limits."
        ),
    ] = [0.7, 1.0, 1.4]
    min_fps: Annotated[
        Distinct[_Fps],
        Field(
            min_length=1,
            max_length=100,
            description="Minimum throughput, in images/s: one or more limits.",
        ),
    ] = [15.0, 30.0, 60.0]
    top: Annotated[
        int,
        Field(
            ge=1,
            le=10_000,
            description="Number of networks to list for each pair of memory and throughput limits.",
        ),
    ] = 5
