"""Whether another way of running a network gives the logits of fp32-eager on the same input.

A fast wrong answer must not be ranked. Compared are networks with initialised weights, as they are
timed, on normally distributed input: that finds a wrong kernel or a lost layer. What a precision
costs a trained network in accuracy it does not tell.
"""

import math
from typing import Any

from dnnbench.engines import Prepared
from dnnbench.records import Agreement
from dnnbench.variants import Variant

# How many images are compared; more where a batch is larger.
IMAGES = 16

# The largest difference of a logit, as a share of the largest logit. Every layer rounds to the
# precision's unit u, and errors of layers add up as their square root does: 32 u are about 1,000
# layers. Sums of fp32 have up to 25,000 terms, in an order of the engine's own, and rounding each
# is the larger part there. docs/variants.md has what 44 networks differed by.
BOUNDS = {"fp32": 1e-4, "tf32": 32 * 2**-11, "fp16": 32 * 2**-11, "bf16": 32 * 2**-8}

# The largest number that a layer may return. With 2**13 gates of SE-ResNet-101 were switches; with
# 2**6 what comes first in ResNet-152 was so small that fp16 rounded it coarsely.
_LARGE = 2.0**8


def scale(variant: Variant, model: Any, images: Any) -> float:
    """What to multiply the images by, so that no layer of ``model`` returns very large numbers.

    With initialised weights the signal grows from block to block of a residual network, which a
    trained network's does not: it leaves the range of fp16, and turns the gates of squeeze and
    excitation into switches, which the last bit of a sum may throw. A power of two rounds nothing.
    """
    if variant.is_reference:
        return 1.0
    largest = _LARGE

    def note(_module: Any, _inputs: Any, output: Any) -> None:
        nonlocal largest
        value = float(output.abs().max()) if hasattr(output, "abs") else math.nan
        if math.isfinite(value):
            largest = max(largest, value)

    handles = [module.register_forward_hook(note) for module in model.modules()]
    model(images)
    for handle in handles:
        handle.remove()
    return float(2.0 ** -math.ceil(math.log2(largest / _LARGE)))


def check(
    variant: Variant, model: Any, prepared: Prepared, images: Any, scale: float = 1.0
) -> tuple[Agreement | None, str | None]:
    """How far ``prepared`` agrees with ``model``, fp32-eager, and what is wrong, if it does not.

    The sample is ``images``, which are timed, and as many batches like it as make 16 images; noise
    of mean 0 and standard deviation ``scale``.
    """
    import torch

    batches = math.ceil(IMAGES / len(images))
    difference = largest = same = 0.0
    for number in range(batches):
        batch = scale * _noise(images, number) if number else images
        expected, got = model(batch), prepared.bind(batch)().float()
        if not bool(torch.isfinite(got).all()):
            return None, "output: not finite"
        difference = max(difference, float((got - expected).abs().max()))
        largest = max(largest, float(expected.abs().max()))
        same += float((got.argmax(1) == expected.argmax(1)).sum())
    found = Agreement(
        images=batches * len(images),
        largest_difference=difference / largest,
        top1=100 * same / (batches * len(images)),
    )
    bound = BOUNDS[variant.precision]
    if found.largest_difference > bound:
        return found, (
            f"output: a logit differs from fp32-eager's by {found.largest_difference:.2g} of the"
            f" largest, more than the {bound:.2g} that {variant.precision} may"
        )
    return found, None


def _noise(like: Any, number: int) -> Any:
    """Normally distributed images, the same for a ``number`` on every machine."""
    import torch

    generator = torch.Generator().manual_seed(number)
    return torch.randn(*like.shape, generator=generator).to(like.device)
