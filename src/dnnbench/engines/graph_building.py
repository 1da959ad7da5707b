"""Building of a network's graph with the weights that are timed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dnnbench.engines import agreement
from dnnbench.networks import builders

if TYPE_CHECKING:
    from pathlib import Path

    from dnnbench.config.engine import Graph, GraphFiles
    from dnnbench.networks.registry import Network

# With random weights, more calibration images would not make a better graph.
_PICTURES = 16


def build(
    graph: Graph, network: Network, batch_size: int, file: Path, pictures: Any = None
) -> GraphFiles:
    """Write the graph of a network with random weights, in its own process.

    The weights are those of the network that a timed process compares the graph with. Arguments and
    result are described in :class:`dnnbench.config.engine.Graph`.
    """
    import torch

    model = builders.build(network)
    size = network.input_size
    with torch.inference_mode():
        agreement.awaken(model)
        if pictures is not None:
            pictures = pictures[:_PICTURES]
            pictures *= agreement.moderate(model, pictures)
        images = torch.zeros(batch_size, 3, size, size)
        built: GraphFiles = graph.build(model, images, file, pictures)
    return built
