"""The CPU: threads, wall clock, kernel counters, resident memory."""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import os
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dnnbench.config.backend import Backend
from dnnbench.core import processors
from dnnbench.core.errors import DeviceError
from dnnbench.core.isolation import available_mib, status_mib
from dnnbench.devices import host, usable_cores
from dnnbench.devices.backends import Energy, Timed
from dnnbench.records.disturbance_records import Disturbance

if TYPE_CHECKING:
    from dnnbench.networks.registry import Network
    from dnnbench.records.memory_records import MemoryCell

_REFERENCE_S = 0.05
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # From glibc's malloc.h.
_MMAP_THRESHOLD = 128 * 1024
_PROC = Path("/proc")


class Cpu:
    """All cores that this process may use."""

    name = "cpu"
    torch_device = "cpu"
    lock_name = "cpu"

    def default_threads(self) -> int:
        """One thread a physical core."""
        return host.default_threads()

    def preflight(self) -> None:
        """A CPU is always there."""

    def check_clocks(self, max_drop: float) -> None:
        """The reference kernels judge a CPU's clocks."""

    def settle(self) -> None:
        """A CPU is always fit."""

    def refuses(self, network: Network, batch_size: int, seen: Sequence[MemoryCell]) -> str | None:
        """Never: what does not fit into ``allowance_mib`` is refused by malloc."""
        return None

    def known_memory(
        self, folder: Path, models: Iterable[str]
    ) -> Mapping[str, Sequence[MemoryCell]]:
        """None: no batch is refused."""
        return {}

    def others_busy(self, seconds: float) -> tuple[float | None, str]:
        """Share of all cores that other programs use, None if not shown, and the busiest one."""
        return host.others_busy(seconds)

    def describe(self) -> dict[str, Any]:
        """Processor, clocks and virtual machine, as the kernel tells them."""
        return host.describe()

    def allowance_mib(self) -> float:
        """What the machine has available now."""
        return available_mib()

    def start(self, threads: int) -> None:
        """Use ``threads`` threads; flush denormals, which slow a pass by whatever weights hold."""
        import torch

        processors.restore()
        torch.set_num_threads(threads)
        torch.set_flush_denormal(True)
        usable_cores.check(threads)
        self._threads = threads

    def time(
        self, forward: Callable[[], Any], count: int, before: Callable[[], None] | None = None
    ) -> Timed:
        """Wall time of each call, which on a CPU is complete when it returns."""
        times, output = [], None
        for _ in range(count):
            if before:
                before()
            started = time.perf_counter_ns()
            output = forward()
            times.append((time.perf_counter_ns() - started) / 1e6)
        return Timed(times, output)

    def energy(self, forward: Callable[[], Any], images: int, pass_ms: float) -> Energy | None:
        """Not measured: meters of a package count what other programs use."""
        return None

    def watch(self) -> CpuWatch:
        """Time the reference kernels, then watch the kernel's counters."""
        return CpuWatch(self._threads)

    def meter(self) -> ResidentMemory:
        """This process's resident memory."""
        return ResidentMemory()


class CpuWatch:
    """Reference kernels before and after, kernel counters in between."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._references = _References()
        self._before = self._references.times_ms()
        self._work_ns = usable_cores.work_ns()
        self._counters = host.Counters()

    def begin(self) -> None:
        """The counters watch the passes before the timed ones too."""

    def stop(self) -> Disturbance:
        """Counters since the watch began; reference times before and after.

        Raises DeviceError where threads of the passes shared a core, and ValueError where the
        network has changed how many there are.
        """
        import torch

        counted = self._counters.stop()
        if (now := torch.get_num_threads()) != self._threads:
            raise ValueError(
                f"threads: {self._threads}: a pass of the network sets torch's threads to {now};"
                " take torch.set_num_threads out of it"
            )
        usable_cores.check_work(self._work_ns, self._threads)
        after = self._references.times_ms()
        return Disturbance(
            **counted,
            reference_compute_ms=(self._before[0], after[0]),
            reference_memory_ms=(self._before[1], after[1]),
            reference_before=1.0,
            reference_after=1.0,
        )


class ResidentMemory:
    """Resident memory of this process by the kernel's count, and its high-water mark.

    Pages of files (the code of libraries) are the runtime's, never the network's: how many are
    resident depends on whether the process was forked, and the kernel can drop them at any time.

    From here on malloc gives every freed block of 128 KiB or more back to the kernel. By default it
    keeps tens of MiB, depending on the history of the heap, that no network needs.
    """

    # What the first pass leaves behind (caches of the convolution library) is there in every
    # later one; a pass of one image leaves nearly all of it.
    first_images = 1

    def __init__(self) -> None:
        libc = ctypes.CDLL(None)
        for parameter in (_M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD):
            libc.mallopt(parameter, _MMAP_THRESHOLD)
        _take_free_blocks()
        self._baseline = 0.0

    def baseline_mib(self) -> float:
        """Resident now. A fork's pages of files are its parent's, which has them resident."""
        _trim()
        files = status_mib("RssFile")
        self._baseline = status_mib("VmRSS") - files
        with contextlib.suppress(OSError):  # The kernel may hide the parent.
            files = max(files, status_mib("RssFile", process=str(os.getppid())))
        return self._baseline + files

    def prepared(self) -> None:
        """Nothing yet: what was left behind is given back after the first pass."""

    def first_pass_done(self) -> None:
        """Set the high-water mark (VmHWM) to what is resident now.

        Raises DeviceError where the kernel does not let it.
        """
        _trim()
        file = _PROC / "self/clear_refs"
        try:
            file.write_text("5")
        except OSError as error:
            raise DeviceError(
                f"{file}: {error.strerror}: without it the peak of memory cannot be read; measure"
                " memory outside of this container, or with /proc writable"
            ) from None

    def reading(self) -> dict[str, Any]:
        """High-water mark, without pages of files, beyond the baseline."""
        peak = max(0.0, status_mib("VmHWM") - status_mib("RssFile") - self._baseline)
        return {"memory_mib": peak, "memory_basis": "net", "memory_net_mib": peak}


class _References:
    """A compute-bound and a memory-bound kernel, which a neighbour slows as it slows networks."""

    def __init__(self) -> None:
        import torch

        matrix = torch.ones(768, 768)
        product = torch.empty_like(matrix)
        # 64 MiB each: where a copy half fits a shared cache, its time depends on who else uses it.
        source, target = (torch.frombuffer(_huge(64 * 2**20), dtype=torch.float32) for _ in "ab")
        self._kernels: tuple[Callable[[], Any], ...] = (
            lambda: torch.mm(matrix, matrix, out=product),
            lambda: target.copy_(source),
        )
        for kernel in self._kernels:
            kernel()  # Starts the thread pool and touches the memory.

    def times_ms(self) -> tuple[float, float]:
        """Median time of the compute- and of the memory-bound kernel, over at least 50 ms each."""
        compute, memory = (_median_ms(kernel) for kernel in self._kernels)
        return compute, memory


def _huge(size: int) -> mmap.mmap:
    """Zeroed private memory in huge pages where the kernel has them: fast to touch."""
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
    ctypes.CDLL(None).malloc_trim(0)


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
    """Leave malloc no free block of the heap to put a tensor into: it must map a new one.

    A block of the heap stays resident after it is freed, so that a heap with large holes, such as
    a fork inherits from a parent with a long history, would make a network look larger. The blocks
    taken here are never touched, and never freed: this process ends with its measurement.
    """
    libc = ctypes.CDLL(None)
    libc.mallinfo.restype = _Mallinfo
    libc.malloc.restype = ctypes.c_void_p
    mapped = libc.mallinfo().hblks
    while libc.mallinfo().hblks == mapped:
        libc.malloc(ctypes.c_size_t(_MMAP_THRESHOLD))


BACKEND = Backend(name="cpu", make=lambda gpu: Cpu())
