"""The calls of torch.cuda that need a GPU: as thin as can be, since they cannot be tested without.

Everything else of the CUDA backend goes through a Runtime, so that tests can drive it with one
whose events and memory are known.
"""

import time
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class VisibleCard:
    """A card as CUDA shows it; ``pci`` is domain, bus, device."""

    name: str
    uuid: str
    pci: tuple[int, int, int]
    capability: tuple[int, int]


@dataclass(frozen=True)
class Visible:
    """What this process sees of CUDA: cards in CUDA's order, and torch's build.

    ``architectures`` are what it has kernels for (sm_75, compute_90), ``cuda`` None where it is a
    build without CUDA.
    """

    cards: tuple[VisibleCard, ...]
    torch: str
    cuda: str | None
    cudnn: str | None
    architectures: tuple[str, ...]


@dataclass(frozen=True)
class Peaks:
    """Most memory that torch's allocator gave to tensors, and that it held, MiB."""

    allocated_mib: float
    reserved_mib: float


class Event(Protocol):
    """A point in the work that the GPU was given."""

    def record(self) -> None:
        """Put the point behind all work given so far."""
        ...

    def elapsed_time(self, end: Any) -> float:
        """Time from this point until ``end`` by the GPU's clock, ms; both have passed."""
        ...


class Runtime(Protocol):
    """A GPU and torch's way of driving it. All but ``torch_device`` is for children only."""

    torch_device: str

    def __hash__(self) -> int:
        """What one shows is looked up once."""
        ...

    def visible(self) -> Visible:
        """What CUDA shows."""
        ...

    def use(self, index: int) -> None:
        """Make the card at ``index`` of ``visible`` the current one, with its context."""
        ...

    def event(self) -> Event:
        """A new event."""
        ...

    def synchronize(self) -> None:
        """Wait until the GPU has done all it was given."""
        ...

    def wall_ms(self) -> float:
        """The host's clock."""
        ...

    def peaks(self) -> Peaks:
        """Peaks of torch's allocator since ``reset_peaks``."""
        ...

    def reset_peaks(self) -> None:
        """Forget the peaks so far."""
        ...

    def release(self) -> None:
        """Give back what the allocator holds without need."""
        ...

    def free_mib(self) -> float:
        """Memory that CUDA calls free."""
        ...


class TorchCuda:
    """The real one."""

    torch_device = "cuda"

    def visible(self) -> Visible:
        """Initialises CUDA."""
        import torch

        # torch's own types leave some of the properties out.
        properties: Any = torch.cuda.get_device_properties
        cudnn: Any = torch.backends.cudnn
        cards = tuple(
            VisibleCard(
                name=card.name,
                uuid=f"GPU-{card.uuid}",
                pci=(card.pci_domain_id, card.pci_bus_id, card.pci_device_id),
                capability=(card.major, card.minor),
            )
            for card in map(properties, range(torch.cuda.device_count()))
        )
        version = cudnn.version()
        return Visible(
            cards=cards,
            torch=torch.__version__,
            cuda=torch.version.cuda,
            cudnn=None if version is None else str(version),
            architectures=tuple(torch.cuda.get_arch_list()),
        )

    def use(self, index: int) -> None:
        """Initialises CUDA and makes the context."""
        import torch

        torch.cuda.set_device(index)
        torch.cuda.synchronize()

    def event(self) -> Event:
        """On the current stream."""
        import torch

        kind: Any = torch.cuda.Event
        event: Event = kind(enable_timing=True)
        return event

    def synchronize(self) -> None:
        """Waits for all streams."""
        import torch

        torch.cuda.synchronize()

    def wall_ms(self) -> float:
        """Monotonic."""
        return time.perf_counter_ns() / 1e6

    def peaks(self) -> Peaks:
        """Of the current card."""
        import torch

        return Peaks(
            torch.cuda.max_memory_allocated() / 2**20, torch.cuda.max_memory_reserved() / 2**20
        )

    def reset_peaks(self) -> None:
        """Sets them to what is held now."""
        import torch

        torch.cuda.reset_peak_memory_stats()

    def release(self) -> None:
        """The allocator's cache."""
        import torch

        torch.cuda.empty_cache()

    def free_mib(self) -> float:
        """Of the whole card."""
        import torch

        free, _total = torch.cuda.mem_get_info()
        return free / 2**20
