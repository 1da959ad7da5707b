"""Inference time: forward passes of one network, timed in a process of its own.

What is timed is one forward pass: eval mode, inference mode, input already on the device.
Decoding, preprocessing and the copy to the device are not in it.
"""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dnnbench.config import variants
from dnnbench.core import isolation
from dnnbench.core.errors import DeviceError
from dnnbench.devices import backends
from dnnbench.engines import agreement, preparation
from dnnbench.measure import oom
from dnnbench.networks import builders

if TYPE_CHECKING:
    from dnnbench.config.latency_settings import Passes
    from dnnbench.config.variants import Variant
    from dnnbench.core.isolation import Status
    from dnnbench.networks.registry import Network
    from dnnbench.records.disturbance_records import Disturbance
    from dnnbench.records.engine_records import Agreement, Built

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
    energy: backends.Energy | None = None
    built: Built | None = None
    agreement: Agreement | None = None


def measure(
    network: Network,
    batch_sizes: list[int],
    passes: Passes,
    setup: backends.Setup,
    threads: int,
    variant: str = variants.REFERENCE,
) -> list[Timing]:
    """Time ``network`` at each batch size, one after another, in this process.

    A batch size that fails is a status and does not stop the others; one larger than another that
    ran out of memory is not tried. Raises DeviceError where the device cannot be used.
    """
    on = backends.backend(setup)
    on.start(threads)
    way = variants.parse(variant)
    model = None
    timings: list[Timing] = []
    for batch_size in batch_sizes:
        tried = zip(batch_sizes, timings, strict=False)
        cells = [oom.Tried(batch, done.status, done.message) for batch, done in tried]
        if said := oom.not_tried(batch_size, cells):
            timings.append(Timing("oom", said))
            continue
        try:
            # Preparing a network to run in another way uses it up.
            if model is None or not way.is_reference:
                model = builders.build(network, on.torch_device)
            timings.append(_time(way, model, network, batch_size, passes, on))
        except DeviceError:
            raise
        except Exception as error:
            timings.append(Timing(*isolation.classify(error)))
    return timings


def _time(
    variant: Variant,
    model: Any,
    network: Network,
    batch_size: int,
    passes: Passes,
    on: backends.Driver,
) -> Timing:
    import torch

    torch.manual_seed(batch_size)
    size = network.input_size
    windows: list[backends.Timed] = []
    samples: list[float] = []
    agreed = None
    # All of it: what is compiled for a tensor made outside is compiled again for one made inside.
    with torch.inference_mode():
        images = torch.randn(batch_size, 3, size, size, device=on.torch_device)
        scale, logits = 1.0, []
        if not variant.is_reference:
            agreement.awaken(model)
            scale = agreement.scale(variant, model, images)
            images *= scale
            logits = agreement.expected(model, images, scale)
        ready = preparation.prepare(variant, model, images, on)
        forward = ready.bind(images)
        watch = on.watch()
        untimed = on.time(forward, passes.discard)
        watch.begin()
        while count := _missing(samples, *passes.samples):
            windows.append(on.time(forward, count))
            samples += windows[-1].passes_ms
        disturbance = watch.stop()
        may_differ = agreement.BOUNDS[variant.precision]
        expected = (batch_size, network.classes)
        problem = _wrong(windows[-1].output, untimed.output, expected, may_differ)
        if not problem and not variant.is_reference:
            agreed, problem = agreement.check(variant, logits, ready, images, scale)
        energy = None
        if not problem:
            energy = on.energy(forward, batch_size, statistics.median(samples))
    return Timing(
        status="failed" if problem else "ok",
        message=problem,
        discarded_ms=tuple(untimed.passes_ms),
        samples_ms=tuple(samples),
        output_ok=problem is None,
        disturbance=disturbance.model_copy(update=_two_clocks(windows)),
        energy=energy,
        built=ready.built,
        agreement=agreed,
    )


def _missing(samples: list[float], fewest: int, most: int) -> int:
    """How many more passes to time, by the slowest so far; 0: enough."""
    if len(samples) < fewest:
        return fewest - len(samples)
    left_ms = max(0.0, _ENOUGH_MS - sum(samples))
    return min(most - len(samples), math.ceil(left_ms / max(samples)))


def _two_clocks(windows: list[backends.Timed]) -> dict[str, float]:
    """The timed passes by the device's clock and by the host's, ms, where there are two."""
    walls = [window.wall_ms for window in windows if window.wall_ms is not None]
    if len(walls) < len(windows):
        return {}
    return {"events_ms": sum(sum(window.passes_ms) for window in windows), "wall_ms": sum(walls)}


def _wrong(output: Any, untimed: Any, expected: tuple[int, int], may_differ: float) -> str | None:
    """What is wrong with a timed pass's output, beside an untimed pass on the same input.

    ``expected``: its shape. ``may_differ``: by what share of the largest logit.
    """
    if not hasattr(output, "shape") or tuple(output.shape) != expected:
        shape = tuple(getattr(output, "shape", ())) or type(output).__name__
        return f"output: {shape}: expected {expected}"
    if not bool(output.isfinite().all()):
        return "output: not finite"
    # Threads may add in another order from pass to pass; nothing else may differ.
    largest = float(untimed.abs().max())
    difference = float((output - untimed).abs().max())
    if not math.isfinite(difference) or difference > may_differ * largest:
        return f"output: differs by {difference:.3g} from an untimed pass, of at most {largest:.3g}"
    return None
