"""A network made ready to run in the way that a variant names, whatever the engine.

What an engine builds first (kernels, a graph, a session) is its preparation. It is timed apart, and
is over before any pass is.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
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

    ``bind`` takes images (N x 3 x H x W, fp32, on the device), prepares them once and returns the
    pass, which returns what the network does. ``place`` makes new images of them, in the form that
    the pass reads them in: those are bound as they are. ``fixed_batch``: only as many images as it
    was prepared for. ``built`` is None where the engine builds nothing.
    """

    bind: Callable[[Any], Callable[[], Any]]
    place: Callable[[Any], Any] = lambda images: images.clone()
    fixed_batch: bool = False
    built: Built | None = None


def preload(variant: Variant) -> None:
    """Import what preparing takes. Starts no threads."""
    for name in engines()[variant.engine].preload:
        importlib.import_module(name)


def prepare(variant: Variant, model: Any, images: Any, on: Driver) -> Prepared:
    """Make ``model`` ready for batches such as ``images``, with torch's number of threads.

    To be called in inference mode, as what it returns: what is compiled outside of it is compiled
    again inside. The model is used up: its weights are cast, or are gone. Raises whatever the
    engine does.
    """
    processors.restore()  # What was imported meanwhile may have bound this thread.
    ready: Prepared = engines()[variant.engine].prepare(variant, model, images, on)
    return ready
