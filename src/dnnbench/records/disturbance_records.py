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
    """Disturbance while a cell was timed.

    The fields from ``events_ms`` on are a GPU's.
    """

    steal: Share | None
    """Share of the timed window that the hypervisor gave to other machines."""
    run_delay: Share | None
    """Time that threads waited for a core, relative to the timed window."""
    involuntary_switches: Count
    """How often the kernel interrupted a thread to run another."""
    busy_before: Share | None = None
    """Share of the machine's cores that other programs used just before the round."""
    reference_compute_ms: tuple[Milliseconds, Milliseconds]
    """Duration of a matrix product before and after the cell."""
    reference_memory_ms: tuple[Milliseconds, Milliseconds]
    """Duration of a copy in memory before and after the cell."""
    reference_before: Positive
    """Slower of the two reference kernels before the cell, relative to the session's best."""
    reference_after: Positive
    """Slower of the two reference kernels after the cell, relative to the session's best."""
    events_ms: Milliseconds | None = None
    """Duration of the timed passes by the GPU's clock."""
    wall_ms: Milliseconds | None = None
    """Duration of the timed passes by the host's clock."""
    clock_mhz: tuple[Share, Share] | None = None
    """Lowest and highest clock of the cores."""
    memory_clock_mhz: tuple[Share, Share] | None = None
    """Lowest and highest clock of the memory."""
    clocks_locked: bool | None = None
    """Whether the clocks are locked; null if the device does not report it."""
    temperature_c: Annotated[float, Field(ge=-300, le=10_000)] | None = None
    """Highest temperature."""
    power_w: Share | None = None
    """Mean power."""
    clock_reasons: list[Text] | None = None
    """Every reason that the driver gave for its choice of clocks."""
    foreign_processes: list[Text] | None = None
    """Other processes that computed on the GPU."""
    swapped_mib: Mib | None = None
    """Memory that went to swap."""
