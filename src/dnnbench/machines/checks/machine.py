"""Input and output of checks: what was observed, and the result of a check."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from dnnbench.devices.backends import Setup
from dnnbench.records.base import Record
from dnnbench.records.environment_records import GpuEnvironment

WINDOW_S = 1.0
_SPIN_S = 0.1

Counters = dict[str, int]
State = Literal["ok", "warn", "unknown"]


class Check(Record):
    """Row of checks: one thing that may disturb timings."""

    name: str
    """Name of the check."""
    state: State
    """``ok``, ``warn`` (it would disturb timings), or ``unknown`` if the machine does not provide
    the information."""
    seen: str
    """Observation, with its unit."""
    why: str
    """Effect on timings."""
    fix: str | None = None
    """What to do, ending with the command if there is one; empty if nothing needs to be done or can
    be done."""


@dataclass(frozen=True)
class Machine:
    """A machine, used as a device file configures it.

    ``threads`` is the setting of the device file, ``None`` for one thread per physical core.
    ``cpus`` are the processors that this process may run on. ``root`` has the folders proc and sys.
    """

    device: str
    setup: Setup
    threads: int | None
    cpus: frozenset[int]
    environ: Mapping[str, str]
    root: Path = Path("/")

    def read(self, path: str | Path) -> str | None:
        """Return the content of a file below ``root``, or ``None`` if it cannot be read."""
        try:
            return (self.root / path).read_text().strip("\0\n ")
        except (OSError, UnicodeDecodeError):
            return None

    def number(self, path: str | Path) -> int | None:
        """Return the content of a file as an integer, or ``None`` if it is not one."""
        text = self.read(path)
        try:
            return None if text is None else int(text)
        except ValueError:
            return None

    def folders(self, pattern: str) -> list[Path]:
        """Return the sorted matching paths, relative to ``root`` as for :meth:`read`."""
        return sorted(path.relative_to(self.root) for path in self.root.glob(pattern))

    def each_cpu(self, name: str) -> dict[int, str]:
        """Return a file's content by processor, from /sys/devices/system/cpu/cpu<n>."""
        texts = {cpu: self.read(f"sys/devices/system/cpu/cpu{cpu}/{name}") for cpu in self.cpus}
        return {cpu: text for cpu, text in sorted(texts.items()) if text is not None}


@dataclass(frozen=True)
class Seen:
    """Observations of a machine over one second.

    ``busy`` is the share of the device that other programs used (None if unknown), and ``busiest``
    the program that used most. ``before`` and ``after`` are the ticks of /proc/stat, empty if it
    cannot be read. ``gpu`` describes a GPU.
    """

    machine: Machine
    busy: float | None
    busiest: str
    before: Counters = field(default_factory=dict)
    after: Counters = field(default_factory=dict)
    gpu: GpuEnvironment | None = None


def watch(machine: Machine, others_busy: Callable[[float], tuple[float | None, str]]) -> Seen:
    """Observe a machine for one second.

    ``others_busy`` is the method of the device's backend.
    """
    before = _ticks(machine)
    busy, busiest = others_busy(WINDOW_S)
    after = _ticks(machine)
    # Clocks are meaningful only under load; an idle processor may report anything.
    end = time.perf_counter() + _SPIN_S
    while time.perf_counter() < end:
        pass
    return Seen(machine, busy, busiest, before, after)


def _ticks(machine: Machine) -> Counters:
    """Return all processors' ticks; none if uncounted (sandboxes show zeros)."""
    names = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
    values = (machine.read("proc/stat") or "").split("\n", 1)[0].split()[1:9]
    if len(values) < len(names) or not all(value.isdigit() for value in values):
        return {}
    ticks = dict(zip(names, map(int, values), strict=True))
    return ticks if any(ticks.values()) else {}
