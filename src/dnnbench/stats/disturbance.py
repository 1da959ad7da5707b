"""Disturbances of a timing: thresholds, and reasons as text.

The thresholds separate a quiet machine from one with a neighbor. Steal time and run-queue delay
reveal neighbors that the kernel can see. Only the reference kernels reveal a neighbor in
another guest on the same physical core. For a GPU, the reference kernels run on the GPU, and its
clocks reveal the rest.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import inf
from statistics import median

from dnnbench.records.disturbance_records import Disturbance
from dnnbench.records.latency_records import LatencyLine

MAX_RUN_DELAY = 0.01
MAX_STEAL = 0.005
MAX_REFERENCE = 1.15
MAX_BUSY = 0.05
# Single pages are swapped at any time.
MAX_SWAPPED_MIB = 1.0
# The same as the maximum half-width of an interval, because latency follows the clock.
MAX_CLOCK_DROP = 0.05
# The host's clock includes pauses between passes, and the ends of each window.
MAX_CLOCKS_APART = 0.1
_WINDOW_ENDS_MS = 1.0
# Reasons for a GPU's clocks that are not throttling.
_REQUESTED = frozenset({"idle", "application clocks", "display clocks"})
_THROTTLED = 2.0


def reasons(seen: Disturbance) -> list[str]:
    """Return the reasons, with numbers, why a cell is disturbed; empty if none."""
    found = []
    if (seen.run_delay or 0) > MAX_RUN_DELAY:
        found.append(f"threads waited for a core for a total of {seen.run_delay:.1%} of the time")
    if (seen.steal or 0) > MAX_STEAL:
        found.append(f"the hypervisor took {seen.steal:.1%} of the time")
    worst = max(seen.reference_before or 1.0, seen.reference_after or 1.0)
    if worst > MAX_REFERENCE:
        found.append(f"a reference kernel took {worst:.2f} times its best time")
    if (seen.busy_before or 0) > MAX_BUSY:
        found.append(f"other programs used {seen.busy_before:.0%} of the machine before the round")
    if throttled := _throttled(seen):
        found.append(f"the GPU's clocks were throttled: {', '.join(throttled)}")
    if seen.clock_mhz and clock_drop(seen.clock_mhz) > MAX_CLOCK_DROP:
        low, high = seen.clock_mhz
        found.append(f"the GPU's clock dropped from {high:g} to {low:g} MHz")
    if seen.clocks_locked is False:
        found.append("the GPU's clocks are not locked")
    if seen.foreign_processes:
        found.append(f"other processes used the GPU: {', '.join(seen.foreign_processes)}")
    if _clocks_apart(seen) > MAX_CLOCKS_APART:
        found.append(
            f"the passes took {seen.wall_ms:.4g} ms by the host's clock, but"
            f" {seen.events_ms:.4g} ms by the GPU's"
        )
    if (seen.swapped_mib or 0) > MAX_SWAPPED_MIB:
        found.append(f"{seen.swapped_mib:.0f} MiB were swapped out")
    return found


def severity(seen: Disturbance) -> float:
    """Return how disturbed a cell was: above 1 if any threshold was exceeded.

    Conditions that affect all cells of a round are ignored: other programs before the round, and
    unlocked clocks.
    """
    worst = max(seen.reference_before or 1.0, seen.reference_after or 1.0)
    return max(
        (seen.run_delay or 0) / MAX_RUN_DELAY,
        (seen.steal or 0) / MAX_STEAL,
        (worst - 1) / (MAX_REFERENCE - 1),
        _THROTTLED if _throttled(seen) or seen.foreign_processes else 0,
        clock_drop(seen.clock_mhz) / MAX_CLOCK_DROP if seen.clock_mhz else 0,
        _clocks_apart(seen) / MAX_CLOCKS_APART,
        (seen.swapped_mib or 0) / MAX_SWAPPED_MIB,
    )


def clock_drop(clock_mhz: tuple[float, float]) -> float:
    """Return the drop between two clocks, as a share of the higher one."""
    low, high = clock_mhz
    return 1 - low / high if high else 0.0


def _throttled(seen: Disturbance) -> list[str]:
    """Return why the GPU's clocks were lower than requested."""
    return [reason for reason in seen.clock_reasons or () if reason not in _REQUESTED]


def _clocks_apart(seen: Disturbance) -> float:
    """Return the difference of host and GPU clock, as a share of the latter."""
    if seen.events_ms is None or seen.wall_ms is None:
        return 0.0
    return max(0.0, abs(seen.wall_ms - seen.events_ms) - _WINDOW_ENDS_MS) / seen.events_ms


def relative_to_best(
    line: LatencyLine, best: Mapping[str, tuple[float, float]]
) -> Disturbance | None:
    """Return a line's disturbance, with references relative to the session's best.

    ``best`` has the best times by session, as returned by :func:`best_references`.
    """
    seen = line.disturbance
    if seen is None:
        return None
    best_compute_ms, best_memory_ms = best[line.session]
    ratios = [
        max(compute / best_compute_ms, memory / best_memory_ms)
        for compute, memory in zip(seen.reference_compute_ms, seen.reference_memory_ms, strict=True)
    ]
    return seen.model_copy(update={"reference_before": ratios[0], "reference_after": ratios[1]})


def best_references(lines: Iterable[LatencyLine]) -> dict[str, tuple[float, float]]:
    """Return the best times of both reference kernels, in ms, by session.

    Lines of dropped networks count as well, because they ran on the same machine.
    """
    best: dict[str, tuple[float, float]] = {}
    for line in lines:
        if seen := line.disturbance:
            compute, memory = best.get(line.session, (inf, inf))
            best[line.session] = (
                min(compute, *seen.reference_compute_ms),
                min(memory, *seen.reference_memory_ms),
            )
    return best


def reference_change(
    before: Iterable[Disturbance], after: Iterable[Disturbance]
) -> tuple[float | None, float | None]:
    """Return the ratios after / before of both kernels' median times.

    A ratio is ``None`` if either side has no times.
    """
    seen = list(before), list(after)
    compute = [[ms for one in side for ms in one.reference_compute_ms] for side in seen]
    memory = [[ms for one in side for ms in one.reference_memory_ms] for side in seen]
    return _ratio(*compute), _ratio(*memory)


def _ratio(before: Sequence[float], after: Sequence[float]) -> float | None:
    return median(after) / median(before) if before and after else None
