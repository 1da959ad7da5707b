"""What differs between the devices that networks run on, and nothing else."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from dnnbench.parameters import Gpu
from dnnbench.records import Disturbance


@dataclass(frozen=True)
class Setup:
    """How a device is driven: the name of its backend, and settings that only a GPU has."""

    backend: str
    gpu: Gpu | None = None


def settings(setup: Setup) -> list[Any]:
    """What of a setup changes what is measured, for fingerprints; which card it is does not."""
    return [setup.backend, setup.gpu and setup.gpu.model_dump(exclude={"select"})]


class Watch(Protocol):
    """Watches what else happens on the device, from its making until ``stop``."""

    def stop(self) -> Disturbance:
        """What happened; the ratios to the session's best are still 1."""
        ...


class Meter(Protocol):
    """Reads the memory that this process takes on the device."""

    basis: str

    def baseline_mib(self) -> float:
        """All memory in use now, which counts as the runtime's from here on, MiB."""
        ...

    def reset_peak(self) -> None:
        """Forget the peak so far."""
        ...

    def net_peak_mib(self) -> float:
        """Largest memory in use since ``reset_peak`` beyond the baseline, MiB."""
        ...


class Backend(Protocol):
    """A kind of device. ``start``, ``pass_ms``, ``watch`` and ``meter`` are for the child only."""

    name: str
    torch_device: str
    lock_name: str

    def default_threads(self) -> int:
        """CPU threads of a forward pass where the device file names none."""
        ...

    def others_busy(self, seconds: float) -> tuple[float, str]:
        """Share of the device's capacity that other programs use, and who uses most of it."""
        ...

    def describe(self) -> dict[str, Any]:
        """Fields of records.Environment that only the device knows."""
        ...

    def start(self, threads: int) -> None:
        """Set up this process for forward passes with ``threads`` CPU threads."""
        ...

    def pass_ms(self, forward: Callable[[], Any]) -> tuple[float, Any]:
        """Time of one completed call of ``forward``, ms, and its result."""
        ...

    def watch(self) -> Watch:
        """Start watching for disturbance."""
        ...

    def meter(self) -> Meter:
        """A reader of this process's memory."""
        ...


def backend(setup: Setup) -> Backend:
    """The backend that a device file names, set up as it says."""
    from dnnbench.devices.cpu import Cpu

    return {"cpu": Cpu}[setup.backend]()
