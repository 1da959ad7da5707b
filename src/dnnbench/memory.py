"""Memory: what a network needs from the device at a batch size, in a process of its own."""

import time
from typing import Any

from dnnbench import counters, devices, registry
from dnnbench.registry import Network


def measure(
    network: Network, batch_size: int, setup: devices.Setup, threads: int
) -> dict[str, Any]:
    """Fields of a MemoryCell, MiB, measured in this process, which must be fresh.

    The baseline is a reading after a network of one convolution ran here: it loads what any
    network needs (thread pool, convolution library), so that none of it counts as the network's.
    """
    import torch

    on = devices.backend(setup)
    on.start(threads)
    meter = on.meter()
    with torch.inference_mode():
        run_convolution(on.torch_device)
        runtime_mib = meter.baseline_mib()
        model = registry.build(network, on.torch_device)
        images = torch.randn(
            batch_size, 3, network.input_size, network.input_size, device=on.torch_device
        )
        started = time.perf_counter()
        model(images[: meter.first_images])
        meter.first_pass_done()
        model(images)
        reading = meter.reading()
        passes_s = time.perf_counter() - started
    activations = counters.peak_activations(model.to("meta"), images.to("meta"))
    return {
        "passes_s": passes_s,
        **reading,
        "memory_runtime_mib": runtime_mib,
        "weights_mib": counters.size_bytes([*model.parameters(), *model.buffers()]) / 2**20,
        "activations_mib": activations / 2**20,
    }


def run_convolution(torch_device: str) -> None:
    """Run the smallest network that loads what every network needs."""
    import torch

    layer = torch.nn.Conv2d(3, 16, 3, device=torch_device)
    for _ in range(2):
        layer(torch.zeros(1, 3, 224, 224, device=torch_device))
