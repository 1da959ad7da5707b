"""Forward passes of a trained network in a variant, in place of those of torch's own module."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch

from dnnbench.engines import preparation
from dnnbench.networks import outputs

if TYPE_CHECKING:
    from dnnbench.config.variants import Variant
    from dnnbench.devices.backends import Driver


def forward(
    variant: Variant, model: Any, batch_size: int, size: int, on: Driver, pictures: Any = None
) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return a function from images [N, 3, size, size] to their logits [N, classes], in fp32.

    ``N`` is at most ``batch_size``. An engine that supports only this batch size gets a smaller
    batch filled up with copies of its last image. ``pictures`` [N, 3, size, size] calibrate a
    quantized variant. The model cannot be used afterwards.
    """
    with torch.inference_mode():
        example = torch.zeros(batch_size, 3, size, size, device=on.torch_device)
        ready = preparation.prepare(variant, model, example, on, pictures=pictures)

    def run(images: torch.Tensor) -> torch.Tensor:
        count = len(images)
        if ready.fixed_batch and count < batch_size:
            copies = images[-1:].expand(batch_size - count, -1, -1, -1)
            images = torch.cat([images, copies])
        return outputs.logits(ready.bind(images)())[:count].float()

    return run
