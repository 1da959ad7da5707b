"""Shared parts of GPU backends that use torch.

These are settings, reference kernels, monitor and energy.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dnnbench.core import isolation
from dnnbench.core.errors import DeviceError
from dnnbench.devices import events, host, sampling
from dnnbench.devices.backends import Energy
from dnnbench.devices.sampling import Sample, Sampler
from dnnbench.records.disturbance_records import Disturbance

if TYPE_CHECKING:
    from dnnbench.config.gpu_settings import Gpu
    from dnnbench.devices.runtime import Runtime, Visible

LOOK_S = 120.0  # For a child to start CUDA; old builds load all of their kernels then.
SAMPLE_S = 0.05
_ALLOCATOR = ("PYTORCH_ALLOC_CONF", "PYTORCH_CUDA_ALLOC_CONF")
_ENERGY_MS = 1000.0
_ENERGY_SAMPLE_S = 0.02
_COOLING_S = 1.0
_REFERENCE_MS = 50.0


def configure(gpu: Gpu, threads: int) -> None:
    """Set every torch option explicitly, overriding defaults and earlier values."""
    import torch

    torch.set_num_threads(threads)
    torch.backends.cudnn.benchmark = gpu.cudnn_benchmark
    torch.backends.cudnn.deterministic = gpu.deterministic
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False


def look(runtime: Runtime) -> Visible:
    """Return the devices that CUDA shows, from a child process.

    This process must not start CUDA.

    Raises DeviceError if CUDA does not start.
    """
    isolation.prepare()
    outcome = isolation.run(runtime.visible, timeout_s=LOOK_S, memory_mib=math.inf)
    if outcome.status != "ok":
        raise DeviceError(f"CUDA does not start: {outcome.message}. Check nvidia-smi.")
    seen: Visible = outcome.value
    return seen


def cool_down(gpu: Gpu, temperature_c: Callable[[], float | None]) -> None:
    """Wait until the GPU has cooled down, or until the device file's time limit."""
    until = time.monotonic() + gpu.cool_down_limit_s
    while (temperature := temperature_c()) is not None:
        cool = gpu.cool_down_c
        if cool is None or temperature <= cool or time.monotonic() >= until:
            return
        time.sleep(_COOLING_S)


def image_energy(
    runtime: Runtime,
    read: Callable[[], Sample],
    forward: Callable[[], Any],
    images: int,
    pass_ms: float,
) -> Energy | None:
    """Return mean power over one second of passes, times the latency per image.

    Returns None if the device reports neither power nor energy, or too few readings.
    """
    now = read()
    if now.energy_mj is None and now.power_w is None:
        return None
    sampler = Sampler(read, _ENERGY_SAMPLE_S)
    count = math.ceil(_ENERGY_MS / pass_ms)
    runtime.synchronize()
    started = runtime.wall_ms()
    for _ in range(count):
        forward()
    runtime.synchronize()
    image_ms = (runtime.wall_ms() - started) / (count * images)
    found = sampling.mean_power_w(sampler.stop())
    if found is None:
        return None
    power_w, basis = found
    return Energy(power_w * image_ms, basis)


class GpuWatch:
    """A monitor with reference kernels around it, and clocks and counters."""

    def __init__(
        self,
        runtime: Runtime,
        read: Callable[[], Sample],
        foreign: Callable[[], dict[int, str] | None],
    ) -> None:
        self._read = read
        self._foreign = foreign
        self._references = References(runtime)
        self._before = self._references.times_ms()
        self._foreign_before = foreign()
        self._counters = host.Counters()

    def begin(self) -> None:
        """Start counting and sampling."""
        self._counters.begin()
        self._sampler = Sampler(self._read, SAMPLE_S)

    def stop(self) -> Disturbance:
        """Return samples and counters, and reference times before and after."""
        sampled = sampling.summary(self._sampler.stop())
        counted = self._counters.stop()
        foreign = _both(self._foreign_before, self._foreign())
        after = self._references.times_ms()
        return Disturbance(
            **counted,
            **sampled,
            foreign_processes=foreign,
            reference_compute_ms=(self._before[0], after[0]),
            reference_memory_ms=(self._before[1], after[1]),
        )


def _both(before: dict[int, str] | None, after: dict[int, str] | None) -> list[str] | None:
    """Return processes seen at either time; None if either list is unknown."""
    return None if before is None or after is None else list((before | after).values())


class References:
    """A compute-bound and a memory-bound GPU kernel.

    They are timed in the same way as networks.
    """

    size = 2048
    # Source and target exceed the cache of any GPU: 50 MiB on the largest of 2022.
    copied_mib = 128

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def times_ms(self) -> tuple[float, float]:
        """Return the median times of matrix product and copy, in ms.

        Each runs for about 50 ms.

        Their memory is released, so that the network can use all of the device's memory.
        """
        compute, memory = (
            events.median_ms(self._runtime, kernel, _REFERENCE_MS) for kernel in self._kernels()
        )
        self._runtime.release()
        return compute, memory

    def multiply_for(self, milliseconds: float) -> None:
        """Multiply matrices for about ``milliseconds``."""
        multiply, _ = self._kernels()
        events.median_ms(self._runtime, multiply, milliseconds)

    def _kernels(self) -> tuple[Callable[[], Any], Callable[[], Any]]:
        import torch

        device = self._runtime.torch_device
        matrix = torch.ones(self.size, self.size, device=device)
        product = torch.empty_like(matrix)
        source = torch.zeros(self.copied_mib * 2**18, device=device)
        target = torch.empty_like(source)
        return lambda: torch.mm(matrix, matrix, out=product), lambda: target.copy_(source)


def allocator() -> str | None:
    """Return torch's allocator settings from the environment; None for defaults."""
    return next((os.environ[name] for name in _ALLOCATOR if name in os.environ), None)


def dotted(capability: tuple[int, int]) -> str:
    """Format a compute capability in NVIDIA's notation, such as 8.7."""
    return ".".join(map(str, capability))
