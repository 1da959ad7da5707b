"""The interface that every device backend implements."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from dnnbench.config.backend import named

if TYPE_CHECKING:
    from dnnbench.config.gpu_settings import Gpu
    from dnnbench.networks.registry import Network
    from dnnbench.records.disturbance_records import Disturbance, EnergyBasis
    from dnnbench.records.memory_records import MemoryCell


@dataclass(frozen=True)
class Setup:
    """A device's backend, by name, and the settings that only a GPU has."""

    backend: str
    gpu: Gpu | None = None


def settings(setup: Setup) -> list[Any]:
    """Return the parts of a setup that affect a measurement, for fingerprints.

    The choice of card is not one of them.
    """
    return [setup.backend, setup.gpu and setup.gpu.model_dump(exclude={"select"})]


@dataclass(frozen=True)
class Timed:
    """Timed calls of a function: the duration of each, in ms, and the last result.

    ``wall_ms`` is the host's time from before the first call until the device finished the last.
    It is None if ``passes_ms`` already comes from the host's clock rather than the device's.
    """

    passes_ms: list[float]
    output: Any
    wall_ms: float | None = None


@dataclass(frozen=True)
class Energy:
    """Energy per image, in mJ, and the source of the measurement."""

    mj: float
    basis: EnergyBasis


class Watch(Protocol):
    """A monitor of other activity on the device, from its creation until ``stop``."""

    def begin(self) -> None:
        """Mark the start of the timed passes."""
        ...

    def stop(self) -> Disturbance:
        """Return the observed disturbance; its ratios to the session's best are still 1."""
        ...


class Meter(Protocol):
    """A meter for the memory that this process uses on the device."""

    @property
    def first_images(self) -> int | None:
        """Number of images in the pass before the measured one; None: the same number."""
        ...

    def baseline_mib(self) -> float:
        """Return the memory in use now, in MiB; it counts as the runtime's from here on."""
        ...

    def prepared(self) -> None:
        """Release memory left over from preparing the network."""
        ...

    def first_pass_done(self) -> None:
        """Reset the peak."""
        ...

    def reading(self) -> dict[str, Any]:
        """Return fields of a MemoryCell after a pass: memory, basis, details."""
        ...


class Driver(Protocol):
    """A device driver: it runs, times and monitors passes.

    It is made by ``config.backend.Backend.make``.

    Call ``start`` and the methods listed after it only in the measuring child process. The methods
    before it keep the calling process safe to fork. Every method raises DeviceError if the device
    cannot be used.
    """

    name: str
    torch_device: str

    @property
    def lock_name(self) -> str:
        """Name of the physical device on this machine, for its lock file."""
        ...

    def default_threads(self) -> int:
        """Return the number of CPU threads per pass if the device file does not set it."""
        ...

    def preflight(self) -> None:
        """Raise DeviceError, in one line with the remedy, if nothing can be measured."""
        ...

    def check_clocks(self, max_drop: float) -> None:
        """Raise DeviceError before a round if clocks float and the device file forbids it.

        ``max_drop`` is the largest acceptable drop of a clock under load, as a fraction.
        """
        ...

    def settle(self) -> None:
        """Wait until the device is ready for the next cell.

        Called before each cell and after a failed one. Raises DeviceError if the device is lost.
        """
        ...

    def refuses(self, network: Network, batch_size: int, seen: Sequence[MemoryCell]) -> str | None:
        """Return why not to try a batch that would exhaust the machine's memory.

        ``seen`` holds known memory cells of the network. Returns None if a batch that does not fit
        is harmless.
        """
        ...

    def others_busy(self, seconds: float) -> tuple[float | None, str]:
        """Return the share of the device that other programs use, and the biggest user.

        The share is None if it is not visible.
        """
        ...

    def describe(self) -> dict[str, Any]:
        """Return the fields of an ``Environment`` record that come from the device."""
        ...

    def allowance_mib(self) -> float:
        """Return the host memory a child may allocate on top of what it inherits, in MiB.

        Infinity means no limit.
        """
        ...

    def start(self, threads: int) -> None:
        """Set up this process for forward passes with ``threads`` CPU threads."""
        ...

    def time(
        self, forward: Callable[[], Any], count: int, before: Callable[[], None] | None = None
    ) -> Timed:
        """Time ``count`` back-to-back calls of ``forward``.

        ``before`` runs before each call and is excluded from all times.
        """
        ...

    def energy(self, forward: Callable[[], Any], images: int, pass_ms: float) -> Energy | None:
        """Run extra passes of ``images`` images to measure the energy per image.

        ``pass_ms`` is the approximate duration of a pass. Returns None without a power sensor.
        """
        ...

    def watch(self) -> Watch:
        """Start monitoring for disturbance."""
        ...

    def meter(self) -> Meter:
        """Return a meter for this process's memory."""
        ...


def backend(setup: Setup) -> Driver:
    """Return the driver of a setup's backend, configured with its GPU settings.

    Raises UserError if the backend is unknown.
    """
    driver: Driver = named(setup.backend).make(setup.gpu)
    return driver
