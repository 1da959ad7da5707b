"""An NVIDIA GPU: timed by its own events, watched by NVML, its settings never left to a default."""

from __future__ import annotations

import math
import os
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dnnbench.config.backend import Backend
from dnnbench.config.gpu_settings import Gpu
from dnnbench.core import isolation
from dnnbench.core.errors import DeviceError
from dnnbench.devices import events, host, nvml, sampling, torch_gpu
from dnnbench.devices.gpu_memory import Share
from dnnbench.devices.runtime import TorchCuda
from dnnbench.devices.sampling import Sample, Sampler
from dnnbench.records.environment_records import GpuEnvironment

if TYPE_CHECKING:
    from dnnbench.devices.backends import Energy, Timed
    from dnnbench.devices.runtime import Runtime, Visible, VisibleCard
    from dnnbench.networks.registry import Network
    from dnnbench.records.memory_records import MemoryCell

_LOAD_MS = 500.0
_TORCH = TorchCuda()


class Cuda:
    """One GPU, and the thread of the CPU that gives it its work."""

    name = "cuda"

    def __init__(self, gpu: Gpu | None = None, runtime: Runtime = _TORCH) -> None:
        self._gpu = gpu or Gpu()
        self._runtime = runtime
        self.torch_device = runtime.torch_device

    @property
    def lock_name(self) -> str:
        """By the card's UUID: neither NVML's order nor CUDA's is anybody else's."""
        return f"cuda-{self._card().uuid}"

    def default_threads(self) -> int:
        """One: it gives the GPU its work, and no pass computes on the CPU."""
        return 1

    def preflight(self) -> None:
        """A card that CUDA shows, whole, and that this build of torch has kernels for."""
        seen, card = _look(self._runtime), self._card()
        if not runs_on(card.capability, seen.architectures):
            raise DeviceError(_no_kernels(card, seen))
        with nvml.open_card(card.uuid) as answering:
            if answering.mig():
                raise DeviceError(
                    f"{card.name}: MIG is on: clocks, power and memory are the whole card's, not an"
                    f" instance's; switch it off: nvidia-smi -i {card.uuid} -mig 0"
                )

    def check_clocks(self, max_drop: float) -> None:
        """Where the device file says to refuse: load the GPU for a second, and watch its clock."""
        if self._gpu.when_clocks_float != "refuse":
            return
        outcome = isolation.run(
            self._clocks_under_load, timeout_s=torch_gpu.LOOK_S, memory_mib=math.inf
        )
        if outcome.status != "ok":
            raise DeviceError(f"{self._card().name}: clocks under load: {outcome.message}")
        low, high = outcome.value
        if low < (1 - max_drop) * high:
            raise DeviceError(
                f"{self._card().name}: the clock went from {high:g} to {low:g} MHz under load: lock"
                " it lower (nvidia-smi -lgc MHz, as root), or set gpu.when_clocks_float: flag"
            )

    def settle(self) -> None:
        """Wait until the GPU is as cool as the device file says, at most as long as it says."""
        with nvml.open_card(self._card().uuid) as card:
            torch_gpu.cool_down(self._gpu, card.temperature_c)

    def refuses(self, network: Network, batch_size: int, seen: Sequence[MemoryCell]) -> str | None:
        """Never: the card refuses what does not fit, and nothing else is harmed."""
        return None

    def known_memory(
        self, folder: Path, models: Iterable[str]
    ) -> Mapping[str, Sequence[MemoryCell]]:
        """None: no batch is refused."""
        return {}

    def others_busy(self, seconds: float) -> tuple[float | None, str]:
        """Share of the CPU's cores or of the GPU's time that others use, whichever is greater."""
        cpu = host.others_busy(seconds)
        with nvml.open_card(self._card().uuid) as card:
            pids = [str(process.pid) for process in card.processes() or ()]
            gpu = card.utilization(), f"on the GPU (pid {', '.join(pids) or 'hidden'})"
        return host.busier(cpu, gpu)

    def describe(self) -> dict[str, Any]:
        """The GPU, its driver and settings, and the machine around it."""
        seen, found = _look(self._runtime), self._card()
        with nvml.open_card(found.uuid) as card:
            details = GpuEnvironment(
                uuid=found.uuid,
                pci=card.pci(),
                compute_capability=torch_gpu.dotted(found.capability),
                memory_mib=card.memory_total_mib(),
                cuda=seen.cuda,
                cuda_driver=card.cuda_driver(),
                cudnn=seen.cudnn,
                max_clock_mhz=card.max_clock_mhz(),
                application_clock_mhz=card.application_clock_mhz(),
                clock_mhz=card.clock_mhz(),
                power_limit_w=card.power_limit_w(),
                persistence=card.persistence(),
                ecc=card.ecc(),
                mig=card.mig(),
                allocator=torch_gpu.allocator(),
                settings=self._gpu.model_dump(exclude={"select"}),
            )
            return {
                **host.describe(),
                "gpu": found.name,
                "driver": card.driver(),
                "gpu_details": details,
            }

    def allowance_mib(self) -> float:
        """No limit: a batch takes the GPU's memory, and CUDA maps far more than it uses."""
        return math.inf

    def start(self, threads: int) -> None:
        """Take the card, and set what would else be torch's default, or an earlier one's."""
        torch_gpu.configure(self._gpu, threads)
        found = self._card()
        # Open until this process ends, which is with its measurement.
        self._opened = nvml.open_card(found.uuid)
        self._nvml = self._opened.__enter__()
        self._share = Share(self._nvml)
        self._runtime.use(_look(self._runtime).cards.index(found))
        self._share.touched()

    def time(
        self, forward: Callable[[], Any], count: int, before: Callable[[], None] | None = None
    ) -> Timed:
        """By events, with one wait at the end."""
        return events.time(self._runtime, forward, count, before)

    def energy(self, forward: Callable[[], Any], images: int, pass_ms: float) -> Energy | None:
        """Mean power of passes that take a second, times their time an image."""
        return torch_gpu.image_energy(self._runtime, self._sample, forward, images, pass_ms)

    def watch(self) -> torch_gpu.GpuWatch:
        """Time the reference kernels on the GPU, then watch it and the host."""
        return torch_gpu.GpuWatch(self._runtime, self._sample, self._share.foreign)

    def meter(self) -> DeviceMemory:
        """This process's memory on the card."""
        return DeviceMemory(self._runtime, self._share)

    def _card(self) -> VisibleCard:
        return select(self._gpu.select, _look(self._runtime))

    def _sample(self) -> Sample:
        card = self._nvml
        return Sample(
            at_s=time.perf_counter(),
            clock_mhz=card.clock_mhz(),
            memory_clock_mhz=card.memory_clock_mhz(),
            temperature_c=card.temperature_c(),
            power_w=card.power_w(),
            energy_mj=card.energy_mj(),
            clock_reasons=card.clock_reasons(),
        )

    def _clocks_under_load(self) -> tuple[float, float]:
        """Least and greatest clock while the GPU multiplies; the first half lets it rise."""
        self.start(1)
        kernels = torch_gpu.References(self._runtime)
        kernels.multiply_for(_LOAD_MS)
        sampler = Sampler(self._sample, torch_gpu.SAMPLE_S)
        kernels.multiply_for(_LOAD_MS)
        found = sampling.summary(sampler.stop())["clock_mhz"]
        if found is None:
            raise DeviceError(
                f"{self._nvml.name}: NVML tells no clock; set gpu.when_clocks_float: flag"
            )
        low, high = found
        return low, high


class DeviceMemory:
    """Memory that this process takes on the card: the driver's count, and torch's allocator's."""

    # The first pass at a batch size tries algorithms, which another batch size says nothing of.
    first_images = None

    def __init__(self, runtime: Runtime, share: Share) -> None:
        self._runtime = runtime
        self._share = share
        self._baseline = 0.0
        self._first_call_mib = 0.0

    def baseline_mib(self) -> float:
        """All that this process holds, its context included."""
        self._baseline, _ = self._read()
        self._runtime.reset_peaks()
        return self._baseline

    def prepared(self) -> None:
        """Empty the allocator's cache: weights of another precision, workspaces of compiling."""
        self._runtime.release()
        self._runtime.reset_peaks()

    def first_pass_done(self) -> None:
        """Keep the first pass's peak, and begin the next at what is held now."""
        self._runtime.synchronize()
        self._first_call_mib = self._runtime.peaks().reserved_mib
        self._runtime.reset_peaks()

    def reading(self) -> dict[str, Any]:
        """What this process holds now, context and allocator's cache included; peaks of torch."""
        held_mib, basis = self._read()
        peaks = self._runtime.peaks()
        return {
            "memory_mib": held_mib,
            "memory_basis": basis,
            "memory_net_mib": max(0.0, held_mib - self._baseline),
            "allocated_peak_mib": peaks.allocated_mib,
            "reserved_peak_mib": peaks.reserved_mib,
            "first_call_peak_mib": self._first_call_mib,
            "allocator": torch_gpu.allocator(),
        }

    def _read(self) -> tuple[float, str]:
        self._runtime.synchronize()
        return self._share.reading_mib()


@cache
def _look(runtime: Runtime) -> Visible:
    """What CUDA shows, where NVIDIA's driver lists a card at all. Once a process."""
    if nvml.count() == 0:
        raise DeviceError(
            "no CUDA device: NVIDIA's driver lists no card; see nvidia-smi -L, or choose another"
            " profile: snakemake --profile cpu"
        )
    seen = torch_gpu.look(runtime)
    if seen.cuda is None:
        raise DeviceError(
            f"torch {seen.torch} is a build without CUDA; install one with it:"
            " see https://pytorch.org/get-started/locally"
        )
    if not seen.cards:
        raise DeviceError(
            "no CUDA device: CUDA shows none, though the driver lists some: unset"
            f" CUDA_VISIBLE_DEVICES ({os.environ.get('CUDA_VISIBLE_DEVICES', 'not set')}), or"
            f" update the driver for CUDA {seen.cuda}"
        )
    return seen


def select(wanted: str, seen: Visible) -> VisibleCard:
    """The card that ``gpu.select`` names: by place in CUDA's order, UUID or PCI address.

    Raises DeviceError where CUDA shows none such.
    """
    for place, card in enumerate(seen.cards):
        if wanted in (str(place), card.uuid) or (":" in wanted and _pci(wanted) == card.pci):
            return card
    there = ", ".join(f"{place}: {card.uuid}" for place, card in enumerate(seen.cards))
    raise DeviceError(f"gpu.select: {wanted!r}: CUDA shows no such card; there is {there}")


def _pci(address: str) -> tuple[int, ...]:
    """Domain, bus, device of an address as lspci or NVML write it: 0000:01:00.0, 01:00.0."""
    numbers = [int(part, 16) for part in re.split(r"[:.]", address) if part]
    if "." in address:
        numbers.pop()
    return tuple([0, *numbers][-3:])


def runs_on(capability: tuple[int, int], architectures: tuple[str, ...]) -> bool:
    """Whether a build with kernels for ``architectures`` runs on a card.

    Machine code (sm_75) runs on the same major number and a minor one that is no lower,
    intermediate code (compute_75) on any that is no lower; of a card's own (sm_90a) only there.
    """
    for architecture in architectures:
        kind, _, number = architecture.partition("_")
        own = not number.isdigit()
        digits = number.rstrip("af")
        built = int(digits[:-1]), int(digits[-1])
        if own and built != capability:
            continue
        if built <= capability and (kind == "compute" or built[0] == capability[0]):
            return True
    return False


def _no_kernels(card: VisibleCard, seen: Visible) -> str:
    # torch's wheels for CUDA 12.6 are the last with kernels for Maxwell, Pascal and Volta. With its
    # build: pip holds that any other build of a version is that version, and would change nothing.
    remedy = (
        f"pip install torch=={seen.torch.partition('+')[0]}+cu126 --extra-index-url"
        " https://download.pytorch.org/whl/cu126 and torchvision likewise: docs/adding-a-device.md"
        if card.capability < (7, 5)
        else "install a newer torch, or one for a newer CUDA"
    )
    return (
        f"{card.name}: compute capability {torch_gpu.dotted(card.capability)}:"
        f" torch {seen.torch} has kernels for {' '.join(seen.architectures) or 'none'}; {remedy}"
    )


BACKEND = Backend(name="cuda", make=Cuda, gpu=True, tf32=True)
