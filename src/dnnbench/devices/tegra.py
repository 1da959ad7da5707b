"""A Jetson's board, clocks, load, power mode and memory.

Sources: /sys, /proc and /etc.

Nothing here needs a GPU or special privileges. Values that a board lacks, or does not permit
reading, are None. Locations of the files:

- GPU: a devfreq device named after its address and its node in the device tree: 57000000.gpu (TX1,
  Nano), 17000000.gv11b (Xavier), 17000000.ga10b (Orin, L4T 35), 17000000.gpu (Orin, L4T 36). The
  load is in per mille, in the device's folder or, on L4T 28, in /sys/devices/gpu.0. NVIDIA Jetson
  Linux Developer Guide, "Platform Power and Performance"; node names from jetson-stats
  (github.com/rbonghi/jetson_stats).
- Temperature: the thermal zone of type GPU-therm or gpu-thermal, by release. Same guide.
- Power mode: nvpmodel keeps the number in /var/lib/nvpmodel/status (pmode:0002) and the modes in
  /etc/nvpmodel.conf. Same guide, "Power Mode Controls"; format of the status from scripts in use
  on boards.
- jetson_clocks sets the minimum frequency of GPU and CPU to the maximum, and locks the memory
  clock (EMC) in debugfs, which only root can read: for other users it is unknown.
"""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from dnnbench.core import commands

_GPU_NODES = ("gpu", "gp10b", "gv11b", "ga10b")
_GPU_ZONES = ("gpu-therm", "gpu-thermal")
_SUPPLY_EVENTS = {1: "under-voltage", 2: "average over-current", 3: "peak over-current"}
_MHZ = 1_000_000
_KHZ_PER_MHZ = 1000
_NVPMODEL_S = 5.0


@dataclass(frozen=True)
class Clock:
    """A clock, in MHz: its value, and the range that its governor allows."""

    now_mhz: float
    low_mhz: float
    high_mhz: float

    @property
    def locked(self) -> bool:
        """Whether the range is a single frequency."""
        return self.low_mhz == self.high_mhz


def read(path: Path) -> str | None:
    """Return the text of a small kernel file, or None if it cannot be read.

    Some sensors of a Jetson return EAGAIN while their unit is powered down, which Python's file
    objects turn into a TypeError. The file is therefore read with ``os.read``.
    """
    try:
        file = os.open(path, os.O_RDONLY)
        try:
            return os.read(file, 1 << 16).decode("utf-8", "replace").strip("\0\n ")
        finally:
            os.close(file)
    except OSError:
        return None


def number(path: Path) -> float | None:
    """Return the number at the start of a kernel file, or None."""
    words = (read(path) or "").split()
    try:
        return float(words[0]) if words else None
    except ValueError:
        return None


def _nvpmodel() -> str | None:
    """Return the output of ``nvpmodel -q``; None if it is missing or needs root."""
    done = commands.run(["nvpmodel", "-q"], _NVPMODEL_S)
    return done.stdout if done else None


class Board:
    """A Jetson whose files are under ``root``; ``query`` runs nvpmodel."""

    def __init__(self, root: Path = Path("/"), query: Callable[[], str | None] = _nvpmodel) -> None:
        self._root = root
        self._query = query

    def model(self) -> str | None:
        """Return a name such as NVIDIA Jetson Orin Nano Developer Kit.

        Returns None if this is not a Jetson.
        """
        name = read(self._root / "proc/device-tree/model")
        return name if name and re.search("jetson|nvidia", name, re.IGNORECASE) else None

    def l4t(self) -> str | None:
        """Return the L4T release, such as 36.3.0.

        JetPack 6 is L4T 36, JetPack 5 is L4T 35.
        """
        text = read(self._root / "etc/nv_tegra_release") or ""
        found = re.search(r"\bR(\d+)\b.*?REVISION:\s*([\d.]+)", text)
        return f"{found[1]}.{found[2]}" if found else None

    def gpu_clock(self) -> Clock | None:
        """Return the GPU's clock; devfreq uses Hz."""
        return _clock(self._gpu, "{}_freq", ("cur", "min", "max"), _MHZ) if self._gpu else None

    def gpu_load(self) -> float | None:
        """Return the share of the recent past in which any process kept the GPU busy."""
        places = [self._gpu / "device/load"] if self._gpu else []
        places += [self._root / f"sys/devices/{name}/load" for name in ("gpu.0", "platform/gpu.0")]
        loads = (number(place) for place in places)
        return next((load / 1000 for load in loads if load is not None), None)

    def gpu_temperature_c(self) -> float | None:
        """Return the temperature of the GPU's zone; zones use thousandths of a degree."""
        for zone in sorted(self._root.glob("sys/class/thermal/thermal_zone*")):
            if (read(zone / "type") or "").lower() in _GPU_ZONES:
                value = number(zone / "temp")
                return None if value is None else value / 1000
        return None

    def cpu_clocks(self) -> dict[int, Clock]:
        """Return the clocks of online cores that have one, by core; cpufreq uses kHz."""
        found = {cpu: self._cpu(cpu) / "cpufreq" for cpu in self.online()}
        clocks = {
            cpu: _clock(folder, "scaling_{}_freq", ("cur", "min", "max"), _KHZ_PER_MHZ)
            for cpu, folder in found.items()
        }
        return {cpu: clock for cpu, clock in clocks.items() if clock}

    def cpu_governors(self) -> list[str]:
        """Return the distinct governors of the cores' clocks."""
        paths = (self._cpu(cpu) / "cpufreq/scaling_governor" for cpu in self.online())
        return sorted({governor for path in paths if (governor := read(path))})

    def online(self) -> list[int]:
        """Return the cores that are online; a power mode may turn some off."""
        listed = read(self._root / "sys/devices/system/cpu/online") or ""
        cores: list[int] = []
        for first, last in re.findall(r"(\d+)(?:-(\d+))?", listed):
            cores += range(int(first), int(last or first) + 1)
        return cores

    def big_cores(self) -> list[int]:
        """Return the online cores of the fastest kind, or all if kinds are unknown."""
        cores = self.online()
        for measure in ("cpu_capacity", "cpufreq/cpuinfo_max_freq"):
            sizes = {cpu: number(self._cpu(cpu) / measure) for cpu in cores}
            known = [size for size in sizes.values() if size is not None]
            if known:
                return [cpu for cpu in cores if sizes[cpu] == max(known)]
        return cores

    def clocks_locked(self) -> bool | None:
        """Return whether GPU, CPU and memory each stay at one frequency.

        Returns False if any clock floats, and None if one is unreadable and none floats.
        """
        cores = list(self.cpu_clocks().values())
        gpu = self.gpu_clock()
        if any(not clock.locked for clock in [*cores, *([gpu] if gpu else [])]):
            return False
        memory = self.memory_clock_locked()
        return memory if (gpu and cores) or memory is False else None

    def memory_clock_locked(self) -> bool | None:
        """Return whether the memory clock stays at one frequency; None unless run as root."""
        path = self._root / "sys/kernel/debug/bpmp/debug/clk/emc/mrq_rate_locked"
        value = number(path)
        return None if value is None else value != 0

    def held_back(self) -> dict[str, int]:
        """Return how often since boot the hardware slowed to protect the supply.

        The counters of Orin's hwmon device soctherm_oc, by cause. NVIDIA Jetson Linux Developer
        Guide, Orin, "Electrical Management".
        """
        folders = sorted(self._root.glob("sys/class/hwmon/hwmon*"))
        found = [folder for folder in folders if read(folder / "name") == "soctherm_oc"]
        counts = {
            name: number(folder / f"oc{channel}_event_cnt")
            for folder in found
            for channel, name in _SUPPLY_EVENTS.items()
        }
        return {name: int(count) for name, count in counts.items() if count is not None}

    def power_mode(self) -> str | None:
        """Return name and number of nvpmodel's mode, such as MAXN (0)."""
        found = re.search(r"NV Power Mode:\s*(\S+)\s+(\d+)", self._query() or "")
        if found:
            return f"{found[1]} ({int(found[2])})"
        status = re.search(r"pmode:(\d+)", read(self._root / "var/lib/nvpmodel/status") or "")
        modes = read(self._root / "etc/nvpmodel.conf") or ""
        # Before the first change of mode there is no status file, and the default mode applies.
        chosen = status or re.search(r"<\s*PM_CONFIG\s+DEFAULT=(\d+)", modes)
        if not chosen:
            return None
        mode = int(chosen[1])
        name = re.search(rf"<\s*POWER_MODEL\s+ID=0*{mode}\s+NAME=(\S+?)\s*>", modes)
        return f"{name[1]} ({mode})" if name else f"({mode})"

    def available_mib(self) -> float | None:
        """Return the memory, in MiB, that the kernel could hand out without swapping."""
        return self._meminfo("MemAvailable")

    def total_mib(self) -> float | None:
        """Return the total memory that CPU and GPU share, in MiB."""
        return self._meminfo("MemTotal")

    def swap_used_mib(self) -> float | None:
        """Return the used swap, in MiB, including zram."""
        total, free = self._meminfo("SwapTotal"), self._meminfo("SwapFree")
        return None if total is None or free is None else total - free

    def _meminfo(self, key: str) -> float | None:
        text = read(self._root / "proc/meminfo") or ""
        found = re.search(rf"^{key}:\s+(\d+) kB", text, re.MULTILINE)
        return int(found[1]) / 1024 if found else None

    def _cpu(self, cpu: int) -> Path:
        return self._root / f"sys/devices/system/cpu/cpu{cpu}"

    @cached_property
    def _gpu(self) -> Path | None:
        """The GPU's devfreq folder; video engines have folders in the same class."""
        return next(self._gpus(), None)

    def _gpus(self) -> Iterator[Path]:
        for folder in sorted(self._root.glob("sys/class/devfreq/*")):
            node = read(folder / "device/of_node/name") or folder.name.rpartition(".")[2]
            if node in _GPU_NODES:
                yield folder


def _clock(folder: Path, pattern: str, keys: tuple[str, str, str], per_mhz: int) -> Clock | None:
    now, low, high = (number(folder / pattern.format(key)) for key in keys)
    if now is None or low is None or high is None:
        return None
    return Clock(now / per_mhz, low / per_mhz, high / per_mhz)
