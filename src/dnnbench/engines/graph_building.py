"""Building of a network's graph with the weights that are timed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dnnbench.engines import agreement
from dnnbench.networks import builders

if TYPE_CHECKING:
    from pathlib import Path

    from dnnbench.config.engine import Graph
    from dnnbench.networks.registry import Network


def build(graph: Graph, network: Network, batch_size: int, file: Path) -> list[Path]:
    """Write the graph of a network with random weights, in a process of its own.

    The weights are those of the network that a timed process compares the graph with. Returns the
    written files; see :class:`dnnbench.config.engine.Graph`.
    """
    import torch

    model = builders.build(network)
    size = network.input_size
    with torch.inference_mode():
        agreement.awaken(model)
        files: list[Path] = graph.build(model, torch.zeros(batch_size, 3, size, size), file)
    return files
