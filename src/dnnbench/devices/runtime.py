"""The calls of torch.cuda that need a GPU.

The module is thin because it cannot be tested without one.

The rest of the CUDA backend uses a Runtime, so that tests can replace it with a simulation whose
events and memory are known.
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
    """The cards visible to this process, in CUDA's order, and the build of torch.

    ``architectures`` lists the targets of its kernels (sm_75, compute_90). ``cuda`` is None for a
    build without CUDA.
    """

    cards: tuple[VisibleCard, ...]
    torch: str
    cuda: str | None
    cudnn: str | None
    architectures: tuple[str, ...]


@dataclass(frozen=True)
class Peaks:
    """Peak memory that torch's allocator gave to tensors, and reserved, in MiB."""

    allocated_mib: float
    reserved_mib: float


class Event(Protocol):
    """A marker in the GPU's queue of work."""

    def record(self) -> None:
        """Place the marker after all work queued so far."""
        ...

    def elapsed_time(self, end: Any) -> float:
        """Return the time between two completed markers by the GPU's clock, in ms."""
        ...


class Runtime(Protocol):
    """A GPU as driven by torch.

    Everything except ``torch_device`` is for child processes only.
    """

    torch_device: str

    def __hash__(self) -> int:
        """Return a hash, so that the result of ``visible`` can be cached."""
        ...

    def visible(self) -> Visible:
        """Return the cards that CUDA shows and the build of torch."""
        ...

    def use(self, index: int) -> None:
        """Make the card at ``index`` of ``visible`` the current one, with a context."""
        ...

    def event(self) -> Event:
        """Return a new event."""
        ...

    def synchronize(self) -> None:
        """Wait until the GPU has finished all queued work."""
        ...

    def wall_ms(self) -> float:
        """Return the host's monotonic clock, in ms."""
        ...

    def peaks(self) -> Peaks:
        """Return the peaks of torch's allocator since ``reset_peaks``."""
        ...

    def reset_peaks(self) -> None:
        """Reset the peaks to the memory held now."""
        ...

    def release(self) -> None:
        """Release memory that the allocator caches."""
        ...

    def free_mib(self) -> float:
        """Return the card's free memory according to CUDA, in MiB."""
        ...


class TorchCuda:
    """The runtime for a real GPU."""

    torch_device = "cuda"

    def visible(self) -> Visible:
        """Initialize CUDA, and return its cards and the build of torch."""
        import torch

        # torch's type stubs lack some of the properties.
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
        """Initialize CUDA and create the context."""
        import torch

        torch.cuda.set_device(index)
        torch.cuda.synchronize()

    def event(self) -> Event:
        """Return a new event on the current stream."""
        import torch

        kind: Any = torch.cuda.Event
        event: Event = kind(enable_timing=True)
        return event

    def synchronize(self) -> None:
        """Wait for all streams."""
        import torch

        torch.cuda.synchronize()

    def wall_ms(self) -> float:
        """Return the host's monotonic clock, in ms."""
        return time.perf_counter_ns() / 1e6

    def peaks(self) -> Peaks:
        """Return the allocator's peaks on the current card."""
        import torch

        return Peaks(
            torch.cuda.max_memory_allocated() / 2**20, torch.cuda.max_memory_reserved() / 2**20
        )

    def reset_peaks(self) -> None:
        """Reset the peaks to the memory held now."""
        import torch

        torch.cuda.reset_peak_memory_stats()

    def release(self) -> None:
        """Empty the allocator's cache."""
        import torch

        torch.cuda.empty_cache()

    def free_mib(self) -> float:
        """Return the free memory of the whole card, in MiB."""
        import torch

        free, _total = torch.cuda.mem_get_info()
        return free / 2**20
