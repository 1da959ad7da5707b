"""Disturbance during a measurement, part of latency records."""

from typing import Annotated, Literal

from pydantic import Field

from dnnbench.records.base import (
    Count,
    Mib,
    Milliseconds,
    Positive,
    Record,
    Share,
    Text,
)

# How energy was measured: with the device's energy counter, or by integrating its power.
EnergyBasis = Literal["counter", "power"]


class Disturbance(Record):
    """Signs of disturbance while a cell was timed.

    The fields from ``events_ms`` to the end apply to GPUs only.
    """

    steal: Share | None
    """Share of the timed window in which the hypervisor ran other virtual machines."""
    run_delay: Share | None
    """Time that threads waited for a core, relative to the timed window."""
    involuntary_switches: Count
    """Number of times that the kernel interrupted a thread to run another."""
    busy_before: Share | None = None
    """Share of the machine's cores that other programs used just before the round."""
    reference_compute_ms: tuple[Milliseconds, Milliseconds]
    """Duration of a matrix product before and after the cell."""
    reference_memory_ms: tuple[Milliseconds, Milliseconds]
    """Duration of a memory copy before and after the cell."""
    touch_ms: tuple[Milliseconds, Milliseconds] | None = None
    """Time to touch 64 MiB of newly mapped memory after the warm-up pass: at the first attempt, and
    at the last one before the timed passes. In a virtual machine, memory that the host has taken
    back is slow to touch. None if the passes find enough memory that it cannot have taken back."""
    stopped: Share | None = None
    """Share of the time in which the main thread neither ran nor waited for a core."""
    reference_before: Positive | None = None
    """No longer written: ratio of a reference time before the cell to the best of its
    session."""
    reference_after: Positive | None = None
    """No longer written: the same after the cell."""
    events_ms: Milliseconds | None = None
    """Duration of the timed passes, measured by the GPU's clock."""
    wall_ms: Milliseconds | None = None
    """Duration of the timed passes, measured by the host's clock."""
    clock_mhz: tuple[Share, Share] | None = None
    """Lowest and highest core clock."""
    memory_clock_mhz: tuple[Share, Share] | None = None
    """Lowest and highest memory clock."""
    clocks_locked: bool | None = None
    """Whether the clocks are locked; null if the device does not report it."""
    temperature_c: Annotated[float, Field(ge=-300, le=10_000)] | None = None
    """Highest temperature."""
    power_w: Share | None = None
    """Mean power."""
    clock_reasons: list[Text] | None = None
    """All reasons that the driver reported for the choice of clocks."""
    foreign_processes: list[Text] | None = None
    """Other processes that used the GPU for computation."""
    swapped_mib: Mib | None = None
    """Memory that was swapped out."""
