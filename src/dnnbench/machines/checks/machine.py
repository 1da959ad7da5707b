"""What checks look at, the files of a machine now and a second ago, and what a check says."""

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
    """One thing that may disturb timings.

    ``unknown``: the machine does not show it, which is not the same as ``ok``. ``seen`` has its
    units, ``why`` says what it does to timings, and ``mend`` is a command where there is one;
    ``None`` where nothing has to be done, or can be.
    """

    name: str
    state: State
    seen: str
    why: str
    mend: str | None = None


@dataclass(frozen=True)
class Machine:
    """A machine as a device file would use it.

    ``threads`` is that of the device file, ``None`` for one a physical core; ``cpus`` are those
    that this process may run on. ``root`` is where proc and sys are.
    """

    device: str
    setup: Setup
    threads: int | None
    cpus: frozenset[int]
    environ: Mapping[str, str]
    root: Path = Path("/")

    def read(self, path: str | Path) -> str | None:
        """Content of a file below ``root``, or ``None`` where there is none to be read."""
        try:
            return (self.root / path).read_text().strip("\0\n ")
        except (OSError, UnicodeDecodeError):
            return None

    def number(self, path: str | Path) -> int | None:
        """A file of one whole number."""
        text = self.read(path)
        try:
            return None if text is None else int(text)
        except ValueError:
            return None

    def folders(self, pattern: str) -> list[Path]:
        """Paths below ``root`` that match, in order, as :meth:`read` takes them."""
        return sorted(path.relative_to(self.root) for path in self.root.glob(pattern))

    def each_cpu(self, name: str) -> dict[int, str]:
        """What a file of ``/sys/devices/system/cpu/cpu<n>`` says, by processor that has it."""
        texts = {cpu: self.read(f"sys/devices/system/cpu/cpu{cpu}/{name}") for cpu in self.cpus}
        return {cpu: text for cpu, text in sorted(texts.items()) if text is not None}


@dataclass(frozen=True)
class Seen:
    """A machine that was watched for a second.

    ``busy`` is the share of the device that other programs used, None where that is not known, and
    ``busiest`` the one that used most; ``before`` and ``after`` are ticks of /proc/stat, empty
    where it cannot be read. ``gpu`` is what is known of a GPU.
    """

    machine: Machine
    busy: float | None
    busiest: str
    before: Counters = field(default_factory=dict)
    after: Counters = field(default_factory=dict)
    gpu: GpuEnvironment | None = None


def watch(machine: Machine, others_busy: Callable[[float], tuple[float | None, str]]) -> Seen:
    """Watch for a second; ``others_busy`` is the method of the device's backend."""
    before = _ticks(machine)
    busy, busiest = others_busy(WINDOW_S)
    after = _ticks(machine)
    # A clock is read at work: a processor that rests may show any.
    end = time.perf_counter() + _SPIN_S
    while time.perf_counter() < end:
        pass
    return Seen(machine, busy, busiest, before, after)


def _ticks(machine: Machine) -> Counters:
    """Ticks of all processors; none where they are not counted: a sandbox may show zeros."""
    names = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
    values = (machine.read("proc/stat") or "").split("\n", 1)[0].split()[1:9]
    if len(values) < len(names) or not all(value.isdigit() for value in values):
        return {}
    ticks = dict(zip(names, map(int, values), strict=True))
    return ticks if any(ticks.values()) else {}
