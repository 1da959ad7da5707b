"""Memory that a network needs at a batch size, measured in its own process."""

from __future__ import annotations

import gc
import time
from typing import TYPE_CHECKING, Any

from dnnbench.config import variants
from dnnbench.devices import backends, priority
from dnnbench.engines import casting, preparation
from dnnbench.networks import builders, counting

if TYPE_CHECKING:
    from pathlib import Path

    from dnnbench.config.variants import Variant
    from dnnbench.networks.registry import Network

# Input size of the control network.
_CONTROL_SIZE = 64


def measure(
    network: Network,
    batch_size: int,
    setup: backends.Setup,
    threads: int,
    variant: str = variants.REFERENCE,
    graph: Path | None = None,
    convolution: Path | None = None,
) -> dict[str, Any]:
    """Measure the fields of a MemoryCell, in MiB, in this process.

    The process must be fresh. ``graph`` and ``convolution`` are the files of the graphs of this
    network and of the control network, for a variant that runs graphs. Without them, the graphs are
    built here, and memory freed by that is reused.

    The baseline is a reading after a network of one convolution has run here in the same variant.
    That loads everything that any network needs (thread pool, convolution library, engine), so that
    none of it counts toward the network. Memory used while an engine builds is not in the peak.
    """
    import torch

    priority.raise_priority()  # The cell's duration decides on the number of latency processes.
    on = backends.backend(setup)
    on.start(threads)
    parsed = variants.parse(variant)
    builders.load(network)  # Loaded before the baseline: code does not count as network memory.
    meter = on.meter()
    with torch.inference_mode():
        run_convolution(parsed, on, convolution)
        runtime_mib = meter.baseline_mib()
        # With a graph, only the sizes of the weights are needed.
        model = builders.build(network, "meta" if graph else on.torch_device)
        images = torch.randn(
            batch_size, 3, network.input_size, network.input_size, device=on.torch_device
        )
        ready = preparation.prepare(parsed, model, images, on, graph)
        gc.collect()
        meter.prepared()
        started = time.perf_counter()
        # Each pass gets its own view with new values, because a network may modify its input.
        ready.bind(images if ready.fixed_batch else images[: meter.first_images])()
        meter.first_pass_done()
        last = time.perf_counter()
        ready.bind(images.normal_() if ready.fixed_batch else images.normal_()[:])()
        reading = meter.reading()
        ended = time.perf_counter()
    return {
        "passes_s": ended - started,
        "pass_s": ended - last,
        **reading,
        "memory_runtime_mib": runtime_mib,
        "weights_mib": counting.size_bytes([*model.parameters(), *model.buffers()]) / 2**20,
        "built": ready.built,
    }


def activations_mib(network: Network, batch_size: int, variant: str) -> float | None:
    """Count the peak activations of a pass in torch, in MiB, on the meta device.

    Returns None with autocast, which decides on casts while the network runs, and for a quantized
    graph, which torch does not run. Call this in a
    separate process, so that an error does not affect a measured memory.
    """
    import torch

    parsed = variants.parse(variant)
    if parsed.autocast or parsed.needs_pictures:
        return None
    model = casting.cast(parsed, builders.build(network, "meta"))
    images = torch.empty(batch_size, 3, network.input_size, network.input_size, device="meta")
    return counting.peak_activations(model, casting.cast(parsed, images)) / 2**20


def run_convolution(variant: Variant, on: backends.Driver, graph: Path | None = None) -> None:
    """Run the smallest network that loads what every network needs.

    ``graph`` is the file of the control network's graph.
    """
    import torch

    size = _CONTROL_SIZE if graph else 224
    layer = torch.nn.Conv2d(3, 16, 3, device=on.torch_device)
    images = torch.zeros(1, 3, size, size, device=on.torch_device)
    forward = preparation.prepare(variant, layer, images, on, graph).bind(images)
    for _ in range(2):
        forward()
