"""Newly mapped memory: its speed, and how to make a virtual machine's host provide it.

A network maps, touches and frees memory in every pass, some hundreds of MiB. In a virtual machine,
the host may have taken back the pages that the guest has freed (free page reporting of the
balloon). Touching such a page takes several times as long as any other page, and neither steal time
nor run-queue delay shows it. A process that runs for long keeps reusing pages that it has touched
before; a fresh process does so only if it touches them before its timed passes.

The guest reports only free blocks of 2 MiB or more (a page block). The kernel splits them only
after it has used up the smaller ones, so passes that map less than those are not affected. See
Linux's documentation of free page reporting (mm/free_page_reporting.rst) and proc(5), buddyinfo.
"""

import contextlib
import mmap
import time
from pathlib import Path

from dnnbench.core.isolation import available_mib, status_mib

_BUDDYINFO = Path("/proc/buddyinfo")
_MIB = 2**20
_REPORTED_MIB = 2  # The smallest blocks that a guest reports to its host.
# Small blocks have to hold this many times what the warm-up passes have mapped: timed passes map
# about as much again, and the kernel keeps some of the blocks for itself.
_ENOUGH = 4.0
_UNIT_MIB = 64
# Passes do not get back only what the last one freed. Much more could exceed a container's limit,
# which a pass itself may nearly reach.
_MORE_MIB = 64
_MOST_TIMES = 4
_SETTLED = 1.25  # Ratio of two successive touches that differ only by chance.


def settle(mapped_mib: float) -> tuple[float, float] | None:
    """Touch and free the memory that a pass takes, until that is no faster than before.

    Call it after the warm-up passes, which have mapped ``mapped_mib``. Returns the times to touch
    64 MiB, in ms: at the first and the last attempt. Returns None if passes find enough memory that
    the host cannot have taken back, if the memory cannot be mapped, or if the kernel does not show
    how much a pass has used.
    """
    if _small_blocks_mib() >= _ENOUGH * mapped_mib:
        return None
    times: list[float] = []
    with contextlib.suppress(OSError, RuntimeError, MemoryError):
        freed_mib = status_mib("VmHWM") - status_mib("VmRSS")
        size_mib = max(1, int(min(_MORE_MIB + max(0.0, freed_mib), available_mib())))
        for _ in range(_MOST_TIMES):
            times.append(_touch_ms(size_mib))
            if len(times) > 1 and times[-2] <= _SETTLED * times[-1]:
                break
    return (times[0], times[-1]) if times else None


def _small_blocks_mib() -> float:
    """Return the free memory in blocks too small to be reported, in MiB; 0 if unknown."""
    page_mib = mmap.PAGESIZE / _MIB
    free_mib = 0.0
    with contextlib.suppress(OSError, ValueError):
        for line in _BUDDYINFO.read_text().splitlines():
            # Node 0, zone   Normal   4381   1093 ...: free blocks of 1, 2, 4 ... pages.
            counts = map(int, line.partition("zone")[2].split()[1:])
            sizes = ((page_mib * 2**order, count) for order, count in enumerate(counts))
            free_mib += sum(size * count for size, count in sizes if size < _REPORTED_MIB)
    return free_mib


def _touch_ms(size_mib: int) -> float:
    """Map ``size_mib`` and write to each page; return the time per 64 MiB."""
    started = time.perf_counter()
    with mmap.mmap(-1, size_mib * _MIB, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
        with contextlib.suppress(OSError):  # Huge pages are faster to touch, if there are any.
            memory.madvise(mmap.MADV_HUGEPAGE)
        with memoryview(memory) as pages:
            pages[:: mmap.PAGESIZE] = bytes(len(memory) // mmap.PAGESIZE)
        touched = time.perf_counter()
    return 1000 * (touched - started) * _UNIT_MIB / size_mib
