"""Settings of section ``gpu``: how a GPU is chosen and set up."""

from typing import Annotated, Literal

from pydantic import (
    Field,
)

from dnnbench.config.section import Section


class Gpu(Section):
    """How an NVIDIA GPU is chosen and set up. Everything here changes times, so it is recorded."""

    select: Annotated[
        str,
        Field(
            pattern=r"^([0-9]+|GPU-[0-9a-f-]+|[0-9a-fA-F]+:[0-9a-fA-F:.]+)$",
            description="Which GPU, where there are several: its place among those that CUDA shows,"
            " its UUID (GPU-...) or its PCI address. Quote a number.",
        ),
    ] = "0"
    cudnn_benchmark: Annotated[
        bool,
        Field(description="Whether cuDNN tries its algorithms in the first pass, and keeps one."),
    ] = True
    deterministic: Annotated[
        bool, Field(description="Whether cuDNN may only use algorithms that repeat bit by bit.")
    ] = False
    when_clocks_float: Annotated[
        Literal["flag", "refuse"],
        Field(
            description="What to do where the clocks are not locked: flag the cells as unstable,"
            " or refuse to time."
        ),
    ] = "flag"
    cool_down_c: Annotated[
        Annotated[float, Field(ge=10, le=120)] | None,
        Field(description="Wait before a cell until the GPU is this cool, Celsius. null: do not."),
    ] = None
    cool_down_limit_s: Annotated[
        Annotated[float, Field(ge=1, le=3600)],
        Field(description="Longest wait before a cell for it to cool down, seconds."),
    ] = 60.0
