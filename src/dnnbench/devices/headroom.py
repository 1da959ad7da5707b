"""Whether a batch fits into memory that CPU and GPU share, judged before it is tried.

Where a GPU has memory of its own, an allocation that does not fit is refused, and that is the
answer. On a board that shares it, the kernel starts killing processes instead, or swaps until
nothing answers. So what a batch will take is predicted from what the network took at smaller ones.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from dnnbench.core.storage import read_json
from dnnbench.networks import builders
from dnnbench.networks.registry import Network
from dnnbench.records import paths
from dnnbench.records.memory_records import MemoryCell, MemoryRecord

# Left to the system: what others allocate meanwhile, and what the prediction is short of.
RESERVE_SHARE = 0.05
RESERVE_MIB = 256.0


def seen(folder: Path, models: Iterable[str]) -> dict[str, list[MemoryCell]]:
    """Cells of the memory records in ``folder``, by network; none where a network has no record."""
    files = {name: paths.in_folder(folder, paths.MEMORY, model=name) for name in models}
    return {
        name: read_json(file, MemoryRecord).cells for name, file in files.items() if file.exists()
    }


def floor(network: Network, batch_size: int) -> tuple[float, float]:
    """Weights and activations, MiB: what must be there, counted on the meta device.

    For a process of its own: some networks cannot be built twice in one.
    """
    import torch

    from dnnbench.networks import counting

    model = builders.build(network, "meta")
    side = network.input_size
    images = torch.empty(batch_size, 3, side, side, device="meta")
    weights = counting.size_bytes([*model.parameters(), *model.buffers()])
    return weights / 2**20, counting.peak_activations(model, images) / 2**20


@dataclass(frozen=True)
class Prediction:
    """Memory that a batch will take, MiB, and what that rests on, in words."""

    mib: float
    basis: str


def predict(
    batch_size: int,
    seen: Iterable[MemoryCell],
    count: Callable[[], tuple[float, float]],
) -> Prediction:
    """What a network will take at ``batch_size``, from ``seen``, cells of the same network.

    It is runtime + ratio x (weights + activations): runtime is what the one-convolution network
    took, activations are in proportion to the batch, and the ratio is net to analytical memory at
    the nearest smaller batch seen: workspaces and the allocator's rounding. At the same batch size
    it is what was measured. ``count`` gives weights and activations at ``batch_size``, MiB; it is
    asked only where nothing was seen. No network takes less than that.
    """
    usable = [
        cell
        for cell in seen
        if cell.status == "ok" and cell.batch_size <= batch_size and cell.memory_mib is not None
    ]
    if not usable:
        weights, activations = count()
        return Prediction(
            weights + activations,
            f"weights {weights:.0f} + activations {activations:.0f} MiB alone",
        )
    nearest = max(usable, key=lambda cell: cell.batch_size)
    assert nearest.memory_mib is not None
    if nearest.batch_size == batch_size:
        return Prediction(nearest.memory_mib, "measured before")
    weights = nearest.weights_mib or 0.0
    activations = (nearest.activations_mib or 0.0) * batch_size / nearest.batch_size
    runtime = nearest.memory_runtime_mib or 0.0
    ratio = _ratio(nearest)
    return Prediction(
        runtime + ratio * (weights + activations),
        f"runtime {runtime:.0f} + {ratio:.2f} x (weights {weights:.0f} + activations"
        f" {activations:.0f} MiB), the factor that of batch size {nearest.batch_size}",
    )


def refusal(prediction: Prediction, available_mib: float, total_mib: float) -> str | None:
    """Why a batch is not tried, with numbers; None where it fits beside the reserve."""
    reserve = max(RESERVE_MIB, RESERVE_SHARE * total_mib)
    if prediction.mib <= available_mib - reserve:
        return None
    return (
        f"predicted, not tried: needs {prediction.mib:.0f} MiB ({prediction.basis}); of"
        f" {available_mib:.0f} MiB available {reserve:.0f} are kept for the system"
    )


def _ratio(cell: MemoryCell) -> float:
    """Net to analytical memory; at least 1, since the analytical one is a floor."""
    analytical = (cell.weights_mib or 0.0) + (cell.activations_mib or 0.0)
    if cell.memory_net_mib is None or analytical <= 0:
        return 1.0
    return max(1.0, cell.memory_net_mib / analytical)
