"""The CPU: threads, wall clock, kernel counters, resident memory."""

import contextlib
import ctypes
import mmap
import os
import platform
import resource
import statistics
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from dnnbench.core.isolation import available_mib, status_mib
from dnnbench.devices.backends import Energy, Timed
from dnnbench.networks.registry import Network
from dnnbench.records.latency_records import Disturbance
from dnnbench.records.memory_records import MemoryCell

_REFERENCE_S = 0.05
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # From glibc's malloc.h.
_MMAP_THRESHOLD = 128 * 1024
_PROC = Path("/proc")
_CPUS = Path("/sys/devices/system/cpu")


def physical_cores(cpus: Iterable[int], folder: Path = _CPUS) -> int:
    """How many cores these processors are on; each counts as one where siblings are not known."""
    cores = set()
    for cpu in cpus:
        siblings = folder / f"cpu{cpu}/topology/thread_siblings_list"
        cores.add(siblings.read_text().strip() if siblings.exists() else str(cpu))
    return len(cores)


class Cpu:
    """All cores that this process may use."""

    name = "cpu"
    torch_device = "cpu"
    lock_name = "cpu"

    def default_threads(self) -> int:
        """One thread a physical core: hyperthreads share the units that convolutions keep busy."""
        return physical_cores(os.sched_getaffinity(0))

    def preflight(self) -> None:
        """A CPU is always there."""

    def check_clocks(self, max_drop: float) -> None:
        """The reference kernels judge a CPU's clocks."""

    def settle(self) -> None:
        """A CPU is always fit."""

    def refuses(self, network: Network, batch_size: int, seen: Sequence[MemoryCell]) -> str | None:
        """Never: what does not fit into ``allowance_mib`` is refused by malloc."""
        return None

    def others_busy(self, seconds: float) -> tuple[float, str]:
        """Share of all cores that other programs use over ``seconds``, and the busiest program."""
        before, ticks_before, total_before = _process_ticks(), _busy_ticks(), _total_ticks()
        time.sleep(seconds)
        after, ticks, total = _process_ticks(), _busy_ticks(), _total_ticks()
        used = {pid: n - before.get(pid, (0, ""))[0] for pid, (n, _) in after.items()}
        own = used.pop(os.getpid(), 0)
        share = max(0, ticks - ticks_before - own) / max(1, total - total_before)
        pid = max(used, key=used.__getitem__, default=None)
        who = f"{after[pid][1]} (pid {pid})" if pid is not None and used[pid] else "nobody named"
        return share, who

    def describe(self) -> dict[str, Any]:
        """Processor, clocks and virtual machine, as the kernel tells them."""
        info = (_PROC / "cpuinfo").read_text()
        model = _first(info, "model name") or _first(info, "Model") or platform.processor()
        frequency = _CPUS / "cpu0/cpufreq"
        maximum = _read(frequency / "cpuinfo_max_freq")
        no_turbo = _read(_CPUS / "intel_pstate/no_turbo")
        boost = _read(_CPUS / "cpufreq/boost")
        turbo = None if no_turbo is None else no_turbo == "0"
        return {
            "cpu": model or platform.machine(),
            "cores": self.default_threads(),
            "virtual_machine": _hypervisor(),
            "governor": _read(frequency / "scaling_governor"),
            "turbo": turbo if boost is None else boost == "1",
            "max_mhz": None if maximum is None else int(maximum) / 1000,
        }

    def allowance_mib(self) -> float:
        """What the machine has available now."""
        return available_mib()

    def start(self, threads: int) -> None:
        """Use ``threads`` threads; flush denormals, which slow a pass by whatever weights hold."""
        import torch

        torch.set_num_threads(threads)
        torch.set_flush_denormal(True)

    def time(self, forward: Callable[[], Any], count: int) -> Timed:
        """Wall time of each call, which on a CPU is complete when it returns."""
        times, output = [], None
        for _ in range(count):
            started = time.perf_counter_ns()
            output = forward()
            times.append((time.perf_counter_ns() - started) / 1e6)
        return Timed(times, output)

    def energy(self, forward: Callable[[], Any], images: int, pass_ms: float) -> Energy | None:
        """Not measured: meters of a package count what other programs use."""
        return None

    def watch(self) -> "CpuWatch":
        """Time the reference kernels, then watch the kernel's counters."""
        return CpuWatch()

    def meter(self) -> "ResidentMemory":
        """This process's resident memory."""
        return ResidentMemory()


class CpuWatch:
    """Reference kernels before and after, kernel counters in between."""

    def __init__(self) -> None:
        self._references = _References()
        self._before = self._references.times_ms()
        self._counters = Counters()

    def begin(self) -> None:
        """The counters watch the passes before the timed ones too."""

    def stop(self) -> Disturbance:
        """Counters since the watch began; reference times before and after."""
        counted = self._counters.stop()
        after = self._references.times_ms()
        return Disturbance(
            **counted,
            reference_compute_ms=(self._before[0], after[0]),
            reference_memory_ms=(self._before[1], after[1]),
            reference_before=1.0,
            reference_after=1.0,
        )


class Counters:
    """What the kernel counts of this process and of the machine, from its making until ``stop``."""

    def __init__(self) -> None:
        self._steal, self._total = _steal_ticks(), _total_ticks()
        self._delay = _run_delay_s()
        self._switches = resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw
        self._started = time.perf_counter()

    def stop(self) -> dict[str, Any]:
        """Fields of a Disturbance: steal, run_delay, involuntary_switches."""
        elapsed = time.perf_counter() - self._started
        # A tick may have been all but full when the watch began: one is the counter's resolution.
        steal = max(0, _steal_ticks() - self._steal - 1) / max(1, _total_ticks() - self._total)
        return {
            "steal": steal,
            "run_delay": (_run_delay_s() - self._delay) / elapsed,
            "involuntary_switches": resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw
            - self._switches,
        }


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
        self._baseline = status_mib("VmRSS") - status_mib("RssFile")
        return self._baseline + max(
            status_mib("RssFile"), status_mib("RssFile", process=str(os.getppid()))
        )

    def prepared(self) -> None:
        """Nothing yet: what was left behind is given back after the first pass."""

    def first_pass_done(self) -> None:
        """Set the high-water mark (VmHWM) to what is resident now."""
        _trim()
        (_PROC / "self/clear_refs").write_text("5")

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


def _stat() -> list[int]:
    """user, nice, system, idle, iowait, irq, softirq, steal: ticks of all processors."""
    return [int(n) for n in (_PROC / "stat").read_text().split("\n", 1)[0].split()[1:9]]


def _total_ticks() -> int:
    return sum(_stat())


def _busy_ticks() -> int:
    user, nice, system, _idle, _iowait, irq, softirq, _steal = _stat()
    return user + nice + system + irq + softirq


def _steal_ticks() -> int:
    return _stat()[7]


def _run_delay_s() -> float:
    """Time that this process's threads were ready and waited for a core, summed."""
    total = 0
    for task in (_PROC / "self/task").iterdir():
        try:
            total += int((task / "schedstat").read_text().split()[1])
        except (FileNotFoundError, ProcessLookupError):  # The thread has ended.
            continue
    return total / 1e9


def _process_ticks() -> dict[int, tuple[int, str]]:
    """Ticks used and name of every process."""
    found = {}
    for folder in _PROC.iterdir():
        if not folder.name.isdigit():
            continue
        try:
            head, _, tail = (folder / "stat").read_text().rpartition(")")
        except (FileNotFoundError, ProcessLookupError):
            continue
        fields = tail.split()
        found[int(folder.name)] = (int(fields[11]) + int(fields[12]), head.split("(", 1)[1])
    return found


def _first(text: str, key: str) -> str | None:
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name.strip() == key:
            return value.strip()
    return None


def _read(path: Path) -> str | None:
    try:
        return path.read_text().strip()
    except OSError:
        return None


def _hypervisor() -> str | None:
    try:
        command = ["systemd-detect-virt", "--vm"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    answer = done.stdout.strip()
    return None if answer in ("", "none") else answer
