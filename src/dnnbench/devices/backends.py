"""What differs between the devices that networks run on, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from dnnbench.config.backend import named

if TYPE_CHECKING:
    from dnnbench.config.gpu_settings import Gpu
    from dnnbench.networks.registry import Network
    from dnnbench.records.disturbance_records import Disturbance, EnergyBasis
    from dnnbench.records.memory_records import MemoryCell


@dataclass(frozen=True)
class Setup:
    """How a device is driven: the name of its backend, and settings that only a GPU has."""

    backend: str
    gpu: Gpu | None = None


def settings(setup: Setup) -> list[Any]:
    """What of a setup changes what is measured, for fingerprints; which card it is does not."""
    return [setup.backend, setup.gpu and setup.gpu.model_dump(exclude={"select"})]


@dataclass(frozen=True)
class Timed:
    """Completed calls of a function: the time of each, ms, and what the last one returned.

    ``wall_ms`` is the host's time from before the first call until the device had finished the
    last, where ``passes_ms`` comes from the device's own clock; None where it is the host's.
    """

    passes_ms: list[float]
    output: Any
    wall_ms: float | None = None


@dataclass(frozen=True)
class Energy:
    """Energy of one image, mJ, and what it was measured with."""

    mj: float
    basis: EnergyBasis


class Watch(Protocol):
    """Watches what else happens on the device, from its making until ``stop``."""

    def begin(self) -> None:
        """The timed passes begin now."""
        ...

    def stop(self) -> Disturbance:
        """What happened; the ratios to the session's best are still 1."""
        ...


class Meter(Protocol):
    """Reads the memory that this process takes on the device."""

    @property
    def first_images(self) -> int | None:
        """How many images the pass before the measured one takes; None: as many as that one."""
        ...

    def baseline_mib(self) -> float:
        """All memory in use now, which counts as the runtime's from here on, MiB."""
        ...

    def prepared(self) -> None:
        """Give back what making the network ready took and left behind."""
        ...

    def first_pass_done(self) -> None:
        """Forget the peak so far."""
        ...

    def reading(self) -> dict[str, Any]:
        """Fields of a MemoryCell after a pass: memory and its basis, and what else is known."""
        ...


class Driver(Protocol):
    """How a device is driven, timed and watched: what ``config.backend.Backend.make`` returns.

    From ``start`` on, methods are for the measuring child only; those before leave the calling
    process fit to fork from. Any of them raises DeviceError where the device cannot be used.
    """

    name: str
    torch_device: str

    @property
    def lock_name(self) -> str:
        """Name of the physical device on this machine."""
        ...

    def default_threads(self) -> int:
        """CPU threads of a forward pass where the device file names none."""
        ...

    def preflight(self) -> None:
        """Raise DeviceError, in one line with the remedy, where nothing can be measured."""
        ...

    def check_clocks(self, max_drop: float) -> None:
        """Raise DeviceError before a round if clocks float and the device file refuses that.

        ``max_drop``: how far a clock may fall under load, as a share of it.
        """
        ...

    def settle(self) -> None:
        """Before a cell, and after one that failed: wait until the device is fit for the next.

        Raises DeviceError where the device is gone.
        """
        ...

    def refuses(self, network: Network, batch_size: int, seen: Sequence[MemoryCell]) -> str | None:
        """Why a batch must not be tried: it would take memory that the whole machine needs.

        ``seen`` is what is known of the network's memory. None where a batch that does not fit does
        no harm.
        """
        ...

    def known_memory(
        self, folder: Path, models: Iterable[str]
    ) -> Mapping[str, Sequence[MemoryCell]]:
        """Cells of the memory records in ``folder`` by network, where ``refuses`` asks for them."""
        ...

    def others_busy(self, seconds: float) -> tuple[float | None, str]:
        """Share of the device that others use, None if not shown, and who uses most of it."""
        ...

    def describe(self) -> dict[str, Any]:
        """Fields of an ``Environment`` record that only the device knows."""
        ...

    def allowance_mib(self) -> float:
        """Host memory that a child may allocate beyond what it inherits; inf: no limit."""
        ...

    def start(self, threads: int) -> None:
        """Set up this process for forward passes with ``threads`` CPU threads."""
        ...

    def time(
        self, forward: Callable[[], Any], count: int, before: Callable[[], None] | None = None
    ) -> Timed:
        """Time ``count`` calls of ``forward``, one after another without a pause.

        ``before`` is called before each of them, and its time is in none of the numbers.
        """
        ...

    def energy(self, forward: Callable[[], Any], images: int, pass_ms: float) -> Energy | None:
        """Energy an image in passes of ``images`` made for it; None where nothing measures it.

        ``pass_ms`` is about what a pass takes.
        """
        ...

    def watch(self) -> Watch:
        """Start watching for disturbance."""
        ...

    def meter(self) -> Meter:
        """A reader of this process's memory."""
        ...


def backend(setup: Setup) -> Driver:
    """The driver of the backend that a device file names, set up as it says.

    Raises UserError for a name that is no backend's.
    """
    driver: Driver = named(setup.backend).make(setup.gpu)
    return driver
