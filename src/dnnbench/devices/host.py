"""The host of a device: its processor, counters, and programs that use it."""

import os
import platform
import resource
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from dnnbench.core import commands, processors

_PROC = Path("/proc")
_CPUS = Path("/sys/devices/system/cpu")
_ASK_S = 10.0
_MUCH = 0.05  # A share of a device that clearly shows use by others.


def physical_cores(cpus: Iterable[int], folder: Path = _CPUS) -> int:
    """Return the number of cores of these processors; unknown siblings count as separate cores."""
    siblings = {cpu: read(folder / f"cpu{cpu}/topology/thread_siblings_list") for cpu in cpus}
    return len({text or str(cpu) for cpu, text in siblings.items()})


def default_threads() -> int:
    """Return one thread per physical core.

    Hyperthreads share the units that convolutions use.
    """
    return physical_cores(processors.given())


def others_busy(seconds: float) -> tuple[float | None, str]:
    """Return the share of all cores that other programs use, and the busiest program.

    The share is measured over ``seconds``; it is None if the kernel shows no ticks. It includes
    processes that the kernel hides, which cannot be named.
    """
    before, ticks_before = _process_ticks(), _stat()
    time.sleep(seconds)
    after, ticks = _process_ticks(), _stat()
    used = {pid: n - before.get(pid, (0, ""))[0] for pid, (n, _) in after.items()}
    own = used.pop(os.getpid(), 0)
    pid = max(used, key=used.__getitem__, default=None)
    who = f"{after[pid][1]} (pid {pid})" if pid is not None and used[pid] else "an unknown process"
    if ticks_before is None or ticks is None:
        return None, who
    busy = ticks.busy - ticks_before.busy - own
    return max(0, busy) / max(1, ticks.total - ticks_before.total), who


def busier(
    cpu: tuple[float | None, str], gpu: tuple[float | None, str]
) -> tuple[float | None, str]:
    """Return the greater share that others use, of CPU cores or GPU time.

    If one share is unknown, the other is only a lower bound: the result is None unless that bound
    already shows clear use.
    """
    (on_cpu, _), (on_gpu, _) = cpu, gpu
    if on_cpu is not None and on_gpu is not None:
        return gpu if on_gpu > on_cpu else cpu
    known = cpu if on_gpu is None else gpu
    return known if (known[0] or 0.0) > _MUCH else (None, known[1])


def describe() -> dict[str, Any]:
    """Return processor, clocks and virtual machine.

    Values that the kernel does not report are None.
    """
    info = read(_PROC / "cpuinfo") or ""
    model = _first(info, "model name") or _first(info, "Model") or platform.processor()
    frequency = _CPUS / "cpu0/cpufreq"
    maximum = read(frequency / "cpuinfo_max_freq") or ""
    # Intel's switch turns turbo off; the switch of other drivers turns it on.
    switches = {"0": True, "1": False}, {"0": False, "1": True}
    files = _CPUS / "intel_pstate/no_turbo", _CPUS / "cpufreq/boost"
    seen = [
        turbo
        for file, states in zip(files, switches, strict=True)
        if (turbo := states.get(read(file) or "")) is not None
    ]
    return {
        "cpu": model or platform.machine(),
        "cores": default_threads(),
        "virtual_machine": _hypervisor(),
        "governor": read(frequency / "scaling_governor"),
        "turbo": seen[-1] if seen else None,
        "max_mhz": int(maximum) / 1000 if maximum.isdigit() else None,
    }


class Counters:
    """Kernel counters of this process and the machine, for the time from ``begin`` to ``stop``.

    Steal time is counted from creation, because the kernel counts it in ticks, which are long
    compared with a pass.
    """

    def __init__(self) -> None:
        self._ticks = _stat()
        self.begin()

    def begin(self) -> None:
        """Start counting."""
        self._delay, self._waited = _run_delay_s(), _main_thread_delay_s()
        self._switches = resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw
        self._started, self._ran = time.perf_counter(), time.thread_time()

    def stop(self) -> dict[str, Any]:
        """Return fields of a Disturbance: steal, run_delay, stopped and involuntary_switches.

        A share is None if the kernel does not show what it needs.
        """
        elapsed, ran = time.perf_counter() - self._started, time.thread_time() - self._ran
        switches = resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw - self._switches
        ticks, delay, waited = _stat(), _run_delay_s(), _main_thread_delay_s()
        steal = run_delay = stopped = None
        if self._ticks is not None and ticks is not None:
            # The counter's resolution is one tick, which may have been nearly full at the start.
            stolen = max(0, ticks.steal - self._ticks.steal - 1)
            steal = stolen / max(1, ticks.total - self._ticks.total)
        if self._delay is not None and delay is not None:
            # Threads that ended meanwhile are missing, which can make the difference negative.
            run_delay = max(0.0, delay - self._delay) / elapsed
        if self._waited is not None and waited is not None:
            stopped = max(0.0, elapsed - ran - (waited - self._waited)) / elapsed
        return {
            "steal": steal,
            "run_delay": run_delay,
            "stopped": stopped,
            "involuntary_switches": switches,
        }


class _Ticks(NamedTuple):
    """Ticks of all processors since boot."""

    total: int
    busy: int
    steal: int


def _stat() -> _Ticks | None:
    """Return ticks of all processors; None if hidden.

    All zeros, as in a sandbox, count as hidden.
    """
    words = (read(_PROC / "stat") or "").split("\n", 1)[0].split()[1:9]
    if len(words) < 8 or not all(word.isdigit() for word in words):
        return None
    user, nice, system, idle, iowait, irq, softirq, steal = map(int, words)
    busy = user + nice + system + irq + softirq
    total = busy + idle + iowait + steal
    return _Ticks(total, busy, steal) if total else None


def _run_delay_s() -> float | None:
    """Return how long this process's threads waited for a core; None if hidden."""
    found = [_delay_s(task) for task in _folders(_PROC / "self/task")]
    delays = [delay for delay in found if delay is not None]
    return sum(delays) if delays else None


def _main_thread_delay_s() -> float | None:
    """Return how long this process's main thread waited for a core; None if hidden."""
    return _delay_s(_PROC / "self/task" / str(os.getpid()))


def _delay_s(task: Path) -> float | None:
    fields = (read(task / "schedstat") or "").split()
    return int(fields[1]) / 1e9 if len(fields) == 3 and fields[1].isdigit() else None


def _process_ticks() -> dict[int, tuple[int, str]]:
    """Return ticks used and name of every visible process, by id."""
    found = {}
    for folder in _folders(_PROC):
        if not folder.name.isdigit():
            continue
        head, _, tail = (read(folder / "stat") or "").rpartition(")")
        fields, name = tail.split(), head.partition("(")[2]
        if len(fields) > 12:  # A process that is hidden or has ended has none.
            found[int(folder.name)] = (int(fields[11]) + int(fields[12]), name)
    return found


def _folders(folder: Path) -> list[Path]:
    """Return a folder's entries; none if it cannot be listed."""
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _first(text: str, key: str) -> str | None:
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name.strip() == key:
            return value.strip()
    return None


def read(path: Path) -> str | None:
    """Return a file's text; None if it cannot be read, as in a restricted /proc."""
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return None


def _hypervisor() -> str | None:
    """Return the hypervisor's name, ``none`` on bare metal, or None if unknown."""
    done = commands.run(["systemd-detect-virt", "--vm"], _ASK_S)
    if done is None:
        flags = (_first(read(_PROC / "cpuinfo") or "", "flags") or "").split()
        return "unknown" if "hypervisor" in flags else None
    return done.stdout.strip() or None
