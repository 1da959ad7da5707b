"""Time on a GPU: a pair of events around each pass, and one wait at the end of all.

A wait after each pass would add the way from the host to the GPU and back to each. The host's
clock runs beside, over the whole window: where the two disagree, the GPU waited for the host.
"""

import math
import statistics
from collections.abc import Callable
from typing import Any

from dnnbench.devices.backends import Timed
from dnnbench.devices.runtime import Runtime

_FIRST_TRY = 3


def time(
    runtime: Runtime,
    forward: Callable[[], Any],
    count: int,
    before: Callable[[], None] | None = None,
) -> Timed:
    """Time ``count`` calls of ``forward``, ms by the GPU's clock, and the window by the host's.

    ``before`` is called before each. What it gives the GPU lies between an end and the next start,
    and is taken out of the window too.
    """
    pairs = [(runtime.event(), runtime.event()) for _ in range(count)]
    marks = [runtime.event() for _ in range(count)] if before else []
    output = None
    runtime.synchronize()
    started = runtime.wall_ms()
    for place, (start, end) in enumerate(pairs):
        if before:
            marks[place].record()
            before()
        start.record()
        output = forward()
        end.record()
    runtime.synchronize()
    wall_ms = runtime.wall_ms() - started
    wall_ms -= sum(mark.elapsed_time(start) for mark, (start, _) in zip(marks, pairs, strict=False))
    return Timed([start.elapsed_time(end) for start, end in pairs], output, wall_ms)


def median_ms(runtime: Runtime, kernel: Callable[[], Any], total_ms: float) -> float:
    """Median time of a kernel that is called until it has run for about ``total_ms``."""
    first = statistics.median(time(runtime, kernel, _FIRST_TRY).passes_ms)
    return statistics.median(time(runtime, kernel, math.ceil(total_ms / first)).passes_ms)
