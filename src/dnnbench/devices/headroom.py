"""Prediction, before a try, of whether a batch fits into shared memory.

CPU and GPU share the memory.

On a GPU with dedicated memory, an allocation that does not fit simply fails. On a board with shared
memory, the kernel kills processes instead, or swaps until the board stops responding. The memory of
a batch is therefore predicted from the network's memory at smaller batch sizes.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from dnnbench.networks import builders
from dnnbench.networks.registry import Network
from dnnbench.records.memory_records import MemoryCell

# Kept for the system: allocations of other programs, and the error of the prediction.
RESERVE_SHARE = 0.05
RESERVE_MIB = 256.0


def floor(network: Network, batch_size: int) -> tuple[float, float]:
    """Return weights and activations, in MiB, from the meta device: a lower bound.

    Call it in a separate process: some networks cannot be built twice in one.
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
    """Predicted memory of a batch, in MiB, and a description of its basis."""

    mib: float
    basis: str


def predict(
    batch_size: int,
    seen: Iterable[MemoryCell],
    count: Callable[[], tuple[float, float]],
) -> Prediction:
    """Predict a network's memory at ``batch_size`` from ``seen``, its measured cells.

    The prediction is runtime + ratio x (weights + activations), in MiB. The runtime is the memory
    of the one-convolution network. Activations scale with the batch size. The ratio is measured
    network memory over analytical memory at the largest smaller batch size; it covers workspaces
    and the allocator's rounding. If ``batch_size`` itself was measured, that value is returned.
    ``count`` returns weights and activations at ``batch_size``, in MiB, a lower bound for any
    network; it is called only if ``seen`` has no usable cell.
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
            f"weights {weights:.0f} + activations {activations:.0f} MiB, a lower bound",
        )
    nearest = max(usable, key=lambda cell: cell.batch_size)
    assert nearest.memory_mib is not None
    if nearest.batch_size == batch_size:
        return Prediction(nearest.memory_mib, "measured earlier")
    weights = nearest.weights_mib or 0.0
    activations = (nearest.activations_mib or 0.0) * batch_size / nearest.batch_size
    runtime = nearest.memory_runtime_mib or 0.0
    ratio = _ratio(nearest)
    return Prediction(
        runtime + ratio * (weights + activations),
        f"runtime {runtime:.0f} + {ratio:.2f} x (weights {weights:.0f} + activations"
        f" {activations:.0f} MiB), factor measured at batch size {nearest.batch_size}",
    )


def refusal(prediction: Prediction, available_mib: float, total_mib: float) -> str | None:
    """Return why not to try a batch, or None if it fits above the reserve."""
    reserve = max(RESERVE_MIB, RESERVE_SHARE * total_mib)
    if prediction.mib <= available_mib - reserve:
        return None
    return (
        f"predicted, not tried: needs {prediction.mib:.0f} MiB ({prediction.basis}), but only"
        f" {available_mib - reserve:.0f} MiB are free: {available_mib:.0f} MiB available minus"
        f" {reserve:.0f} MiB reserved for the system"
    )


def _ratio(cell: MemoryCell) -> float:
    """Return the ratio (at least 1) of a network's memory to its analytical bound."""
    analytical = (cell.weights_mib or 0.0) + (cell.activations_mib or 0.0)
    if cell.memory_net_mib is None or analytical <= 0:
        return 1.0
    return max(1.0, cell.memory_net_mib / analytical)
