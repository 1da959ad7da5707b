"""Preparation of a network to run in a variant, with any engine.

Preparation covers everything that an engine builds first, such as kernels or a session. It is timed
separately, and completes before any timed pass.
"""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dnnbench.config.engine import engines
from dnnbench.core import processors

if TYPE_CHECKING:
    from dnnbench.config.variants import Variant
    from dnnbench.devices.backends import Driver
    from dnnbench.records.engine_records import Built


@dataclass(frozen=True)
class Prepared:
    """A network that is ready to run.

    ``bind`` takes images ([N, 3, H, W], fp32, on the device), converts them once and returns a
    function that runs a pass and returns the network's output. ``place`` copies images into the
    form that a pass reads; ``bind`` then takes the copy without converting it. With
    ``fixed_batch``, only the batch size of the preparation is supported. ``built`` is None if the
    engine builds nothing. ``rounded`` returns images that calibrated the network, and
    their logits with the variant's rounding, such as quantized weights, computed in fp32; None if
    the engine rounds nothing in advance.
    """

    bind: Callable[[Any], Callable[[], Any]]
    place: Callable[[Any], Any] = lambda images: images.clone()
    fixed_batch: bool = False
    built: Built | None = None
    rounded: Callable[[], tuple[Any, Any]] | None = None


def preload(variant: Variant) -> None:
    """Import the modules that preparation needs. Starts no threads."""
    for name in engines()[variant.engine].preload:
        importlib.import_module(name)


def prepare(
    variant: Variant,
    model: Any,
    images: Any,
    on: Driver,
    graph: Path | None = None,
    pictures: Any = None,
) -> Prepared:
    """Prepare ``model`` for batches shaped like ``images``, with torch's threads.

    ``graph`` is the file of its graph, for a variant that runs one; ``model`` may then be on the
    meta device. None: build the graph here, with ``pictures`` [N, 3, H, W] to calibrate it if it
    needs them.

    Call this and the returned passes in inference mode: a network compiled outside of it is
    compiled again inside. The model cannot be used afterwards: its weights are cast or released.
    Errors of the engine propagate.
    """
    processors.restore()  # An import may have bound this thread to certain processors.
    ready: Prepared
    if variant.graph is None:
        ready = engines()[variant.engine].prepare(variant, model, images, on)
        return ready
    with tempfile.TemporaryDirectory() as folder:
        if graph is None:
            built = variant.graph.build(model, images, Path(folder, "graph"), pictures)
            graph = built.files[0]
        model.to("meta")
        ready = engines()[variant.engine].prepare(variant, graph, images, on)
    return ready
