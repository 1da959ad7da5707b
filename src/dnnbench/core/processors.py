"""The processors that this process was originally allowed to use.

If OMP_PROC_BIND, OMP_PLACES, GOMP_CPU_AFFINITY or KMP_AFFINITY is set, the OpenMP runtime binds the
thread that loads it: after importing torch, a process and its children see only one processor. So
this module reads the affinity before anything else is imported, and can restore it later.
"""

import contextlib
import os
from collections.abc import Iterable

_GIVEN = frozenset(os.sched_getaffinity(0))


def given() -> frozenset[int]:
    """Return the processors that this process may use.

    They include those that OpenMP took away.
    """
    seen = frozenset(os.sched_getaffinity(0))
    return _GIVEN if seen < _GIVEN else seen


def restore() -> None:
    """Let this thread, and what it starts, use all processors of the process."""
    with contextlib.suppress(OSError):  # Some may be gone, for example from a container.
        os.sched_setaffinity(0, _GIVEN)


def numbers(text: str) -> frozenset[int]:
    """Return the processors in a kernel list such as ``0-3,8``; none if malformed."""
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        last = last if dash else first
        if first.isdigit() and last.isdigit():
            found.update(range(int(first), int(last) + 1))
    return frozenset(found)


def listed(cpus: Iterable[int]) -> str:
    """Return processors as a list in kernel format: ``0-3,8``."""
    spans: list[list[int]] = []
    for cpu in sorted(cpus):
        if spans and cpu == spans[-1][1] + 1:
            spans[-1][1] = cpu
        else:
            spans.append([cpu, cpu])
    return ",".join(f"{first}-{last}" if last > first else str(first) for first, last in spans)
