"""Settings of section ``budgets``: the limits of results/selection.csv."""

from typing import Annotated

from pydantic import (
    Field,
)

from dnnbench.config.section import Distinct, Section

_Gib = Annotated[float, Field(ge=0.001, le=100_000)]
_Fps = Annotated[float, Field(ge=0.001, le=10_000_000)]


class Budgets(Section):
    """What results/selection.csv chooses under."""

    max_memory_gib: Annotated[
        Distinct[_Gib], Field(min_length=1, max_length=100, description="Memory budgets, GiB.")
    ] = [0.7, 1.0, 1.4]
    min_fps: Annotated[
        Distinct[_Fps],
        Field(min_length=1, max_length=100, description="Speed budgets, frames a second."),
    ] = [15.0, 30.0, 60.0]
    top: Annotated[
        int, Field(ge=1, le=10_000, description="Networks listed under each pair of budgets.")
    ] = 5
