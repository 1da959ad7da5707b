"""Inference time: forward passes of one network, timed in a process of its own.

What is timed is one forward pass: eval mode, inference mode, input already on the device.
Decoding, preprocessing and the copy to the device are not in it.
"""

import math
from dataclasses import dataclass
from typing import Any

from dnnbench import devices, isolation, registry
from dnnbench.isolation import Status
from dnnbench.parameters import Passes
from dnnbench.records import Disturbance
from dnnbench.registry import Network

# A process takes more than the fewest samples only until they add up to this: what a longer cell
# adds to the estimate is less than another network's share of the session.
_ENOUGH_MS = 100.0


@dataclass(frozen=True)
class Timing:
    """What the passes at one batch size gave: times of whole passes, ms."""

    status: Status
    message: str | None = None
    discarded_ms: tuple[float, ...] = ()
    samples_ms: tuple[float, ...] = ()
    output_ok: bool | None = None
    disturbance: Disturbance | None = None


def measure(
    network: Network, batch_sizes: list[int], passes: Passes, setup: devices.Setup, threads: int
) -> list[Timing]:
    """Time ``network`` at each batch size, one after another, in this process.

    A batch size that fails is a status and does not stop the others.
    """
    on = devices.backend(setup)
    on.start(threads)
    model = registry.build(network, on.torch_device)
    timings = []
    for batch_size in batch_sizes:
        try:
            timings.append(_time(model, network, batch_size, passes, on))
        except Exception as error:
            timings.append(Timing(*isolation.classify(error)))
    return timings


def _time(
    model: Any, network: Network, batch_size: int, passes: Passes, on: devices.Backend
) -> Timing:
    import torch

    torch.manual_seed(batch_size)
    size = network.input_size
    images = torch.randn(batch_size, 3, size, size, device=on.torch_device)
    fewest, most = passes.samples
    discarded: list[float] = []
    samples: list[float] = []
    with torch.inference_mode():
        watch = on.watch()
        untimed = output = None
        for _ in range(passes.discard):
            milliseconds, untimed = on.pass_ms(lambda: model(images))
            discarded.append(milliseconds)
        while len(samples) < fewest or (len(samples) < most and sum(samples) < _ENOUGH_MS):
            milliseconds, output = on.pass_ms(lambda: model(images))
            samples.append(milliseconds)
        disturbance = watch.stop()
        problem = _wrong(output, untimed, (batch_size, network.classes))
    return Timing(
        status="failed" if problem else "ok",
        message=problem,
        discarded_ms=tuple(discarded),
        samples_ms=tuple(samples),
        output_ok=problem is None,
        disturbance=disturbance,
    )


def _wrong(output: Any, untimed: Any, expected: tuple[int, int]) -> str | None:
    """What is wrong with a timed pass's output, beside an untimed pass on the same input."""
    if not hasattr(output, "shape") or tuple(output.shape) != expected:
        shape = tuple(getattr(output, "shape", ())) or type(output).__name__
        return f"output: {shape}: expected {expected}"
    if not bool(output.isfinite().all()):
        return "output: not finite"
    # Threads may add in another order from pass to pass; nothing else may differ.
    largest = float(untimed.abs().max())
    difference = float((output - untimed).abs().max())
    if not math.isfinite(difference) or difference > 1e-4 * largest:
        return f"output: differs by {difference:.3g} from an untimed pass, of at most {largest:.3g}"
    return None
