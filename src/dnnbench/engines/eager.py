"""Engine ``eager``: torch, operation by operation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dnnbench.config.engine import Engine
from dnnbench.engines import casting

if TYPE_CHECKING:
    from dnnbench.config.variants import Variant
    from dnnbench.devices.backends import Driver
    from dnnbench.engines.preparation import Prepared


def prepare(variant: Variant, model: Any, images: Any, on: Driver) -> Prepared:
    """Cast the network to the variant's precision and layout."""
    return casting.in_torch(variant, model, model, on)


ENGINE = Engine(name="eager", prepare=prepare)
