"""When a timing cannot be trusted: thresholds, and the reasons in words.

The thresholds separate a quiet machine from one with a neighbour. Steal time and run-queue delay
see a neighbour that the kernel knows of; only the reference kernels see one that shares the
physical core behind a hypervisor's back.
"""

from collections.abc import Iterable
from math import inf

from dnnbench.records import Disturbance, LatencyLine

MAX_RUN_DELAY = 0.01
MAX_STEAL = 0.005
MAX_REFERENCE = 1.15
MAX_BUSY = 0.05


def reasons(seen: Disturbance) -> list[str]:
    """Why a cell counts as disturbed, with numbers; empty for an undisturbed one."""
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
    return found


def severity(seen: Disturbance) -> float:
    """How disturbed a cell was: above 1 where a threshold was crossed, the more the worse.

    What other programs did before the round is left out: it is the same for all of its cells.
    """
    worst = max(seen.reference_before, seen.reference_after)
    return max(
        (seen.run_delay or 0) / MAX_RUN_DELAY,
        (seen.steal or 0) / MAX_STEAL,
        (worst - 1) / (MAX_REFERENCE - 1),
    )


def relative_to_best(
    seen: Disturbance, best_compute_ms: float, best_memory_ms: float
) -> Disturbance:
    """``seen`` with its reference ratios against the best times of the session."""
    ratios = [
        max(compute / best_compute_ms, memory / best_memory_ms)
        for compute, memory in zip(seen.reference_compute_ms, seen.reference_memory_ms, strict=True)
    ]
    return seen.model_copy(update={"reference_before": ratios[0], "reference_after": ratios[1]})


def best_references(lines: Iterable[LatencyLine]) -> dict[str, tuple[float, float]]:
    """Best times of the compute- and the memory-bound reference kernel, ms, by session.

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
