"""The processors that this process may run on, as it was given them.

The runtime of OpenMP binds the thread that loads it where OMP_PROC_BIND, OMP_PLACES,
GOMP_CPU_AFFINITY or KMP_AFFINITY say so: a process that has imported torch is told of one
processor, and so are the threads and processes that it starts. So the package asks before
anything is imported, and gives the processors back afterwards.
"""

import contextlib
import os
from collections.abc import Iterable

_GIVEN = frozenset(os.sched_getaffinity(0))


def given() -> frozenset[int]:
    """Return the processors that this process may use, those taken away since it started too."""
    seen = frozenset(os.sched_getaffinity(0))
    return _GIVEN if seen < _GIVEN else seen


def restore() -> None:
    """Let this thread, and what it starts from now on, use all that this process was given."""
    with contextlib.suppress(OSError):  # Some may have been taken away meanwhile.
        os.sched_setaffinity(0, _GIVEN)


def numbers(text: str) -> frozenset[int]:
    """Return the processors of a list such as the kernel's ``0-3,8``; none of what is no list."""
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        last = last if dash else first
        if first.isdigit() and last.isdigit():
            found.update(range(int(first), int(last) + 1))
    return frozenset(found)


def listed(cpus: Iterable[int]) -> str:
    """Return processors as the kernel lists them: ``0-3,8``."""
    spans: list[list[int]] = []
    for cpu in sorted(cpus):
        if spans and cpu == spans[-1][1] + 1:
            spans[-1][1] = cpu
        else:
            spans.append([cpu, cpu])
    return ",".join(f"{first}-{last}" if last > first else str(first) for first, last in spans)
