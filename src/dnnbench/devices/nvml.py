"""What NVIDIA's management library says of a GPU: pynvml with types, and None for "not here".

A card is found by its UUID, never by an index: NVML counts cards in PCI order whatever
CUDA_VISIBLE_DEVICES says, and CUDA counts the visible ones, by default the fastest first.
The library stays open only inside :func:`open_card`, so that a process forks without it.
"""

import contextlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pynvml

from dnnbench.core.errors import DeviceError

_MIB = 2**20
# What a card, a driver or a container cannot answer, and what this driver has no function for.
_NOT_HERE = (
    pynvml.NVMLError_NotSupported,
    pynvml.NVMLError_FunctionNotFound,
    pynvml.NVMLLibraryMismatchError,
    pynvml.NVMLError_NoPermission,
    pynvml.NVMLError_NoData,
)
_GONE = (
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
    """The card no longer answers: it fell off the bus, or needs a reset."""


@dataclass(frozen=True)
class Process:
    """A process that computes on a card, by NVML's process id; ``memory_mib`` None: hidden."""

    pid: int
    memory_mib: float | None


class Card:
    """One GPU. A query gives None where the card, the driver or the container has no answer.

    Any of them raises GpuLostError where the card is gone, and DeviceError for any other failure.
    """

    def __init__(self, handle: Any, uuid: str) -> None:
        self._handle = handle
        self.uuid = uuid
        self.name = self._text(pynvml.nvmlDeviceGetName) or "GPU"

    def pci(self) -> str | None:
        """PCI address: domain:bus:device.function."""
        info = self._ask(pynvml.nvmlDeviceGetPciInfo)
        return None if info is None else _string(info.busId)

    def compute_capability(self) -> tuple[int, int] | None:
        """Major and minor number."""
        found: tuple[int, int] | None = self._ask(pynvml.nvmlDeviceGetCudaComputeCapability)
        return found

    def driver(self) -> str | None:
        """Version of the driver."""
        return self._text(lambda _: pynvml.nvmlSystemGetDriverVersion())

    def cuda_driver(self) -> str | None:
        """The newest CUDA that the driver knows."""
        number = self._ask(lambda _: pynvml.nvmlSystemGetCudaDriverVersion_v2())
        return None if number is None else f"{number // 1000}.{number % 1000 // 10}"

    def persistence(self) -> bool | None:
        """Whether the driver stays loaded while nobody uses the card."""
        return self._flag(pynvml.nvmlDeviceGetPersistenceMode)

    def ecc(self) -> bool | None:
        """Whether memory is checked, which costs some of it."""
        return self._flag(pynvml.nvmlDeviceGetCurrentEccMode)

    def mig(self) -> bool | None:
        """Whether the card is divided into instances."""
        modes = self._ask(pynvml.nvmlDeviceGetMigMode)
        return None if modes is None else bool(modes[0])

    def clock_mhz(self) -> float | None:
        """Clock of the cores now."""
        return self._number(pynvml.nvmlDeviceGetClockInfo, pynvml.NVML_CLOCK_SM)

    def memory_clock_mhz(self) -> float | None:
        """Clock of the memory now."""
        return self._number(pynvml.nvmlDeviceGetClockInfo, pynvml.NVML_CLOCK_MEM)

    def max_clock_mhz(self) -> float | None:
        """Highest clock of the cores."""
        return self._number(pynvml.nvmlDeviceGetMaxClockInfo, pynvml.NVML_CLOCK_SM)

    def application_clock_mhz(self) -> float | None:
        """Clock of the cores that applications ask for. A lock (nvidia-smi -lgc) is not told."""
        return self._number(pynvml.nvmlDeviceGetApplicationsClock, pynvml.NVML_CLOCK_GRAPHICS)

    def temperature_c(self) -> float | None:
        """Temperature of the chip."""
        return self._number(pynvml.nvmlDeviceGetTemperature, pynvml.NVML_TEMPERATURE_GPU)

    def power_w(self) -> float | None:
        """Power of the board; some cards average it over a second."""
        return self._number(pynvml.nvmlDeviceGetPowerUsage, scale=1e-3)

    def power_limit_w(self) -> float | None:
        """Power that the driver keeps the board below."""
        return self._number(pynvml.nvmlDeviceGetPowerManagementLimit, scale=1e-3)

    def energy_mj(self) -> float | None:
        """Energy used since the driver was loaded, mJ. Volta and later."""
        return self._number(pynvml.nvmlDeviceGetTotalEnergyConsumption)

    def clock_reasons(self) -> frozenset[str] | None:
        """Why the clocks are what they are, by name."""
        bits = self._ask(pynvml.nvmlDeviceGetCurrentClocksEventReasons)
        if bits is None:  # The function's name in older drivers.
            bits = self._ask(pynvml.nvmlDeviceGetCurrentClocksThrottleReasons)
        if bits is None:
            return None
        known = {name for bit, name in _CLOCK_REASONS.items() if bits & bit}
        unknown = bits & ~sum(_CLOCK_REASONS)
        return frozenset(known | ({f"reason {unknown:#x}"} if unknown else set()))

    def memory_total_mib(self) -> float | None:
        """Memory of the card."""
        memory = self._ask(pynvml.nvmlDeviceGetMemoryInfo)
        return None if memory is None else memory.total / _MIB

    def memory_used_mib(self) -> float | None:
        """Memory that anybody uses."""
        memory = self._ask(pynvml.nvmlDeviceGetMemoryInfo)
        return None if memory is None else memory.used / _MIB

    def processes(self) -> list[Process] | None:
        """Who computes on it. In a container: nobody, or ids of the machine outside."""
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
        """Share of the last sampling period in which a kernel ran."""
        rates = self._ask(pynvml.nvmlDeviceGetUtilizationRates)
        return None if rates is None else rates.gpu / 100

    def _ask(self, query: Callable[..., Any], *arguments: Any) -> Any:
        with _named(f"GPU {self.uuid}"), contextlib.suppress(*_NOT_HERE):
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
    """Cards of this machine. Raises DeviceError where the driver does not answer."""
    with _library():
        return int(pynvml.nvmlDeviceGetCount())


def uuids() -> list[str]:
    """Of the cards of this machine, in NVML's order. Raises as ``count``."""
    with _library(), _named("NVML"):
        handles = map(pynvml.nvmlDeviceGetHandleByIndex, range(pynvml.nvmlDeviceGetCount()))
        return [_string(pynvml.nvmlDeviceGetUUID(handle)) for handle in handles]


@contextmanager
def open_card(uuid: str) -> Iterator[Card]:
    """The card with a UUID (GPU-...), to be asked in here.

    Raises DeviceError where there is none, and GpuLostError where it is gone.
    """
    with _library():
        try:
            with _named(f"GPU {uuid}"):
                handle = pynvml.nvmlDeviceGetHandleByUUID(uuid)
        except pynvml.NVMLError_NotFound:
            raise GpuLostError(
                f"GPU {uuid}: the driver knows no such card, or no longer; see nvidia-smi -L"
            ) from None
        yield Card(handle, uuid)


@contextmanager
def _library() -> Iterator[None]:
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        raise DeviceError(
            f"no CUDA device: {error}; install NVIDIA's driver so that nvidia-smi lists the card,"
            " or choose another profile: snakemake --profile cpu"
        ) from None
    try:
        yield
    finally:
        with contextlib.suppress(pynvml.NVMLError):
            pynvml.nvmlShutdown()


@contextmanager
def _named(which: str) -> Iterator[None]:
    """Raise NVML's errors as one line each, but for those that say that there is no answer."""
    try:
        yield
    except (*_NOT_HERE, pynvml.NVMLError_NotFound):
        raise
    except _GONE as error:
        raise GpuLostError(
            f"{which}: {error}: the card is lost; reset it (nvidia-smi -r) or restart the machine,"
            " and run again: what was measured is kept"
        ) from None
    except pynvml.NVMLError as error:
        raise DeviceError(f"{which}: {error}; see nvidia-smi, and run again") from None


def _string(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
