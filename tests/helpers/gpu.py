"""A simulated GPU: a scenario for the simulated NVML library, and a runtime on the CPU.

The real pynvml and all of dnnbench run on them; only torch.cuda is replaced.
"""

import itertools
import os
import shutil
import time
from pathlib import Path

from dnnbench.devices.runtime import Peaks, Visible, VisibleCard

COMPILER = shutil.which("cc") or shutil.which("gcc")
STANDIN = Path(__file__).with_name("nvml_standin.c")

FIRST, SECOND = "GPU-11111111-aaaa", "GPU-22222222-bbbb"
HELD_MIB, RUNTIME_MIB = 450, 300

# Two cards, in NVML's order; CUDA shows the faster first, which is NVML's second.
SCENARIO = {
    "cards": "2",
    "driver": "560.35.03",
    "cuda": "12060",
    "0.uuid": FIRST,
    "0.name": "Slow GPU",
    "0.pci": "00000000:01:00.0",
    "0.temperature": "40",
    "1.uuid": SECOND,
    "1.name": "Fast GPU",
    "1.pci": "00000000:81:00.0",
    "1.capability": "75",
    "1.persistence": "1",
    "1.ecc": "0",
    "1.mig": "0",
    "1.clock": "1500",
    "1.memory_clock": "7000",
    "1.max_clock": "1900",
    "1.application_clock": "1500",
    "1.temperature": "60",
    "1.power_mw": "150000",
    "1.limit_mw": "250000",
    "1.reasons": "2",
    "1.utilization": "0",
    "1.memory_mib": "8192",
    "1.used_mib": "1000",
    "1.energy_mw": "100000",
    "1.energy_step_ms": "50",
}
VISIBLE = Visible(
    cards=(
        VisibleCard("Fast GPU", SECOND, (0, 0x81, 0), (7, 5)),
        VisibleCard("Slow GPU", FIRST, (0, 1, 0), (6, 1)),
    ),
    torch="2.14.1+cu130",
    cuda="13.0",
    cudnn="92400",
    architectures=("sm_75", "sm_80", "compute_120"),
)


def scenario() -> dict[str, str]:
    """Return the current scenario of the simulated NVML."""
    lines = Path(os.environ["NVML_SCENARIO"]).read_text().splitlines()
    return dict(line.split(" ", 1) for line in lines)


def change(**changes: object) -> None:
    """Change the scenario of the fast card; None removes a key."""
    write(scenario() | {f"1.{key}": value for key, value in changes.items()})


def write(values: dict[str, object], path: Path | None = None) -> None:
    """Replace the whole scenario atomically."""
    path = path or Path(os.environ["NVML_SCENARIO"])
    new = path.with_suffix(".new")
    said = {key: value for key, value in values.items() if value is not None}
    new.write_text("".join(f"{key} {value}\n" for key, value in said.items()))
    new.replace(path)


class Event:
    """An event that records host time."""

    def record(self) -> None:
        self.at_ms = time.perf_counter_ns() / 1e6

    def elapsed_time(self, end: "Event") -> float:
        return end.at_ms - self.at_ms


class Runtime:
    """The fast card, simulated on the CPU.

    ``namespace`` determines how NVML lists this process: by its ``own`` ID, by its ID on the
    ``host`` of a container, or not at all (``hidden``).
    """

    torch_device = "cpu"

    def __init__(self, namespace: str = "own") -> None:
        outside = {"own": os.getpid, "host": lambda: 900000 + os.getpid(), "hidden": lambda: None}
        self._pid = outside[namespace]
        self._waits = itertools.count()
        self._resets = 0
        self._released = False

    def visible(self) -> Visible:
        return VISIBLE

    def use(self, index: int) -> None:
        assert index == 0
        self._before_mib = int(scenario()["1.used_mib"])
        self._hold(RUNTIME_MIB)

    def event(self) -> Event:
        return Event()

    def synchronize(self) -> None:
        # The first call follows the one-convolution network.
        self._hold(RUNTIME_MIB if next(self._waits) == 0 else HELD_MIB)

    def wall_ms(self) -> float:
        return time.perf_counter_ns() / 1e6

    def peaks(self) -> Peaks:
        # Resets occur at the baseline, when the network is ready, and after the tuning pass.
        reserved_mib = {0: 0.0, 1: 500.0, 2: 190.0}.get(self._resets, 140.0)
        return Peaks(allocated_mib=100.0, reserved_mib=reserved_mib if self._released else 500.0)

    def reset_peaks(self) -> None:
        self._resets += 1

    def release(self) -> None:
        self._released = True

    def _hold(self, mib: int) -> None:
        pid = self._pid()
        change(used_mib=self._before_mib + mib, process9=pid and f"{pid} {mib}")
