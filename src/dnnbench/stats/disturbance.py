"""Disturbances of a process: limits, and reasons as text.

A process is disturbed if a sign exceeds its limit. Its latency is never a sign: processes are
measured again because they were disturbed, and choosing them by latency would bias the estimate.

Steal time, run-queue delay and the time in which a process was stopped show what the kernel sees.
Slow memory and slow reference kernels also reveal another guest on the same host. These are
compared with other processes of the session, because only they show what is normal for the machine.
The limits start from the median and the lower quartile, which a disturbance of less than half of
all processes hardly moves.

The limits are above the signs of 99% of the processes of a quiet session
(``tests/stats/test_disturbance.py``), so that few cells of a quiet machine are disturbed.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, median, quantiles

from dnnbench.records.disturbance_records import Disturbance
from dnnbench.records.latency_records import LatencyLine

# One busy program on one core makes threads wait for half of the time. A single wait of 10 ms, as
# happens on a quiet machine, is 8% of the shortest usual window.
MAX_RUN_DELAY = 0.1
MAX_STEAL = 0.02
# The time that a stopped process loses appears in full in its passes.
MAX_STOPPED = 0.05
# Ratios to the median of the session. In a virtual machine, the speed of memory has modes that
# are 30 to 40% apart and do not show in the latency.
MAX_REFERENCE = 1.15
MAX_MEMORY_REFERENCE = 1.5
# Memory that the host has to provide takes 7 to 50 times as long to touch.
MAX_TOUCH = 3.0
# Fewer page faults than this per pass, 0.4 MiB of memory, hardly show in the latency.
FEW_FAULTS = 100
# The same during the passes. The kernel counts its time in ticks of up to 10 ms.
MAX_PAGE_TIME = 3.0
_FEW_TICKS_MS = 50.0
_FEW_PROCESSES = 3
MAX_BUSY = 0.05
# Single pages are swapped at any time.
MAX_SWAPPED_MIB = 1.0
# The same as the maximum half-width of an interval, because latency follows the clock.
MAX_CLOCK_DROP = 0.05
# The host's clock includes pauses between passes, and the ends of each window.
MAX_CLOCKS_APART = 0.1
_WINDOW_ENDS_MS = 1.0
# Distances from the lower quartile to the median: four standard deviations if normal.
_QUARTILES = 6
# Reasons for a GPU's clocks that are not throttling.
_REQUESTED = frozenset({"idle", "application clocks", "display clocks"})
_THROTTLED = 2.0


Cell = tuple[str, int]


@dataclass(frozen=True)
class Level:
    """Typical value of a quantity in a session, and its limit for an undisturbed process."""

    typical: float
    limit: float

    def excess(self, value: float) -> float:
        """Return the distance from the typical value, relative to that of the limit."""
        return (value - self.typical) / (self.limit - self.typical)


@dataclass(frozen=True)
class Limits:
    """Levels of one session and variant; None if no process recorded the quantity.

    ``page_us`` has the kernel's time per page fault by network and batch size: networks differ in
    the size of their pages.
    """

    compute_ms: Level | None = None
    memory_ms: Level | None = None
    touch_ms: Level | None = None
    stopped: Level | None = None
    page_us: Mapping[Cell, Level] = field(default_factory=dict)


# Limits by session and variant.
SessionLimits = Mapping[tuple[str, str], Limits]


def limits(lines: Iterable[LatencyLine]) -> SessionLimits:
    """Return the limits of each session.

    Lines of dropped networks count as well, because they ran on the same machine.
    """
    sessions: dict[tuple[str, str], list[LatencyLine]] = {}
    for line in lines:
        if line.disturbance:
            sessions.setdefault((line.session, line.variant), []).append(line)
    return {session: _limits(of) for session, of in sessions.items()}


def reasons(line: LatencyLine, session_limits: SessionLimits) -> list[str]:
    """Return the reasons, with numbers, why a process is disturbed; empty if none."""
    return [text for excess, text in _signs(line, session_limits) if excess > 1]


def round_reasons(line: LatencyLine) -> list[str]:
    """Return the reasons why all processes of a round may be disturbed; empty if none.

    Other programs do not disturb a process that has priority over them on each core: its
    run-queue delay shows whether it had.
    """
    seen = line.disturbance
    if seen is None or (seen.busy_before or 0) <= MAX_BUSY:
        return []
    on_gpu = seen.events_ms is not None
    if line.scheduling != "normal" and seen.run_delay is not None and not on_gpu:
        return []
    return [f"other programs used {seen.busy_before:.0%} of the machine before the round"]


def severity(line: LatencyLine, session_limits: SessionLimits) -> float:
    """Return how disturbed a process was: above 1 if any limit was exceeded."""
    return max((excess for excess, _ in _signs(line, session_limits)), default=0.0)


def clock_drop(clock_mhz: tuple[float, float]) -> float:
    """Return the drop between two clocks, as a share of the higher one."""
    low, high = clock_mhz
    return 1 - low / high if high else 0.0


def _limits(lines: Sequence[LatencyLine]) -> Limits:
    seen = [line.disturbance for line in lines if line.disturbance]
    touched = [one.touch_ms[1] for one in seen if one.touch_ms]
    stopped = [one.stopped for one in seen if one.stopped is not None]
    page_us: dict[Cell, list[float]] = {}
    for line in lines:
        if (us := _page_us(line)) is not None:
            page_us.setdefault((line.model, line.batch_size), []).append(us)
    return Limits(
        compute_ms=_level([_compute_ms(one) for one in seen], lambda ms: MAX_REFERENCE * ms),
        memory_ms=_level([_memory_ms(one) for one in seen], lambda ms: MAX_MEMORY_REFERENCE * ms),
        touch_ms=_low(touched, MAX_TOUCH) if touched else None,
        stopped=_level(stopped, lambda share: share + MAX_STOPPED) if stopped else None,
        page_us={
            cell: _low(of, MAX_PAGE_TIME)
            for cell, of in page_us.items()
            if len(of) >= _FEW_PROCESSES
        },
    )


def _level(values: Sequence[float], least: Callable[[float], float]) -> Level:
    """Return the level of a session; its limit is at least ``least`` of the median."""
    low, typical, _ = _quartiles(values)
    return Level(typical, max(least(typical), typical + _QUARTILES * (typical - low)))


def _low(values: Sequence[float], most: float) -> Level:
    """Return the level of fast memory, which at least a quarter of the processes had."""
    low, _, _ = _quartiles(values)
    return Level(low, most * low)


def _quartiles(values: Sequence[float]) -> list[float]:
    """Return the three quartiles, interpolated linearly."""
    return quantiles(values if len(values) > 1 else [*values, *values], n=4, method="inclusive")


def _signs(line: LatencyLine, session_limits: SessionLimits) -> Iterator[tuple[float, str]]:
    """Yield the value of each sign relative to its limit, and the sign as text."""
    seen = line.disturbance
    if seen is None:
        return
    of = session_limits.get((line.session, line.variant), Limits())
    if seen.run_delay is not None:
        yield (
            seen.run_delay / MAX_RUN_DELAY,
            f"threads waited for a core for a total of {seen.run_delay:.1%} of the time",
        )
    if seen.steal is not None:
        yield seen.steal / MAX_STEAL, f"the hypervisor took {seen.steal:.1%} of the time"
    if seen.stopped is not None and of.stopped:
        text = f"the process was stopped for {seen.stopped:.1%} of the time"
        yield of.stopped.excess(seen.stopped), text
    for kernel, ms, level in (
        ("compute", _compute_ms(seen), of.compute_ms),
        ("memory", _memory_ms(seen), of.memory_ms),
    ):
        if level:
            text = f"the {kernel} reference kernel took {ms / level.typical:.2f} times its median"
            yield level.excess(ms), f"{text} of the session"
    few = line.page_faults is not None and line.page_faults < FEW_FAULTS
    if seen.touch_ms and of.touch_ms and not few:
        factor = seen.touch_ms[1] / of.touch_ms.typical
        text = f"new memory took {factor:.1f} times as long to touch as in other processes"
        yield of.touch_ms.excess(seen.touch_ms[1]), text
    page_us, level = _page_us(line), of.page_us.get((line.model, line.batch_size))
    if page_us is not None and level:
        few = (line.system_ms or 0.0) * len(line.samples_ms) < _FEW_TICKS_MS
        text = f"the kernel took {page_us:.1f} us per page of memory instead of {level.typical:.1f}"
        yield 0.0 if few else level.excess(page_us), text
    if (swapped := seen.swapped_mib) is not None:
        yield swapped / MAX_SWAPPED_MIB, f"{swapped:.0f} MiB were swapped out"
    yield from _gpu_signs(seen)


def _gpu_signs(seen: Disturbance) -> Iterator[tuple[float, str]]:
    if throttled := [reason for reason in seen.clock_reasons or () if reason not in _REQUESTED]:
        yield _THROTTLED, f"the GPU's clocks were throttled: {', '.join(throttled)}"
    if seen.clock_mhz:
        low, high = seen.clock_mhz
        drop = clock_drop(seen.clock_mhz) / MAX_CLOCK_DROP
        yield drop, f"the GPU's clock dropped from {high:g} to {low:g} MHz"
    if seen.foreign_processes:
        yield _THROTTLED, f"other processes used the GPU: {', '.join(seen.foreign_processes)}"
    if seen.events_ms is not None and seen.wall_ms is not None:
        apart = max(0.0, abs(seen.wall_ms - seen.events_ms) - _WINDOW_ENDS_MS) / seen.events_ms
        yield (
            apart / MAX_CLOCKS_APART,
            f"the passes took {seen.wall_ms:.4g} ms by the host's clock, but"
            f" {seen.events_ms:.4g} ms by the GPU's",
        )


def _page_us(line: LatencyLine) -> float | None:
    """Return the kernel's time per page fault; None if unknown, or if there were few."""
    if not line.system_ms or (line.page_faults or 0.0) < FEW_FAULTS:
        return None
    return 1000 * line.system_ms / (line.page_faults or 1.0)


def _compute_ms(seen: Disturbance) -> float:
    return fmean(seen.reference_compute_ms)


def _memory_ms(seen: Disturbance) -> float:
    return fmean(seen.reference_memory_ms)


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
