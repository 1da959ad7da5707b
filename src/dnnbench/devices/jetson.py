"""A Jetson of the Orin class: CUDA's passes, watched through the files of a board without NVML.

CPU and GPU share memory, power and heat there. So memory is what the whole board has less of, power
is that of the module, and the clocks of both have to be locked.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
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
_JETPACK_6 = 36  # Its L4T.
_COUNT_S = 120.0  # For a child to count one network on the meta device.
# A clock's own count wavers; a step down is 5 % and more.
_NEAR = 0.98
_TORCH = TorchCuda()


class Jetson:
    """The board's GPU, and the thread of the CPU that gives it its work."""

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
        """One a big core that is online and that this process may use."""
        return len(set(self._board.big_cores()) & processors.given()) or 1

    def preflight(self) -> None:
        """A Jetson, whose GPU CUDA shows, and that this build of torch has kernels for."""
        self._look()

    def check_clocks(self, max_drop: float) -> None:
        """Where the device file says to refuse: clocks that float."""
        if self._gpu.when_clocks_float == "refuse" and self._board.clocks_locked() is False:
            raise DeviceError(
                f"{self._named()}: {self._floating()}: lock them (sudo jetson_clocks), or set"
                " gpu.when_clocks_float: flag in the device file"
            )

    def settle(self) -> None:
        """Wait until the GPU is as cool as the device file says, at most as long as it says."""
        torch_gpu.cool_down(self._gpu, self._board.gpu_temperature_c)

    def refuses(self, network: Network, batch_size: int, seen: Sequence[MemoryCell]) -> str | None:
        """A batch that would start the kernel's killing of processes, as ``headroom`` predicts."""
        available, total = self._board.available_mib(), self._board.total_mib()
        if available is None or total is None:
            return None

        def count() -> tuple[float, float]:
            outcome = isolation.run(headroom.floor, network, batch_size, timeout_s=_COUNT_S)
            # A network that cannot be counted says so when it is measured.
            return outcome.value or (0.0, 0.0)

        return headroom.refusal(headroom.predict(batch_size, seen, count), available, total)

    def known_memory(
        self, folder: Path, models: Iterable[str]
    ) -> Mapping[str, Sequence[MemoryCell]]:
        """What ``refuses`` predicts from."""
        return headroom.seen(folder, models)

    def others_busy(self, seconds: float) -> tuple[float | None, str]:
        """Share of the CPU's cores or of the GPU's time that others use, whichever is greater."""
        return host.busier(host.others_busy(seconds), (self._board.gpu_load(), "on the GPU"))

    def describe(self) -> dict[str, Any]:
        """The board, its release, power mode and clocks, and the settings."""
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
        """No limit: CUDA maps far more than it uses. ``refuses`` keeps what does not fit away."""
        return math.inf

    def start(self, threads: int) -> None:
        """Note what memory there is before the GPU is touched, then take it as configured."""
        self._before = shared_memory.before(self._board)
        self._held_back = self._board.held_back()
        torch_gpu.configure(self._gpu, threads)
        self._runtime.use(0)

    def time(
        self, forward: Callable[[], Any], count: int, before: Callable[[], None] | None = None
    ) -> Timed:
        """By events, with one wait at the end."""
        return events.time(self._runtime, forward, count, before)

    def energy(self, forward: Callable[[], Any], images: int, pass_ms: float) -> Energy | None:
        """By the power of the whole module; None where no monitor tells it."""
        return torch_gpu.image_energy(self._runtime, self._sample, forward, images, pass_ms)

    def watch(self) -> JetsonWatch:
        """Time the reference kernels on the GPU, then watch it and the board."""
        self._held_back = self._board.held_back()
        watched = torch_gpu.GpuWatch(self._runtime, self._sample, lambda: None)
        return JetsonWatch(watched, self._board)

    def meter(self) -> SharedMemory:
        """What the board has less of."""
        return SharedMemory(self._board, self._runtime, self._before)

    def _look(self) -> Visible:
        """What CUDA shows of this Jetson. Raises as ``preflight``."""
        board = self._board
        if not (board.model() or board.l4t() or board.gpu_clock()):
            raise DeviceError(
                "backend: jetson: this is no Jetson: neither /proc/device-tree/model nor"
                " /etc/nv_tegra_release says so; choose another profile: snakemake --profile cpu"
            )
        seen = torch_gpu.look(self._runtime)
        if problem := _unfit(seen):
            raise DeviceError(f"{self._named()}: {problem}; {self._remedy()}")
        return seen

    @cached_property
    def _rails(self) -> dict[str, ina3221.Rail]:
        return ina3221.rails(self._root)

    def _sample(self) -> Sample:
        clock = self._board.gpu_clock()
        counts = self._board.held_back()
        reasons = {name for name, count in counts.items() if count > self._held_back.get(name, 0)}
        if clock and clock.locked and clock.now_mhz < _NEAR * clock.high_mhz:
            reasons.add(f"{clock.now_mhz:g} MHz though locked at {clock.high_mhz:g}")
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
        """Which clocks float, with their range."""
        gpu = self._board.gpu_clock()
        if gpu and not gpu.locked:
            return f"the GPU's clock floats from {gpu.low_mhz:g} to {gpu.high_mhz:g} MHz"
        for cpu, clock in self._board.cpu_clocks().items():
            if not clock.locked:
                return (
                    f"the clock of core {cpu} floats from {clock.low_mhz:g} to"
                    f" {clock.high_mhz:g} MHz"
                )
        return "the memory's clock floats"

    def _remedy(self) -> str:
        release = self._board.l4t()
        if release and int(release.partition(".")[0]) < _JETPACK_6:
            return (
                f"L4T {release} is older than JetPack 6 (L4T {_JETPACK_6}), before which NVIDIA"
                " has no build of torch for Python 3.11: update the board, or where it ends there"
                " (TX1, TX2, Nano, Xavier) see docs/jetson.md"
            )
        return (
            "install NVIDIA's build of torch for this JetPack and Python, or run in NVIDIA's"
            " container (nvcr.io/nvidia/pytorch, tag -igpu): docs/jetson.md"
        )


class JetsonWatch:
    """What a GPU's watch sees, and what only the board tells: swap, and locks of clocks."""

    def __init__(self, watched: torch_gpu.GpuWatch, board: Board) -> None:
        self._watched = watched
        self._board = board
        self._swap_mib = board.swap_used_mib()

    def begin(self) -> None:
        """The timed passes begin now."""
        self._watched.begin()

    def stop(self) -> Disturbance:
        """What was sampled and counted; other processes on the GPU are not known."""
        seen = self._watched.stop()
        return seen.model_copy(
            update={
                "swapped_mib": swapped(self._swap_mib, self._board.swap_used_mib()),
                "clocks_locked": self._board.clocks_locked(),
            }
        )


def _unfit(seen: Visible) -> str | None:
    """Why this build of torch cannot use the board's GPU."""
    if seen.cuda is None:
        return f"torch {seen.torch} is a build without CUDA"
    if not seen.cards:
        return f"no CUDA device: CUDA {seen.cuda} of torch {seen.torch} shows none"
    capability = seen.cards[0].capability
    if not runs_on(capability, seen.architectures):
        return (
            f"torch {seen.torch} has no kernels for compute capability"
            f" {torch_gpu.dotted(capability)}, only {' '.join(seen.architectures) or 'none'}"
        )
    return None


def runs_on(capability: tuple[int, int], architectures: tuple[str, ...]) -> bool:
    """Whether a build with kernels for ``architectures`` runs on a Tegra of that capability.

    Unlike on cards, machine code runs on its own capability alone: NVIDIA, CUDA C++ Programming
    Guide, "Binary Compatibility". Intermediate code (compute_72) runs on any that is no lower.
    """
    own = "{}{}".format(*capability)
    lower = (name.partition("_")[2] for name in architectures if name.startswith("compute_"))
    return f"sm_{own}" in architectures or any(
        number.isdigit() and int(number) <= int(own) for number in lower
    )


BACKEND = Backend(name="jetson", make=Jetson, gpu=True, shared_memory=True, tf32=True)
