"""Latency: forward passes of one network, timed in a separate process.

A timed forward pass runs in eval mode and inference mode, with its input already on the device. It
excludes decoding, preprocessing and the copy to the device.
"""

from __future__ import annotations

import math
import resource
import statistics
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from dnnbench.config import variants
from dnnbench.core import isolation
from dnnbench.core.errors import DeviceError
from dnnbench.devices import backends, priority
from dnnbench.engines import agreement, preparation
from dnnbench.measure import oom
from dnnbench.networks import builders, outputs

if TYPE_CHECKING:
    from pathlib import Path

    from dnnbench.config.latency_settings import Passes
    from dnnbench.config.variants import Variant
    from dnnbench.core.isolation import Status
    from dnnbench.networks.registry import Network
    from dnnbench.records.disturbance_records import Disturbance
    from dnnbench.records.engine_records import Agreement, Built

# Short passes need more warm-up: the second pass of a process takes 3 to 24% longer than later
# ones if passes take under 50 ms. Warm-up ends when it has taken this time.
_WARM_UP_MS = 100.0
_MORE_WARM_UP = 3
# A process times more than the minimum of passes only until they add up to this. The spread between
# processes is about twice the spread within one, and a process costs 0.25 s in addition to its
# passes, so time is better spent on other processes.
_TIMED_MS = 40.0


@dataclass(frozen=True)
class Timing:
    """The result of one batch size: durations of whole passes, in ms, or a failure."""

    status: Status
    message: str | None = None
    discarded_ms: tuple[float, ...] = ()
    samples_ms: tuple[float, ...] = ()
    output_ok: bool | None = None
    disturbance: Disturbance | None = None
    energy: backends.Energy | None = None
    built: Built | None = None
    agreement: Agreement | None = None
    changes_input: bool | None = None
    page_faults: float | None = None
    system_ms: float | None = None
    scheduling: str = priority.NORMAL


def numbers_of_passes(passes: Passes) -> tuple[tuple[int, int, float], tuple[int, int, float]]:
    """Return the fewest and most passes, and the ms that are enough: of warm-up, and timed."""
    most = passes.discard * (_MORE_WARM_UP if passes.one_process == "cell" else 1)
    return (passes.discard, most, _WARM_UP_MS), (*passes.samples, _TIMED_MS)


def measure(
    network: Network,
    batch_sizes: list[int],
    passes: Passes,
    setup: backends.Setup,
    threads: int,
    variant: str = variants.REFERENCE,
    graphs: Mapping[int, Path] = MappingProxyType({}),
    compared: int = agreement.IMAGES,
) -> list[Timing]:
    """Time ``network`` at each batch size, one after another, in this process.

    A failing batch size is recorded as a status, and the others continue. Batch sizes above one
    that ran out of memory are not tried. ``graphs`` has the files of the network's graphs by batch
    size; a missing one is built here. A variant's output is compared with that of fp32-eager on the
    timed images, and on others up to ``compared`` in total. Raises DeviceError if the device cannot
    be used.
    """
    scheduling = priority.raise_priority()  # Before threads start, which inherit it.
    on = backends.backend(setup)
    on.start(threads)
    parsed = variants.parse(variant)
    model = None
    timings: list[Timing] = []
    for batch_size in batch_sizes:
        tried = zip(batch_sizes, timings, strict=False)
        cells = [oom.Tried(batch, done.status, done.message) for batch, done in tried]
        if reason := oom.not_tried(batch_size, cells):
            timings.append(Timing("oom", reason))
            continue
        try:
            # Preparing a network for another variant makes it unusable for the next batch size.
            if model is None or not parsed.is_reference:
                model = builders.build(network, on.torch_device)
            graph = graphs.get(batch_size)
            timings.append(_time(parsed, model, network, batch_size, passes, on, graph, compared))
        except DeviceError:
            raise
        except Exception as error:
            timings.append(Timing(*isolation.classify(error)))
    return [replace(timing, scheduling=scheduling) for timing in timings]


def _time(
    variant: Variant,
    model: Any,
    network: Network,
    batch_size: int,
    passes: Passes,
    on: backends.Driver,
    graph: Path | None,
    compared: int,
) -> Timing:
    import torch

    torch.manual_seed(batch_size)
    size = network.input_size
    agreed = None
    # Includes creating the images: a network compiled for a tensor from outside inference mode is
    # compiled again for one from inside.
    with torch.inference_mode():
        images = torch.randn(batch_size, 3, size, size, device=on.torch_device)
        scale, logits = 1.0, []
        if not variant.is_reference:
            agreement.awaken(model)
            scale = agreement.scale(variant, model, images)
            images *= scale
            logits = agreement.expected(model, images, scale, compared)
        ready = preparation.prepare(variant, model, images.clone(), on, graph)
        done = _timed(ready, images, passes, on)
        may_differ = agreement.BOUNDS[variant.precision]
        expected = (batch_size, network.classes)
        problem = _wrong(done.windows[-1].output, done.untimed.output, expected, may_differ)
        if problem and variant.is_reference and (state := _changed_state(model, done.given)):
            problem += f"; a pass modifies the network's own {state}"
        if not problem and not variant.is_reference:
            agreed, problem = agreement.check(variant, logits, ready, images, scale)
        energy = None
        if not problem:
            energy = on.energy(done.given.forward, batch_size, statistics.median(done.samples))
    return Timing(
        status="failed" if problem else "ok",
        message=problem,
        discarded_ms=tuple(done.untimed.passes_ms),
        samples_ms=tuple(done.samples),
        output_ok=problem is None,
        disturbance=done.disturbance.model_copy(update=_two_clocks(done.windows)),
        energy=energy,
        built=ready.built,
        agreement=agreed,
        changes_input=done.given.a_copy_each,
        page_faults=done.kernel.page_faults,
        system_ms=done.kernel.system_ms,
    )


class _Input:
    """The input of a network's passes: the same images, or a copy for each pass."""

    def __init__(
        self, ready: preparation.Prepared, images: Any, *, a_copy_each: bool = False
    ) -> None:
        self._ready = ready
        self._images = images
        self.a_copy_each = a_copy_each
        self._given = ready.place(images)
        self.forward = self._own = ready.bind(self._given)
        if a_copy_each:
            self.forward = self._copy_and_pass

    def time(self, count: int, on: backends.Driver) -> backends.Timed:
        """Time ``count`` passes; the copies are not included."""
        return (
            on.time(self._own_pass, count, self._copy)
            if self.a_copy_each
            else on.time(self.forward, count)
        )

    def changed(self) -> bool:
        """Return whether passes modified their shared images."""
        import torch

        if self.a_copy_each:
            return False
        now, before = self._given, self._ready.place(self._images)
        return now.dtype != before.dtype or not torch.equal(now, before)

    def _copy(self) -> None:
        self._own = self._ready.bind(self._ready.place(self._images))

    def _own_pass(self) -> Any:
        return self._own()

    def _copy_and_pass(self) -> Any:
        self._copy()
        return self._own()


@dataclass(frozen=True)
class _KernelWork:
    """Work of the kernel for this process, per timed pass."""

    page_faults: float
    system_ms: float


@dataclass(frozen=True)
class _Passes:
    """Untimed passes, timed passes, the kernel's work for these, and the disturbance."""

    given: _Input
    untimed: backends.Timed
    windows: list[backends.Timed]
    samples: list[float]
    kernel: _KernelWork
    disturbance: Disturbance


def _timed(
    ready: preparation.Prepared, images: Any, passes: Passes, on: backends.Driver
) -> _Passes:
    """Run all passes on the same images, or on copies if the input is modified."""
    shared = _Input(ready, images)
    try:
        done = _passes(shared, passes, on)
    except Exception:  # The network may fail on the input that it modified.
        if not shared.changed():
            raise
    else:
        if not shared.changed():
            return done
    return _passes(_Input(ready, images, a_copy_each=True), passes, on)


def _passes(given: _Input, passes: Passes, on: backends.Driver) -> _Passes:
    """Run untimed passes, then timed ones unless the input was modified."""
    watch = on.watch()
    warm_up, timed = numbers_of_passes(passes)
    untimed = _warm_up(given, warm_up, on)
    changed = given.changed()
    windows: list[backends.Timed] = []
    samples: list[float] = []
    watch.begin()
    before = resource.getrusage(resource.RUSAGE_SELF)
    try:
        while not changed and (count := _missing(samples, *timed)):
            windows.append(given.time(count, on))
            samples += windows[-1].passes_ms
        kernel = _kernel_work(before, len(samples))
    finally:
        disturbance = watch.stop()
    return _Passes(given, untimed, windows, samples, kernel, disturbance)


def _warm_up(given: _Input, numbers: tuple[int, int, float], on: backends.Driver) -> backends.Timed:
    """Run the untimed passes."""
    done = given.time(numbers[0], on)
    while count := _missing(done.passes_ms, *numbers):
        more = given.time(count, on)
        done = backends.Timed(done.passes_ms + more.passes_ms, more.output)
    return done


def _kernel_work(before: resource.struct_rusage, passes: int) -> _KernelWork:
    """Return the kernel's work since ``before``, per pass; it includes copies of the input."""
    now = resource.getrusage(resource.RUSAGE_SELF)
    passes = max(1, passes)
    return _KernelWork(
        (now.ru_minflt - before.ru_minflt) / passes,
        1000 * (now.ru_stime - before.ru_stime) / passes,
    )


def _changed_state(model: Any, given: _Input) -> str:
    """Return the names of the first three parameters or buffers that a pass modifies."""
    import torch

    state = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    before = {name: tensor.clone() for name, tensor in state.items()}
    given.forward()
    changed = [name for name, tensor in before.items() if not torch.equal(tensor, state[name])]
    return ", ".join(changed[:3])


def _missing(samples: list[float], fewest: int, most: int, enough_ms: float) -> int:
    """Return how many passes are missing until ``enough_ms``, estimated from the slowest so far."""
    if len(samples) < fewest:
        return fewest - len(samples)
    left_ms = max(0.0, enough_ms - sum(samples))
    return min(most - len(samples), math.ceil(left_ms / max(samples)))


def _two_clocks(windows: list[backends.Timed]) -> dict[str, float]:
    """Return the passes' total by device and host clock, in ms, if there are two."""
    walls = [window.wall_ms for window in windows if window.wall_ms is not None]
    if len(walls) < len(windows):
        return {}
    return {"events_ms": sum(sum(window.passes_ms) for window in windows), "wall_ms": sum(walls)}


def _wrong(output: Any, untimed: Any, expected: tuple[int, int], may_differ: float) -> str | None:
    """Return the problem with a timed output, compared with an untimed one, or None.

    Both passes have the same input. ``expected`` is the shape of the logits, and ``may_differ``
    their maximum difference as a share of the largest logit.
    """
    try:
        output, untimed = outputs.logits(output), outputs.logits(untimed)
    except ValueError as error:
        return str(error)
    if tuple(output.shape) != expected:
        return f"output: shape {tuple(output.shape)}, expected {expected}"
    if not bool(output.isfinite().all()):
        return "output: contains NaN or infinity"
    # Only the order in which threads add may differ between passes.
    largest = float(untimed.abs().max())
    difference = float((output - untimed).abs().max())
    if not math.isfinite(difference) or difference > may_differ * largest:
        return (
            f"output: differs by {difference:.3g} from an untimed pass, whose largest logit is"
            f" {largest:.3g}"
        )
    return None
