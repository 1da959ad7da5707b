"""When a timing cannot be trusted: thresholds, and the reasons in words.

The thresholds separate a quiet machine from one with a neighbour. Steal time and run-queue delay
see a neighbour that the kernel knows of; only the reference kernels see one that shares the
physical core behind a hypervisor's back. On a GPU they run there, and its clocks tell the rest.
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
# A page here and there moves at any time.
MAX_SWAPPED_MIB = 1.0
# As much as an interval may be wide: a pass follows the clock.
MAX_CLOCK_DROP = 0.05
# The host's clock sees a pause between passes that the GPU's does not, and each window's ends.
MAX_CLOCKS_APART = 0.1
_WINDOW_ENDS_MS = 1.0
# What a GPU's clocks may be as they are for without being held back.
_ASKED_FOR = frozenset({"idle", "application clocks", "display clocks"})
_HELD_BACK = 2.0


def reasons(seen: Disturbance) -> list[str]:
    """Return why a cell counts as disturbed, with numbers; empty for an undisturbed one."""
    found = []
    if (seen.run_delay or 0) > MAX_RUN_DELAY:
        found.append(f"waited for a core {seen.run_delay:.1%} of the time")
    if (seen.steal or 0) > MAX_STEAL:
        found.append(f"the hypervisor took {seen.steal:.1%} of the time")
    worst = max(seen.reference_before, seen.reference_after)
    if worst > MAX_REFERENCE:
        found.append(f"a reference kernel ran {worst:.2f} times slower than at best")
    if (seen.busy_before or 0) > MAX_BUSY:
        found.append(f"others used {seen.busy_before:.0%} of the machine before the round")
    if held := _held_back(seen):
        found.append(f"the GPU's clocks were held back: {', '.join(held)}")
    if seen.clock_mhz and clock_drop(seen.clock_mhz) > MAX_CLOCK_DROP:
        low, high = seen.clock_mhz
        found.append(f"the GPU's clock went from {high:g} to {low:g} MHz")
    if seen.clocks_locked is False:
        found.append("the GPU's clocks are not locked")
    if seen.foreign_processes:
        found.append(f"{', '.join(seen.foreign_processes)} computed on the GPU too")
    if _clocks_apart(seen) > MAX_CLOCKS_APART:
        found.append(
            f"the passes took {seen.wall_ms:.4g} ms by the host's clock and"
            f" {seen.events_ms:.4g} ms by the GPU's"
        )
    if (seen.swapped_mib or 0) > MAX_SWAPPED_MIB:
        found.append(f"{seen.swapped_mib:.0f} MiB went to swap")
    return found


def severity(seen: Disturbance) -> float:
    """Return how disturbed a cell was: above 1 where a threshold was crossed.

    What is the same for all cells of a round is left out: what other programs did before it,
    and that clocks are not locked.
    """
    worst = max(seen.reference_before, seen.reference_after)
    return max(
        (seen.run_delay or 0) / MAX_RUN_DELAY,
        (seen.steal or 0) / MAX_STEAL,
        (worst - 1) / (MAX_REFERENCE - 1),
        _HELD_BACK if _held_back(seen) or seen.foreign_processes else 0,
        clock_drop(seen.clock_mhz) / MAX_CLOCK_DROP if seen.clock_mhz else 0,
        _clocks_apart(seen) / MAX_CLOCKS_APART,
        (seen.swapped_mib or 0) / MAX_SWAPPED_MIB,
    )


def clock_drop(clock_mhz: tuple[float, float]) -> float:
    """Return how far the least of two clocks is below the greatest, as a share of it."""
    low, high = clock_mhz
    return 1 - low / high if high else 0.0


def _held_back(seen: Disturbance) -> list[str]:
    """Why the GPU's clocks were lower than they were asked to be."""
    return [reason for reason in seen.clock_reasons or () if reason not in _ASKED_FOR]


def _clocks_apart(seen: Disturbance) -> float:
    """How far the timed passes by the host's clock are from those by the GPU's, as a share."""
    if seen.events_ms is None or seen.wall_ms is None:
        return 0.0
    return max(0.0, abs(seen.wall_ms - seen.events_ms) - _WINDOW_ENDS_MS) / seen.events_ms


def relative_to_best(
    line: LatencyLine, best: Mapping[str, tuple[float, float]]
) -> Disturbance | None:
    """Return what went on beside a line, with its reference ratios against its session's best.

    ``best``: best times by session, as :func:`best_references` gives them.
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
    """Return the best times of the compute- and memory-bound reference kernels, ms, by session.

    Lines of networks that the study has dropped count too: they saw the same machine.
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
    """Return how many times longer the kernels took, compute and memory, by their medians.

    ``None`` without times on either side.
    """
    seen = list(before), list(after)
    compute = [[ms for one in side for ms in one.reference_compute_ms] for side in seen]
    memory = [[ms for one in side for ms in one.reference_memory_ms] for side in seen]
    return _ratio(*compute), _ratio(*memory)


def _ratio(before: Sequence[float], after: Sequence[float]) -> float | None:
    return median(after) / median(before) if before and after else None
