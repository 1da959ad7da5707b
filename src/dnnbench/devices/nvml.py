"""NVIDIA's management library: typed pynvml, None for unsupported queries.

A card is found by its UUID, never by an index. NVML counts all cards in PCI order, regardless of
CUDA_VISIBLE_DEVICES. CUDA counts the visible cards, by default the fastest first.
The library stays open only inside :func:`open_card`, so that a process can fork without it.
"""

import contextlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pynvml

from dnnbench.core.errors import DeviceError

_MIB = 2**20
# The card, the driver or the container does not support the query.
_UNSUPPORTED = (
    pynvml.NVMLError_NotSupported,
    pynvml.NVMLError_FunctionNotFound,
    pynvml.NVMLLibraryMismatchError,
    pynvml.NVMLError_NoPermission,
    pynvml.NVMLError_NoData,
)
_LOST = (
    pynvml.NVMLError_GpuIsLost,
    pynvml.NVMLError_ResetRequired,
    pynvml.NVMLError_GpuNotFound,
)

# Bits of nvmlDeviceGetCurrentClocksEventReasons.
_CLOCK_REASONS = {
    pynvml.nvmlClocksEventReasonGpuIdle: "idle",
    pynvml.nvmlClocksEventReasonApplicationsClocksSetting: "application clocks",
    pynvml.nvmlClocksEventReasonSwPowerCap: "software power cap",
    pynvml.nvmlClocksEventReasonHwSlowdown: "hardware slowdown",
    pynvml.nvmlClocksEventReasonSyncBoost: "sync boost",
    pynvml.nvmlClocksEventReasonSwThermalSlowdown: "software thermal slowdown",
    pynvml.nvmlClocksEventReasonHwThermalSlowdown: "hardware thermal slowdown",
    pynvml.nvmlClocksEventReasonHwPowerBrakeSlowdown: "power brake",
    pynvml.nvmlClocksEventReasonDisplayClockSetting: "display clocks",
}


class GpuLostError(DeviceError):
    """A card that no longer responds: it fell off the bus, or needs a reset."""


@dataclass(frozen=True)
class Process:
    """A process that computes on a card, with NVML's id.

    ``memory_mib`` is None if hidden.
    """

    pid: int
    memory_mib: float | None


class Card:
    """One GPU.

    A query returns None if the card, the driver or the container does not support it.

    Every query raises GpuLostError if the card is lost, and DeviceError for any other failure.
    """

    def __init__(self, handle: Any, uuid: str) -> None:
        self._handle = handle
        self.uuid = uuid
        self.name = self._text(pynvml.nvmlDeviceGetName) or "GPU"

    def pci(self) -> str | None:
        """Return the PCI address, as domain:bus:device.function."""
        info = self._ask(pynvml.nvmlDeviceGetPciInfo)
        return None if info is None else _string(info.busId)

    def compute_capability(self) -> tuple[int, int] | None:
        """Return the major and minor version."""
        found: tuple[int, int] | None = self._ask(pynvml.nvmlDeviceGetCudaComputeCapability)
        return found

    def driver(self) -> str | None:
        """Return the driver's version."""
        return self._text(lambda _: pynvml.nvmlSystemGetDriverVersion())

    def cuda_driver(self) -> str | None:
        """Return the newest CUDA version that the driver supports."""
        number = self._ask(lambda _: pynvml.nvmlSystemGetCudaDriverVersion_v2())
        return None if number is None else f"{number // 1000}.{number % 1000 // 10}"

    def persistence(self) -> bool | None:
        """Return whether the driver stays loaded while the card is unused."""
        return self._flag(pynvml.nvmlDeviceGetPersistenceMode)

    def ecc(self) -> bool | None:
        """Return whether error correction is on, which uses some of the memory."""
        return self._flag(pynvml.nvmlDeviceGetCurrentEccMode)

    def mig(self) -> bool | None:
        """Return whether the card is divided into instances."""
        modes = self._ask(pynvml.nvmlDeviceGetMigMode)
        return None if modes is None else bool(modes[0])

    def clock_mhz(self) -> float | None:
        """Return the current core clock, in MHz."""
        return self._number(pynvml.nvmlDeviceGetClockInfo, pynvml.NVML_CLOCK_SM)

    def memory_clock_mhz(self) -> float | None:
        """Return the current memory clock, in MHz."""
        return self._number(pynvml.nvmlDeviceGetClockInfo, pynvml.NVML_CLOCK_MEM)

    def max_clock_mhz(self) -> float | None:
        """Return the maximum core clock, in MHz."""
        return self._number(pynvml.nvmlDeviceGetMaxClockInfo, pynvml.NVML_CLOCK_SM)

    def application_clock_mhz(self) -> float | None:
        """Return the application clock, in MHz. It does not show a lock (nvidia-smi -lgc)."""
        return self._number(pynvml.nvmlDeviceGetApplicationsClock, pynvml.NVML_CLOCK_GRAPHICS)

    def temperature_c(self) -> float | None:
        """Return the chip's temperature, in degrees Celsius."""
        return self._number(pynvml.nvmlDeviceGetTemperature, pynvml.NVML_TEMPERATURE_GPU)

    def power_w(self) -> float | None:
        """Return the board's power, in W; some cards average it over a second."""
        return self._number(pynvml.nvmlDeviceGetPowerUsage, scale=1e-3)

    def power_limit_w(self) -> float | None:
        """Return the driver's power limit for the board, in W."""
        return self._number(pynvml.nvmlDeviceGetPowerManagementLimit, scale=1e-3)

    def energy_mj(self) -> float | None:
        """Return the energy used since the driver was loaded, in mJ. Volta and later."""
        return self._number(pynvml.nvmlDeviceGetTotalEnergyConsumption)

    def clock_reasons(self) -> frozenset[str] | None:
        """Return the names of the reasons for the current clocks."""
        bits = self._ask(pynvml.nvmlDeviceGetCurrentClocksEventReasons)
        if bits is None:  # Older drivers use another function name.
            bits = self._ask(pynvml.nvmlDeviceGetCurrentClocksThrottleReasons)
        if bits is None:
            return None
        known = {name for bit, name in _CLOCK_REASONS.items() if bits & bit}
        unknown = bits & ~sum(_CLOCK_REASONS)
        return frozenset(known | ({f"reason {unknown:#x}"} if unknown else set()))

    def memory_total_mib(self) -> float | None:
        """Return the card's memory, in MiB."""
        memory = self._ask(pynvml.nvmlDeviceGetMemoryInfo)
        return None if memory is None else memory.total / _MIB

    def memory_used_mib(self) -> float | None:
        """Return the memory used by all processes, in MiB."""
        memory = self._ask(pynvml.nvmlDeviceGetMemoryInfo)
        return None if memory is None else memory.used / _MIB

    def processes(self) -> list[Process] | None:
        """Return the processes that compute on the card.

        In a container the list is empty, or the ids are those of the host.
        """
        found = self._ask(pynvml.nvmlDeviceGetComputeRunningProcesses)
        if found is None:
            found = self._ask(pynvml.nvmlDeviceGetComputeRunningProcesses_v2)
        if found is None:
            return None
        return [
            Process(p.pid, None if p.usedGpuMemory is None else p.usedGpuMemory / _MIB)
            for p in found
        ]

    def utilization(self) -> float | None:
        """Return the share of the last sampling period in which a kernel ran."""
        rates = self._ask(pynvml.nvmlDeviceGetUtilizationRates)
        return None if rates is None else rates.gpu / 100

    def _ask(self, query: Callable[..., Any], *arguments: Any) -> Any:
        with _named(f"GPU {self.uuid}"), contextlib.suppress(*_UNSUPPORTED):
            return query(self._handle, *arguments)
        return None

    def _number(
        self, query: Callable[..., Any], *arguments: Any, scale: float = 1.0
    ) -> float | None:
        value = self._ask(query, *arguments)
        return None if value is None else float(value) * scale

    def _flag(self, query: Callable[..., Any]) -> bool | None:
        value = self._ask(query)
        return None if value is None else bool(value)

    def _text(self, query: Callable[..., Any]) -> str | None:
        value = self._ask(query)
        return None if value is None else _string(value)


def count() -> int:
    """Return the number of cards. Raises DeviceError if the driver does not respond."""
    with _library():
        return int(pynvml.nvmlDeviceGetCount())


def uuids() -> list[str]:
    """Return the cards' UUIDs in NVML's order. Raises like ``count``."""
    with _library(), _named("NVML"):
        handles = map(pynvml.nvmlDeviceGetHandleByIndex, range(pynvml.nvmlDeviceGetCount()))
        return [_string(pynvml.nvmlDeviceGetUUID(handle)) for handle in handles]


@contextmanager
def open_card(uuid: str) -> Iterator[Card]:
    """Open the card with the given UUID (GPU-...) for queries within the context.

    Raises GpuLostError if the driver does not list it or has lost it, and DeviceError for any
    other failure.
    """
    with _library():
        try:
            with _named(f"GPU {uuid}"):
                handle = pynvml.nvmlDeviceGetHandleByUUID(uuid)
        except pynvml.NVMLError_NotFound:
            raise GpuLostError(
                f"GPU {uuid}: the driver does not list this card. Check nvidia-smi -L."
            ) from None
        yield Card(handle, uuid)


@contextmanager
def _library() -> Iterator[None]:
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        raise DeviceError(
            f"no CUDA device: {error}. Install NVIDIA's driver so that nvidia-smi lists the card,"
            " or choose another profile: snakemake --profile cpu"
        ) from None
    try:
        yield
    finally:
        with contextlib.suppress(pynvml.NVMLError):
            pynvml.nvmlShutdown()


@contextmanager
def _named(which: str) -> Iterator[None]:
    """Raise NVML's errors as DeviceErrors of one line.

    Errors for unsupported queries stay as they are.
    """
    try:
        yield
    except (*_UNSUPPORTED, pynvml.NVMLError_NotFound):
        raise
    except _LOST as error:
        raise GpuLostError(
            f"{which}: {error}: the card is lost. Reset it (nvidia-smi -r) or restart the machine,"
            " then rerun the command; finished measurements are kept."
        ) from None
    except pynvml.NVMLError as error:
        raise DeviceError(f"{which}: {error}. Check nvidia-smi, then rerun the command.") from None


def _string(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
