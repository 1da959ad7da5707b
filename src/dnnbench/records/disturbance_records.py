"""What a device reports beside the time of a pass; part of latency records."""

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

# What energy was measured with: the device's counter of all it used, or its power over time.
EnergyBasis = Literal["counter", "power"]


class Disturbance(Record):
    """What else went on while a cell was timed.

    ``steal`` and ``run_delay`` are shares of the timed window; ``busy_before`` is the share of the
    machine's cores that others used just before the round; the reference kernels' times are raw,
    and ``reference_before`` and ``reference_after`` are the worse kernel's time relative to the
    session's best.

    On a GPU: ``events_ms`` and ``wall_ms`` are the timed passes by the device's clock and by the
    host's. The rest was sampled while they ran: the least and the greatest clocks of the cores and
    of the memory, the highest temperature, mean power, and every reason that the driver gave for
    the clocks it chose. ``foreign_processes`` also computed on it. ``clocks_locked`` is None where
    the device does not tell.
    """

    steal: Share | None
    run_delay: Share | None
    involuntary_switches: Count
    busy_before: Share | None = None
    reference_compute_ms: tuple[Milliseconds, Milliseconds]
    reference_memory_ms: tuple[Milliseconds, Milliseconds]
    reference_before: Positive
    reference_after: Positive
    events_ms: Milliseconds | None = None
    wall_ms: Milliseconds | None = None
    clock_mhz: tuple[Share, Share] | None = None
    memory_clock_mhz: tuple[Share, Share] | None = None
    clocks_locked: bool | None = None
    temperature_c: Annotated[float, Field(ge=-300, le=10_000)] | None = None
    power_w: Share | None = None
    clock_reasons: list[Text] | None = None
    foreign_processes: list[Text] | None = None
    swapped_mib: Mib | None = None
