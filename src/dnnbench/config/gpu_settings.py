"""Settings of section ``gpu``: how a GPU is selected and set up."""

from typing import Annotated, Literal

from pydantic import (
    Field,
)

from dnnbench.config.section import Section


class Gpu(Section):
    """How an NVIDIA GPU is selected and set up. These settings affect latency and are recorded."""

    select: Annotated[
        str,
        Field(
            pattern=r"^([0-9]+|GPU-[0-9a-f-]+|[0-9a-fA-F]+:[0-9a-fA-F:.]+)$",
            description="GPU to measure: its CUDA index, its UUID (GPU-...) or its PCI address."
            " Write an index in quotes.",
        ),
    ] = "0"
    cudnn_benchmark: Annotated[
        bool,
        Field(
            description="true: cuDNN times its algorithms in the first pass and keeps the fastest."
        ),
    ] = True
    deterministic: Annotated[
        bool,
        Field(description="true: cuDNN uses only algorithms with bitwise reproducible results."),
    ] = False
    when_clocks_float: Annotated[
        Literal["flag", "refuse"],
        Field(
            description="What to do if the GPU's clocks are not locked. flag: mention it with"
            " each cell. refuse: do not measure latency."
        ),
    ] = "flag"
    cool_down_c: Annotated[
        Annotated[float, Field(ge=10, le=120)] | None,
        Field(
            description="Before each cell, wait until the GPU has cooled down to this temperature,"
            " in °C. null: do not wait."
        ),
    ] = None
    cool_down_limit_s: Annotated[
        Annotated[float, Field(ge=1, le=3600)],
        Field(description="Maximum time to wait for the GPU to cool down, in seconds per cell."),
    ] = 60.0
