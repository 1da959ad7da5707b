"""Engine ``compile``: torch.compile with inductor, separately for each batch size."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dnnbench.config.engine import Engine
from dnnbench.engines import casting
from dnnbench.records.engine_records import Built

if TYPE_CHECKING:
    from dnnbench.config.variants import Variant
    from dnnbench.devices.backends import Driver
    from dnnbench.engines.preparation import Prepared


def prepare(variant: Variant, model: Any, images: Any, on: Driver) -> Prepared:
    """Compile the network for this batch size, with the two passes it may take."""
    import torch
    from torch._dynamo.utils import counters
    from torch._inductor import config

    # No worker processes: they would survive if this process were killed.
    config.compile_threads = 1
    # Otherwise a network compiled earlier in this process counts as another size of this one.
    torch._dynamo.reset()
    counters.clear()
    ready = casting.in_torch(variant, model, torch.compile(model, dynamic=False), on)
    started = time.perf_counter()
    on.time(ready.bind(images), 2)
    inductor = counters["inductor"]
    return replace(
        ready,
        fixed_batch=True,
        built=Built(
            ms=1000 * (time.perf_counter() - started),
            cached=not inductor["fxgraph_cache_miss"] and not inductor["fxgraph_cache_bypass"],
            settings={
                "version": torch.__version__,
                "graphs": counters["stats"]["unique_graphs"],
            },
        ),
    )


ENGINE = Engine(
    name="compile",
    prepare=prepare,
    preload=("torch._dynamo", "torch._inductor.compile_fx"),
    # The engine calls a C++ compiler or Triton for every kernel.
    building_s=600.0,
)
