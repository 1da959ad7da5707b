"""The backend for Orin-class Jetsons: CUDA passes, monitored without NVML.

Kernel files replace NVML.

CPU and GPU share memory, power and cooling. Memory is therefore the decrease of the whole board's
free memory, power is that of the module, and the clocks of both must be locked.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dnnbench.config.backend import Backend
from dnnbench.config.gpu_settings import Gpu
from dnnbench.core import isolation, processors
from dnnbench.core.errors import DeviceError
from dnnbench.devices import events, headroom, host, ina3221, shared_memory, torch_gpu
from dnnbench.devices.runtime import TorchCuda
from dnnbench.devices.sampling import Sample
from dnnbench.devices.shared_memory import SharedMemory, swapped
from dnnbench.devices.tegra import Board
from dnnbench.records.environment_records import GpuEnvironment

if TYPE_CHECKING:
    from dnnbench.devices.backends import Energy, Timed
    from dnnbench.devices.runtime import Runtime, Visible
    from dnnbench.networks.registry import Network
    from dnnbench.records.disturbance_records import Disturbance
    from dnnbench.records.memory_records import MemoryCell

_ROOT = Path("/")
_JETPACK_6 = 36  # The L4T release of JetPack 6.
_COUNT_S = 120.0  # For a child to count one network on the meta device.
# A steady clock's reading fluctuates slightly; a real step down is at least 5%.
_NEAR = 0.98
_TORCH = TorchCuda()


class Jetson:
    """The board's GPU and the CPU threads that launch its work."""

    name = "jetson"
    lock_name = "jetson"

    def __init__(
        self,
        gpu: Gpu | None = None,
        runtime: Runtime = _TORCH,
        root: Path = _ROOT,
        board: Board | None = None,
    ) -> None:
        self._gpu = gpu or Gpu()
        self._runtime = runtime
        self.torch_device = runtime.torch_device
        self._root = root
        self._board = board or Board(root)

    def default_threads(self) -> int:
        """Return one thread per big core that is online and available to this process."""
        return len(set(self._board.big_cores()) & processors.given()) or 1

    def preflight(self) -> None:
        """Raise DeviceError unless this is a Jetson whose GPU this torch supports."""
        self._look()

    def check_clocks(self, max_drop: float) -> None:
        """Raise DeviceError if clocks float and the device file forbids it."""
        if self._gpu.when_clocks_float == "refuse" and self._board.clocks_locked() is False:
            raise DeviceError(
                f"{self._named()}: {self._floating()}. Lock the clocks (sudo jetson_clocks), or"
                " set gpu.when_clocks_float: flag in the device file."
            )

    def settle(self) -> None:
        """Wait until the GPU has cooled down, or until the device file's time limit."""
        torch_gpu.cool_down(self._gpu, self._board.gpu_temperature_c)

    def refuses(self, network: Network, batch_size: int, seen: Sequence[MemoryCell]) -> str | None:
        """Refuse a batch for which ``headroom`` predicts that processes are killed."""
        available, total = self._board.available_mib(), self._board.total_mib()
        if available is None or total is None:
            return None

        def count() -> tuple[float, float]:
            outcome = isolation.run(headroom.floor, network, batch_size, timeout_s=_COUNT_S)
            # If a network cannot be counted, its measurement reports the reason.
            return outcome.value or (0.0, 0.0)

        return headroom.refusal(headroom.predict(batch_size, seen, count), available, total)

    def others_busy(self, seconds: float) -> tuple[float | None, str]:
        """Return the share of CPU cores or GPU time that others use, the greater one."""
        return host.busier(host.others_busy(seconds), (self._board.gpu_load(), "GPU processes"))

    def describe(self) -> dict[str, Any]:
        """Return the board, its release, power mode and clocks, and the settings."""
        seen, board = self._look(), self._board
        card, clock, release = seen.cards[0], board.gpu_clock(), board.l4t()
        details = GpuEnvironment(
            uuid=card.uuid,
            compute_capability=torch_gpu.dotted(card.capability),
            memory_mib=board.total_mib(),
            cuda=seen.cuda,
            cudnn=seen.cudnn,
            max_clock_mhz=clock.high_mhz if clock else None,
            clock_mhz=clock.now_mhz if clock else None,
            power_mode=board.power_mode(),
            clocks_locked=board.clocks_locked(),
            allocator=torch_gpu.allocator(),
            settings=self._gpu.model_dump(exclude={"select"}),
        )
        return {
            **host.describe(),
            "cores": len(board.online()) or host.default_threads(),
            "governor": ", ".join(board.cpu_governors()) or None,
            "gpu": board.model() or card.name,
            "driver": f"L4T {release}" if release else None,
            "gpu_details": details,
        }

    def allowance_mib(self) -> float:
        """Return infinity: CUDA maps far more than it uses.

        ``refuses`` guards the memory instead.
        """
        return math.inf

    def start(self, threads: int) -> None:
        """Read the available memory before using the GPU, then configure the GPU."""
        self._before = shared_memory.before(self._board)
        self._held_back = self._board.held_back()
        torch_gpu.configure(self._gpu, threads)
        self._runtime.use(0)

    def time(
        self, forward: Callable[[], Any], count: int, before: Callable[[], None] | None = None
    ) -> Timed:
        """Time passes by CUDA events, with a single synchronization at the end."""
        return events.time(self._runtime, forward, count, before)

    def energy(self, forward: Callable[[], Any], images: int, pass_ms: float) -> Energy | None:
        """Return energy per image from the module's power; None without a monitor."""
        return torch_gpu.image_energy(self._runtime, self._sample, forward, images, pass_ms)

    def watch(self) -> JetsonWatch:
        """Time the reference kernels on the GPU, then monitor the GPU and the board."""
        self._held_back = self._board.held_back()
        watched = torch_gpu.GpuWatch(self._runtime, self._sample, lambda: None)
        return JetsonWatch(watched, self._board)

    def meter(self) -> SharedMemory:
        """Return a meter for the decrease of the board's available memory."""
        return SharedMemory(self._board, self._runtime, self._before)

    def _look(self) -> Visible:
        """Return the devices that CUDA shows, or raise the errors of ``preflight``."""
        board = self._board
        if not (board.model() or board.l4t() or board.gpu_clock()):
            raise DeviceError(
                "backend: jetson: this machine is not a Jetson: neither /proc/device-tree/model"
                " nor /etc/nv_tegra_release identifies one. Choose another profile:"
                " snakemake --profile cpu"
            )
        seen = torch_gpu.look(self._runtime)
        if problem := _unfit(seen):
            raise DeviceError(f"{self._named()}: {problem}. {self._remedy()}")
        return seen

    @cached_property
    def _rails(self) -> dict[str, ina3221.Rail]:
        return ina3221.rails(self._root)

    def _sample(self) -> Sample:
        clock = self._board.gpu_clock()
        counts = self._board.held_back()
        reasons = {name for name, count in counts.items() if count > self._held_back.get(name, 0)}
        if clock and clock.locked and clock.now_mhz < _NEAR * clock.high_mhz:
            reasons.add(f"{clock.now_mhz:g} MHz instead of the locked {clock.high_mhz:g} MHz")
        return Sample(
            at_s=time.perf_counter(),
            clock_mhz=clock.now_mhz if clock else None,
            temperature_c=self._board.gpu_temperature_c(),
            power_w=ina3221.power_w(self._rails),
            clock_reasons=frozenset(reasons) if clock or counts else None,
        )

    def _named(self) -> str:
        return self._board.model() or "Jetson"

    def _floating(self) -> str:
        """Describe the first clock that floats, with its range."""
        gpu = self._board.gpu_clock()
        if gpu and not gpu.locked:
            return f"the GPU clock floats between {gpu.low_mhz:g} and {gpu.high_mhz:g} MHz"
        for cpu, clock in self._board.cpu_clocks().items():
            if not clock.locked:
                return (
                    f"the clock of core {cpu} floats between {clock.low_mhz:g} and"
                    f" {clock.high_mhz:g} MHz"
                )
        return "the memory clock floats"

    def _remedy(self) -> str:
        release = self._board.l4t()
        if release and int(release.partition(".")[0]) < _JETPACK_6:
            return (
                f"NVIDIA builds torch for Python 3.11 only since JetPack 6 (L4T {_JETPACK_6}), and"
                f" L4T {release} is older. Update the board; for boards without JetPack 6 (TX1,"
                " TX2, Nano, Xavier) see docs/how-to/use-a-jetson.md"
            )
        return (
            "Install NVIDIA's build of torch for this JetPack and Python, or run in NVIDIA's"
            " container (nvcr.io/nvidia/pytorch, tag -igpu): docs/how-to/use-a-jetson.md"
        )


class JetsonWatch:
    """A GPU monitor that also records the board's swap use and clock locks."""

    def __init__(self, watched: torch_gpu.GpuWatch, board: Board) -> None:
        self._watched = watched
        self._board = board
        self._swap_mib = board.swap_used_mib()

    def begin(self) -> None:
        """Mark the start of the timed passes."""
        self._watched.begin()

    def stop(self) -> Disturbance:
        """Return the observed disturbance; other processes on the GPU are unknown."""
        seen = self._watched.stop()
        return seen.model_copy(
            update={
                "swapped_mib": swapped(self._swap_mib, self._board.swap_used_mib()),
                "clocks_locked": self._board.clocks_locked(),
            }
        )


def _unfit(seen: Visible) -> str | None:
    """Return the reason why this build of torch cannot use the board's GPU, or None."""
    if seen.cuda is None:
        return f"torch {seen.torch} is built without CUDA"
    if not seen.cards:
        return f"torch {seen.torch} with CUDA {seen.cuda} finds no CUDA device"
    capability = seen.cards[0].capability
    if not runs_on(capability, seen.architectures):
        return (
            f"compute capability {torch_gpu.dotted(capability)}: torch {seen.torch} has kernels"
            f" only for {' '.join(seen.architectures) or 'CPUs'}"
        )
    return None


def runs_on(capability: tuple[int, int], architectures: tuple[str, ...]) -> bool:
    """Return whether a build with kernels for ``architectures`` runs on a Tegra.

    Unlike on cards, machine code runs only on its exact compute capability: NVIDIA, CUDA C++
    Programming Guide, "Binary Compatibility". Intermediate code (compute_72) runs on any equal or
    higher one.
    """
    own = "{}{}".format(*capability)
    lower = (name.partition("_")[2] for name in architectures if name.startswith("compute_"))
    return f"sm_{own}" in architectures or any(
        number.isdigit() and int(number) <= int(own) for number in lower
    )


BACKEND = Backend(name="jetson", make=Jetson, gpu=True, shared_memory=True, tf32=True)
