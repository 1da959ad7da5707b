"""Memory: what a network needs from the device at a batch size, in a process of its own."""

from __future__ import annotations

import gc
import time
from typing import TYPE_CHECKING, Any

from dnnbench.config import variants
from dnnbench.devices import backends
from dnnbench.engines import casting, preparation
from dnnbench.networks import builders, counting

if TYPE_CHECKING:
    from dnnbench.config.variants import Variant
    from dnnbench.networks.registry import Network


def measure(
    network: Network,
    batch_size: int,
    setup: backends.Setup,
    threads: int,
    variant: str = variants.REFERENCE,
) -> dict[str, Any]:
    """Fields of a MemoryCell, MiB, measured in this process, which must be fresh.

    The baseline is a reading after a network of one convolution ran here in the same way: it loads
    what any network needs (thread pool, convolution library, engine), so that none of it counts as
    the network's. What an engine takes to build is not in the peak.
    """
    import torch

    on = backends.backend(setup)
    on.start(threads)
    way = variants.parse(variant)
    builders.load(network)  # The code of a network is no memory of its tensors.
    meter = on.meter()
    with torch.inference_mode():
        run_convolution(way, on)
        runtime_mib = meter.baseline_mib()
        model = builders.build(network, on.torch_device)
        images = torch.randn(
            batch_size, 3, network.input_size, network.input_size, device=on.torch_device
        )
        ready = preparation.prepare(way, model, images, on)
        gc.collect()
        meter.prepared()
        started = time.perf_counter()
        ready.bind(images if ready.fixed_batch else images[: meter.first_images])()
        meter.first_pass_done()
        ready.bind(images)()
        reading = meter.reading()
        passes_s = time.perf_counter() - started
    model, images = model.to("meta"), casting.cast(way, images.to("meta"))
    # Of a pass of torch's own. What autocast casts on the way cannot be told without running it.
    activations = None if way.autocast else counting.peak_activations(model, images) / 2**20
    return {
        "passes_s": passes_s,
        **reading,
        "memory_runtime_mib": runtime_mib,
        "weights_mib": counting.size_bytes([*model.parameters(), *model.buffers()]) / 2**20,
        "activations_mib": activations,
        "built": ready.built,
    }


def run_convolution(variant: Variant, on: backends.Driver) -> None:
    """Run the smallest network that loads what every network needs."""
    import torch

    layer = torch.nn.Conv2d(3, 16, 3, device=on.torch_device)
    images = torch.zeros(1, 3, 224, 224, device=on.torch_device)
    forward = preparation.prepare(variant, layer, images, on).bind(images)
    for _ in range(2):
        forward()
