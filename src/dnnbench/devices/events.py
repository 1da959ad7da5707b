"""GPU timing with CUDA events around each pass and one final synchronization.

Synchronizing after every pass would add the round trip between host and GPU to each. The host's
clock also times the whole window: if the two disagree, the GPU waited for the host.
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
    """Time ``count`` calls by the GPU's clock, and the window by the host's, in ms.

    ``before`` is called before each call. GPU work that it launches falls between two timed passes
    and is also subtracted from the window.
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
    """Return the median duration, in ms, of a kernel run for about ``total_ms``."""
    first = statistics.median(time(runtime, kernel, _FIRST_TRY).passes_ms)
    return statistics.median(time(runtime, kernel, math.ceil(total_ms / first)).passes_ms)
