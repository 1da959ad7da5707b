"""Settings of section ``budgets``: the limits of results/selection.csv."""

from typing import Annotated

from pydantic import (
    Field,
)

from dnnbench.config.section import Section
from dnnbench.records.base import Positive


class Budgets(Section):
    """What results/selection.csv chooses under."""

    max_memory_gib: Annotated[
        list[Positive], Field(min_length=1, description="Memory budgets, GiB.")
    ] = [0.7, 1.0, 1.4]
    min_fps: Annotated[
        list[Positive], Field(min_length=1, description="Speed budgets, frames a second.")
    ] = [15.0, 30.0, 60.0]
    top: Annotated[int, Field(ge=1, description="Networks listed under each pair of budgets.")] = 5
