"""The CPU backend: threads, wall clock, kernel counters, resident memory."""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import os
import resource
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dnnbench.config import allocators
from dnnbench.config.backend import Backend
from dnnbench.core import processors
from dnnbench.core.errors import DeviceError
from dnnbench.core.isolation import available_mib, status_mib
from dnnbench.devices import fresh_memory, host, usable_cores
from dnnbench.devices.backends import Energy, Timed
from dnnbench.records.base import REFERENCE
from dnnbench.records.disturbance_records import Disturbance

if TYPE_CHECKING:
    from dnnbench.networks.registry import Network
    from dnnbench.records.memory_records import MemoryCell

_REFERENCE_S = 0.012
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # From glibc's malloc.h.
_MMAP_THRESHOLD = 128 * 1024
# Operations of jemalloc's mallctl: empty this thread's cache, then purge all arenas.
_OF_JEMALLOC = (b"thread.tcache.flush", b"arena.4096.purge")
_PROC = Path("/proc")


class Cpu:
    """The CPU cores that this process may use."""

    name = "cpu"
    torch_device = "cpu"
    lock_name = "cpu"

    def default_threads(self) -> int:
        """Return one thread per physical core."""
        return host.default_threads()

    def preflight(self) -> None:
        """Do nothing: a CPU is always present."""

    def check_clocks(self, max_drop: float) -> None:
        """Do nothing: the reference kernels reveal changes of a CPU's clocks."""

    def settle(self) -> None:
        """Do nothing: a CPU is always ready."""

    def refuses(self, network: Network, batch_size: int, seen: Sequence[MemoryCell]) -> str | None:
        """Return None: malloc fails safely for a batch that exceeds ``allowance_mib``."""
        return None

    def others_busy(self, seconds: float) -> tuple[float | None, str]:
        """Return the share of all cores that other programs use, and the busiest program."""
        return host.others_busy(seconds)

    def describe(self) -> dict[str, Any]:
        """Return processor, clocks and virtual machine, as reported by the kernel."""
        return host.describe()

    def allowance_mib(self) -> float:
        """Return the machine's available memory, in MiB."""
        return available_mib()

    def start(self, threads: int) -> None:
        """Use ``threads`` threads, and flush denormals.

        Denormals slow passes for some weights.
        """
        import torch

        processors.restore()
        torch.set_num_threads(threads)
        torch.set_flush_denormal(True)
        usable_cores.check(threads)
        self._threads = threads

    def time(
        self, forward: Callable[[], Any], count: int, before: Callable[[], None] | None = None
    ) -> Timed:
        """Time each call by the wall clock; on a CPU, a call is complete when it returns."""
        times, output = [], None
        for _ in range(count):
            if before:
                before()
            started = time.perf_counter_ns()
            output = forward()
            times.append((time.perf_counter_ns() - started) / 1e6)
        return Timed(times, output)

    def energy(self, forward: Callable[[], Any], images: int, pass_ms: float) -> Energy | None:
        """Return None: a CPU package's energy counter includes other programs."""
        return None

    def watch(self) -> CpuWatch:
        """Time the reference kernels, then monitor the kernel's counters."""
        return CpuWatch(self._threads)

    def meter(self) -> ResidentMemory:
        """Return a meter for this process's resident memory."""
        return KeptMemory() if allocators.keeps_memory() else ResidentMemory()


class CpuWatch:
    """A monitor with reference kernels before and after, and counters in between."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._references = _References()
        self._before = self._references.times_ms()
        self._pages = _pages_mapped()
        self._work_ns = usable_cores.work_ns()
        self._counters = host.Counters()

    def begin(self) -> None:
        """Bring memory to its steady state, then start the counters."""
        mapped_mib = (_pages_mapped() - self._pages) * mmap.PAGESIZE / 2**20
        self._touch_ms = fresh_memory.settle(mapped_mib)
        self._counters.begin()

    def stop(self) -> Disturbance:
        """Return counters since the watch began, and reference times before and after.

        Raises DeviceError if threads of the passes shared a core, and ValueError if the network
        changed the number of threads.
        """
        import torch

        counted = self._counters.stop()
        if (now := torch.get_num_threads()) != self._threads:
            raise ValueError(
                f"threads: {self._threads}: the network sets torch's threads to {now} in its"
                " forward pass. Remove its call of torch.set_num_threads."
            )
        usable_cores.check_work(self._work_ns, self._threads)
        after = self._references.times_ms()
        return Disturbance(
            **counted,
            reference_compute_ms=(self._before[0], after[0]),
            reference_memory_ms=(self._before[1], after[1]),
            touch_ms=self._touch_ms,
        )


class ResidentMemory:
    """Resident memory of this process by the kernel's count, and its peak.

    File-backed pages (library code) count toward the runtime, never the network: how many are
    resident depends on whether the process was forked, and the kernel can drop them at any time.

    Creating a meter makes malloc return every freed block of 128 KiB or more to the kernel. By
    default it keeps tens of MiB that no network needs, depending on the history of the heap.
    """

    # The first pass fills caches of the convolution library that remain for later passes; a pass
    # of one image fills nearly all of them.
    first_images: int | None = 1

    def __init__(self) -> None:
        libc = ctypes.CDLL(None)
        for parameter in (_M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD):
            libc.mallopt(parameter, _MMAP_THRESHOLD)
        _take_free_blocks()
        self._baseline = 0.0

    def baseline_mib(self) -> float:
        """Return the resident memory now, in MiB.

        It includes file pages shared with the parent.
        """
        _trim()
        files = status_mib("RssFile")
        self._baseline = status_mib("VmRSS") - files
        with contextlib.suppress(OSError):  # The kernel may hide the parent.
            files = max(files, status_mib("RssFile", process=str(os.getppid())))
        return self._baseline + files

    def prepared(self) -> None:
        """Do nothing: leftover memory is released after the first pass."""

    def first_pass_done(self) -> None:
        """Reset the high-water mark (VmHWM) to the memory resident now.

        Raises DeviceError if the kernel does not permit it.
        """
        _trim()
        self._reset_peak()

    def _reset_peak(self) -> None:
        file = _PROC / "self/clear_refs"
        try:
            file.write_text("5")
        except OSError as error:
            raise DeviceError(
                f"{file}: {error.strerror}: peak memory cannot be measured. Measure memory outside"
                " this container, or make /proc writable."
            ) from None

    def reading(self) -> dict[str, Any]:
        """Return the high-water mark above the baseline, excluding file-backed pages."""
        peak = max(0.0, status_mib("VmHWM") - status_mib("RssFile") - self._baseline)
        return {"memory_mib": peak, "memory_basis": "net", "memory_net_mib": peak}


class KeptMemory(ResidentMemory):
    """Resident memory of a process whose allocator keeps freed memory, which counts as well.

    Only memory that was freed before the passes does not count: it depends on how the network was
    built. Earlier passes affect how much is kept, so the first one has the same images.
    """

    first_images = None

    def __init__(self) -> None:
        self._baseline = 0.0

    def prepared(self) -> None:
        """Release memory that was freed while the network was built."""
        _trim()

    def first_pass_done(self) -> None:
        """Reset the high-water mark (VmHWM) to the memory resident now.

        Raises DeviceError if the kernel does not permit it.
        """
        self._reset_peak()


class _References:
    """A compute-bound and a memory-bound reference kernel.

    Other load slows them as it slows networks.
    """

    def __init__(self) -> None:
        import torch

        matrix = torch.ones(768, 768)
        product = torch.empty_like(matrix)
        # 64 MiB each: the time of a copy that partly fits into a shared cache depends on others.
        source, target = (torch.frombuffer(_huge(64 * 2**20), dtype=torch.float32) for _ in "ab")
        self._kernels: tuple[Callable[[], Any], ...] = (
            lambda: torch.mm(matrix, matrix, out=product),
            lambda: target.copy_(source),
        )
        for kernel in self._kernels:
            kernel()  # Starts the thread pool and touches the memory.

    def times_ms(self) -> tuple[float, float]:
        """Return median times of the compute- and memory-bound kernels, over 12 ms or more each."""
        compute, memory = (_median_ms(kernel) for kernel in self._kernels)
        return compute, memory


def _pages_mapped() -> int:
    """Return how many pages this process has mapped so far, each when it was first touched."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def _huge(size: int) -> mmap.mmap:
    """Return zeroed private memory, in huge pages (fast to touch) if available."""
    buffer = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    with contextlib.suppress(OSError):
        buffer.madvise(mmap.MADV_HUGEPAGE)
    return buffer


def _median_ms(kernel: Callable[[], Any]) -> float:
    times: list[float] = []
    end = time.perf_counter() + _REFERENCE_S
    while (started := time.perf_counter()) < end:
        kernel()
        times.append(1000 * (time.perf_counter() - started))
    return statistics.median(times)


def _trim() -> None:
    """Return free memory to the kernel: that of glibc, or of a preloaded tcmalloc or jemalloc."""
    libc = ctypes.CDLL(None)
    libc.malloc_trim(0)
    with contextlib.suppress(AttributeError):
        libc.MallocExtension_ReleaseFreeMemory()
    with contextlib.suppress(AttributeError):
        for name in _OF_JEMALLOC:
            libc.mallctl(name, None, None, None, ctypes.c_size_t(0))


class _Mallinfo(ctypes.Structure):
    """From glibc's malloc.h; ``hblks`` is the number of blocks that malloc has mapped."""

    _fields_ = tuple(
        (name, ctypes.c_int)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    )


def _take_free_blocks() -> None:
    """Use up the heap's free blocks, so that malloc maps new memory for tensors.

    A freed heap block stays resident. A heap with large holes, inherited from a parent with a long
    history, would therefore make a network look larger. The blocks taken here are never touched and
    never freed: this process ends with its measurement.
    """
    libc = ctypes.CDLL(None)
    libc.mallinfo.restype = _Mallinfo
    libc.malloc.restype = ctypes.c_void_p
    mapped = libc.mallinfo().hblks
    while libc.mallinfo().hblks == mapped:
        libc.malloc(ctypes.c_size_t(_MMAP_THRESHOLD))


BACKEND = Backend(
    name="cpu",
    make=lambda gpu: Cpu(),
    # docs/explanation/variants.md says why.
    default_variants=(
        (REFERENCE,),
        (f"{REFERENCE}-kept",),
        ("fp32-openvino", "fp32-onnxruntime"),
    ),
)
