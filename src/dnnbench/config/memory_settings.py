"""Settings of section ``memory``: how memory is measured."""

from typing import Annotated

from pydantic import (
    Field,
)

from dnnbench.config.section import Seconds, Section


class Memory(Section):
    """How memory is measured."""

    cell_timeout_s: Annotated[
        Seconds,
        Field(
            description="Maximum time to measure one cell, in seconds. Cells that take longer are"
            " recorded as a timeout."
        ),
    ] = 120.0
