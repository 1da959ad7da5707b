"""Whether another way of running a network gives the logits of fp32-eager on the same input.

A fast wrong answer must not be ranked. Compared are networks with initialised weights, as they are
timed, on normally distributed input: that finds a wrong kernel or a lost layer. What a precision
costs a trained network in accuracy it does not tell.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from dnnbench.networks import outputs
from dnnbench.records.engine_records import Agreement

if TYPE_CHECKING:
    from dnnbench.config.variants import Variant
    from dnnbench.engines.preparation import Prepared

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

# What initialisation leaves below this is woken, to these: scales (mean), matrices (deviation).
_ASLEEP = 1e-4
_SCALE = 0.2
_MATRIX = 0.02


def awaken(model: Any) -> None:
    """Give a visible value to every scale and matrix that initialisation makes (nearly) zero.

    Residual branches that end in a zero (timm's ResNets, RegNets), scales of layers of 1e-6
    (ConvNeXt, DeiT-III) and heads of zeros (torchvision's ViTs) would hide whatever goes wrong in
    front of them. A trained network's are of this order; time and memory depend on none of them.
    """
    import torch

    generator = torch.Generator().manual_seed(0)
    for name, values in model.named_parameters():
        if "bias" in name.rpartition(".")[2] or float(values.abs().max()) > _ASLEEP:
            continue
        if max(values.shape) == values.numel():
            # No two alike: normalisation of a token whose values are would blow up their rounding.
            values.copy_(_SCALE * (0.5 + torch.rand(values.shape, generator=generator)))
        else:
            values.copy_(_MATRIX * torch.randn(values.shape, generator=generator))


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
    try:
        for image in images.split(1):
            model(image.clone())
    finally:
        for handle in handles:
            handle.remove()
    return float(2.0 ** -math.ceil(math.log2(largest / _LARGE)))


def expected(model: Any, images: Any, scale: float) -> list[Any]:
    """Logits of ``model``, fp32-eager, of each batch of the sample.

    The sample is ``images``, which are timed, and as many batches like it as make 16 images; noise
    of mean 0 and standard deviation ``scale``. One image at a time, as in :func:`scale`: a way
    that needs less memory must not fail for want of what this one takes. A copy of each: a network
    may change its input.
    """
    import torch

    return [
        torch.cat([outputs.logits(model(image.clone())) for image in batch.split(1)])
        for batch in _sample(images, scale)
    ]


def check(
    variant: Variant, logits: Sequence[Any], prepared: Prepared, images: Any, scale: float
) -> tuple[Agreement | None, str | None]:
    """How far ``prepared`` agrees with ``logits``, fp32-eager's, and what is wrong if it does not.

    ``logits``, ``images`` and ``scale`` as of :func:`expected`.
    """
    import torch

    difference = largest = same = 0.0
    for batch, wanted in zip(_sample(images, scale), logits, strict=True):
        got = outputs.logits(prepared.bind(prepared.place(batch))()).float()
        if not bool(torch.isfinite(wanted).all()):
            return None, "output of fp32-eager: not finite"
        if not bool(torch.isfinite(got).all()):
            return None, "output: not finite"
        difference = max(difference, float((got - wanted).abs().max()))
        largest = max(largest, float(wanted.abs().max()))
        same += float((got.argmax(1) == wanted.argmax(1)).sum())
    if not largest:
        return None, "output of fp32-eager: every logit is zero, and nothing to compare"
    count = len(logits) * len(images)
    found = Agreement(
        images=count, largest_difference=difference / largest, top1=100 * same / count
    )
    bound = BOUNDS[variant.precision]
    if found.largest_difference > bound:
        return found, (
            f"output: a logit differs from fp32-eager's by {found.largest_difference:.2g} of the"
            f" largest, more than the {bound:.2g} that {variant.precision} may"
        )
    return found, None


def _sample(images: Any, scale: float) -> Iterator[Any]:
    """Batches to compare: the first is ``images``, the others the same on every machine."""
    import torch

    yield images
    for number in range(1, math.ceil(IMAGES / len(images))):
        generator = torch.Generator().manual_seed(number)
        yield (scale * torch.randn(*images.shape, generator=generator)).to(images.device)
