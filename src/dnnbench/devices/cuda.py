"""The backend for NVIDIA GPUs, timed by CUDA events and monitored by NVML.

All settings are explicit.
"""

from __future__ import annotations

import math
import os
import re
import time
from collections.abc import Callable, Sequence
from functools import cache
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
    """One GPU and the CPU thread that launches its work."""

    name = "cuda"

    def __init__(self, gpu: Gpu | None = None, runtime: Runtime = _TORCH) -> None:
        self._gpu = gpu or Gpu()
        self._runtime = runtime
        self.torch_device = runtime.torch_device

    @property
    def lock_name(self) -> str:
        """Name derived from the card's UUID; NVML and CUDA may number cards differently."""
        return f"cuda-{self._card().uuid}"

    def default_threads(self) -> int:
        """Return 1: one thread launches the GPU's work, and the CPU computes nothing."""
        return 1

    def preflight(self) -> None:
        """Raise DeviceError unless CUDA shows an undivided card that this torch supports."""
        seen, card = _look(self._runtime), self._card()
        if not runs_on(card.capability, seen.architectures):
            raise DeviceError(_no_kernels(card, seen))
        with nvml.open_card(card.uuid) as answering:
            if answering.mig():
                raise DeviceError(
                    f"{card.name}: MIG is on: clocks, power and memory could only be read for the"
                    f" whole card. Turn MIG off: nvidia-smi -i {card.uuid} -mig 0"
                )

    def check_clocks(self, max_drop: float) -> None:
        """Load the GPU for a second and check its clock, if it must not float."""
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
                f"{self._card().name}: the clock fell from {high:g} to {low:g} MHz under load. Lock"
                " it at a lower frequency (nvidia-smi -lgc MHz, as root), or set"
                " gpu.when_clocks_float: flag in the device file."
            )

    def settle(self) -> None:
        """Wait until the GPU has cooled down, or until the device file's time limit."""
        with nvml.open_card(self._card().uuid) as card:
            torch_gpu.cool_down(self._gpu, card.temperature_c)

    def refuses(self, network: Network, batch_size: int, seen: Sequence[MemoryCell]) -> str | None:
        """Return None: on a card, an allocation that does not fit fails harmlessly."""
        return None

    def others_busy(self, seconds: float) -> tuple[float | None, str]:
        """Return the share of CPU cores or GPU time that others use, the greater one."""
        cpu = host.others_busy(seconds)
        with nvml.open_card(self._card().uuid) as card:
            pids = [str(process.pid) for process in card.processes() or ()]
            gpu = card.utilization(), f"GPU processes (pid {', '.join(pids) or 'hidden'})"
        return host.busier(cpu, gpu)

    def describe(self) -> dict[str, Any]:
        """Return the GPU, its driver and settings, and its host."""
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
        """Return infinity: a batch uses GPU memory, and CUDA maps more than it uses."""
        return math.inf

    def start(self, threads: int) -> None:
        """Select the card and make all torch settings explicit."""
        torch_gpu.configure(self._gpu, threads)
        found = self._card()
        # Stays open until this process ends, together with its measurement.
        self._opened = nvml.open_card(found.uuid)
        self._nvml = self._opened.__enter__()
        self._share = Share(self._nvml)
        self._runtime.use(_look(self._runtime).cards.index(found))
        self._share.touched()

    def time(
        self, forward: Callable[[], Any], count: int, before: Callable[[], None] | None = None
    ) -> Timed:
        """Time passes by CUDA events, with a single synchronization at the end."""
        return events.time(self._runtime, forward, count, before)

    def energy(self, forward: Callable[[], Any], images: int, pass_ms: float) -> Energy | None:
        """Return mean power over one second of passes, times the latency per image."""
        return torch_gpu.image_energy(self._runtime, self._sample, forward, images, pass_ms)

    def watch(self) -> torch_gpu.GpuWatch:
        """Time the reference kernels on the GPU, then monitor the GPU and the host."""
        return torch_gpu.GpuWatch(self._runtime, self._sample, self._share.foreign)

    def meter(self) -> DeviceMemory:
        """Return a meter for this process's memory on the card."""
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
        """Return the lowest and highest clock under load, in MHz.

        The clock first has half a second to rise.
        """
        self.start(1)
        kernels = torch_gpu.References(self._runtime)
        kernels.multiply_for(_LOAD_MS)
        sampler = Sampler(self._sample, torch_gpu.SAMPLE_S)
        kernels.multiply_for(_LOAD_MS)
        found = sampling.summary(sampler.stop())["clock_mhz"]
        if found is None:
            raise DeviceError(
                f"{self._nvml.name}: NVML does not report the clock. Set"
                " gpu.when_clocks_float: flag in the device file."
            )
        low, high = found
        return low, high


class DeviceMemory:
    """Memory of this process on the card, by the driver's and torch's counts."""

    # The first pass at a batch size tries algorithms; one at another batch size cannot replace it.
    first_images = None

    def __init__(self, runtime: Runtime, share: Share) -> None:
        self._runtime = runtime
        self._share = share
        self._baseline = 0.0
        self._first_call_mib = 0.0

    def baseline_mib(self) -> float:
        """Return all device memory that this process holds, including its context, in MiB."""
        self._baseline, _ = self._read()
        self._runtime.reset_peaks()
        return self._baseline

    def prepared(self) -> None:
        """Empty the allocator's cache.

        It holds weights in other precisions and workspaces of compilation.
        """
        self._runtime.release()
        self._runtime.reset_peaks()

    def first_pass_done(self) -> None:
        """Keep the first pass's peak and reset the peak to the memory held now."""
        self._runtime.synchronize()
        self._first_call_mib = self._runtime.peaks().reserved_mib
        self._runtime.reset_peaks()

    def reading(self) -> dict[str, Any]:
        """Return memory held now, with context and cache, and torch's peaks."""
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
    """Return the devices that CUDA shows, looked up once per process.

    Raises DeviceError if NVIDIA's driver or CUDA shows none, or torch is built without CUDA.
    """
    if nvml.count() == 0:
        raise DeviceError(
            "no CUDA device: NVIDIA's driver lists no card. Check nvidia-smi -L, or choose another"
            " profile: snakemake --profile cpu"
        )
    seen = torch_gpu.look(runtime)
    if seen.cuda is None:
        raise DeviceError(
            f"torch {seen.torch} is built without CUDA. Install a build with CUDA:"
            " https://pytorch.org/get-started/locally"
        )
    if not seen.cards:
        raise DeviceError(
            "no CUDA device: the driver lists a card, but CUDA shows none. Unset"
            f" CUDA_VISIBLE_DEVICES ({os.environ.get('CUDA_VISIBLE_DEVICES', 'not set')}), or"
            f" update the driver for CUDA {seen.cuda}."
        )
    return seen


def select(wanted: str, seen: Visible) -> VisibleCard:
    """Return the card that ``gpu.select`` names by CUDA index, UUID or PCI address.

    Raises DeviceError if CUDA shows no such card.
    """
    for place, card in enumerate(seen.cards):
        if wanted in (str(place), card.uuid) or (":" in wanted and _pci(wanted) == card.pci):
            return card
    there = ", ".join(f"{place}: {card.uuid}" for place, card in enumerate(seen.cards))
    raise DeviceError(
        f"gpu.select: {wanted!r}: CUDA shows no such card. Choose one of these: {there}"
    )


def _pci(address: str) -> tuple[int, ...]:
    """Return domain, bus and device of a PCI address such as 0000:01:00.0 or 01:00.0."""
    numbers = [int(part, 16) for part in re.split(r"[:.]", address) if part]
    if "." in address:
        numbers.pop()
    return tuple([0, *numbers][-3:])


def runs_on(capability: tuple[int, int], architectures: tuple[str, ...]) -> bool:
    """Return whether a build with kernels for ``architectures`` runs on a card.

    Machine code (sm_75) runs on the same major version with an equal or higher minor version.
    Intermediate code (compute_75) runs on any equal or higher version. Architecture-specific code
    (sm_90a) runs on exactly that version.
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
    # torch's wheels for CUDA 12.6 are the last with kernels for Maxwell, Pascal and Volta. The
    # suffix +cu126 is needed: without it, pip considers any installed build of the version current.
    remedy = (
        f"Run pip install torch=={seen.torch.partition('+')[0]}+cu126 --extra-index-url"
        " https://download.pytorch.org/whl/cu126, and install torchvision the same way:"
        " docs/how-to/use-nvidia-gpus.md"
        if card.capability < (7, 5)
        else "Install a newer torch, or a build for a newer CUDA."
    )
    return (
        f"{card.name}: compute capability {torch_gpu.dotted(card.capability)}: torch {seen.torch}"
        f" has kernels only for {' '.join(seen.architectures) or 'CPUs'}. {remedy}"
    )


BACKEND = Backend(name="cuda", make=Cuda, gpu=True, tf32=True)
