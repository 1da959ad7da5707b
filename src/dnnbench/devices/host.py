"""The host of a device: its processor, what the kernel counts, and who else uses it."""

import os
import platform
import resource
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_PROC = Path("/proc")
_CPUS = Path("/sys/devices/system/cpu")


def physical_cores(cpus: Iterable[int], folder: Path = _CPUS) -> int:
    """How many cores these processors are on; each counts as one where siblings are not known."""
    cores = set()
    for cpu in cpus:
        siblings = folder / f"cpu{cpu}/topology/thread_siblings_list"
        cores.add(siblings.read_text().strip() if siblings.exists() else str(cpu))
    return len(cores)


def default_threads() -> int:
    """One thread a physical core: hyperthreads share the units that convolutions keep busy."""
    return physical_cores(os.sched_getaffinity(0))


def others_busy(seconds: float) -> tuple[float, str]:
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


def describe() -> dict[str, Any]:
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
        "cores": default_threads(),
        "virtual_machine": _hypervisor(),
        "governor": _read(frequency / "scaling_governor"),
        "turbo": turbo if boost is None else boost == "1",
        "max_mhz": None if maximum is None else int(maximum) / 1000,
    }


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
