"""Check that a variant produces the same logits as fp32-eager on the same input.

A fast but wrong variant must not be ranked. The check uses networks with initialized weights, as
they are timed, and normally distributed input. It finds wrong kernels and lost layers. It does not
measure how much accuracy a trained network loses at a lower precision.
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

# Number of images to compare, or the batch size if that is larger.
IMAGES = 16

# Maximum difference of a logit, as a share of the largest logit. Every layer rounds to the
# precision's unit roundoff u, and rounding errors grow with the square root of the number of
# layers: 32 u allows for about 1,000 layers. In fp32, rounding within sums of up to 25,000 terms,
# which engines order differently, dominates. docs/explanation/variants.md lists the differences of
# 44 networks.
#
# An int8 graph is compared with itself, computed in fp32, on images that calibrated it. Their
# values span the ranges of its layers, while those of noise may take only a few of the 256 steps.
# An int8 kernel sums exactly, and may round a value that lies between two steps to the other one,
# so u is 2^-8 of the largest value of a layer.
BOUNDS = {
    "fp32": 1e-4,
    "tf32": 32 * 2**-11,
    "fp16": 32 * 2**-11,
    "bf16": 32 * 2**-8,
    "int8": 32 * 2**-8,
}

# Maximum output of a layer. At 2**13 the gates of SE-ResNet-101 saturated; at 2**6 the signal in
# the first layers of ResNet-152 was so small that fp16 rounded it coarsely.
_LARGE = 2.0**8

# Parameters initialized below this threshold are set to random values instead, with this mean for
# scales and this standard deviation for matrices.
_ASLEEP = 1e-4
_SCALE = 0.2
_MATRIX = 0.02


def awaken(model: Any) -> None:
    """Randomize, in place, every scale and matrix initialized to (nearly) zero.

    Residual branches that end in a zero scale (timm's ResNets, RegNets), layer scales of 1e-6
    (ConvNeXt, DeiT-III) and all-zero heads (torchvision's ViTs) would hide errors in the layers
    before them. The new values resemble those of a trained network; latency and memory do not
    depend on them.
    """
    import torch

    generator = torch.Generator().manual_seed(0)
    for name, values in model.named_parameters():
        if "bias" in name.rpartition(".")[2] or float(values.abs().max()) > _ASLEEP:
            continue
        if max(values.shape) == values.numel():
            # All different: normalizing a token of equal values would amplify rounding errors.
            values.copy_(_SCALE * (0.5 + torch.rand(values.shape, generator=generator)))
        else:
            values.copy_(_MATRIX * torch.randn(values.shape, generator=generator))


def scale(variant: Variant, model: Any, images: Any) -> float:
    """Return the factor for images that keeps the outputs of all layers moderate.

    With initialized weights, unlike trained ones, the signal of a residual network grows from block
    to block. It would exceed the range of fp16 and saturate squeeze-and-excitation gates, which the
    last bit of a sum could then flip. The factor is a power of two, which causes no rounding.
    """
    return 1.0 if variant.is_reference else moderate(model, images)


def moderate(model: Any, images: Any) -> float:
    """Return the factor of :func:`scale` for a variant other than fp32-eager."""
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


def expected(model: Any, images: Any, scale: float, count: int = IMAGES) -> list[Any]:
    """Return the fp32-eager logits of ``model`` for each batch of the sample.

    The sample consists of ``images`` [N, 3, H, W], which are also timed, and further batches of the
    same shape up to ``count`` images in total. They contain noise with mean 0 and standard
    deviation ``scale``. Images run one at a time, as in :func:`scale`, so that a variant that needs
    less memory does not fail because of the memory of fp32-eager. Each is copied because a network
    may modify its input.
    """
    import torch

    return [
        torch.cat([outputs.logits(model(image.clone())) for image in batch.split(1)])
        for batch in _sample(images, scale, count)
    ]


def check(
    variant: Variant, logits: Sequence[Any], prepared: Prepared, images: Any, scale: float
) -> tuple[Agreement | None, str | None]:
    """Compare the logits of ``prepared`` with those of fp32-eager.

    Returns their agreement, and the problem if they differ too much. ``logits`` is the result of
    :func:`expected`, and ``images`` and ``scale`` are its arguments. If the engine rounds weights
    in advance, the same network computed in fp32 decides whether they differ too much.
    """
    import torch

    count = len(logits) * len(images)
    difference = largest = same = 0.0
    for batch, wanted in zip(_sample(images, scale, count), logits, strict=True):
        got = outputs.logits(prepared.bind(prepared.place(batch))()).float()
        if not bool(torch.isfinite(wanted).all()):
            return None, "output of fp32-eager: contains NaN or infinity"
        if not bool(torch.isfinite(got).all()):
            return None, "output: contains NaN or infinity"
        difference = max(difference, float((got - wanted).abs().max()))
        largest = max(largest, float(wanted.abs().max()))
        same += float((got.argmax(1) == wanted.argmax(1)).sum())
    if not largest:
        return None, "output of fp32-eager: all logits are zero, so no comparison is possible"
    kernels = None
    if prepared.rounded:
        pictures, rounded = prepared.rounded()
        got = outputs.logits(prepared.bind(pictures)())
        kernels = float((got - rounded).abs().max() / rounded.abs().max())
    found = Agreement(
        images=count,
        largest_difference=difference / largest,
        kernel_difference=kernels,
        top1=100 * same / count,
    )
    bound = BOUNDS[variant.precision]
    judged = found.largest_difference if kernels is None else kernels
    if judged > bound:
        other = "fp32-eager's" if kernels is None else "that of the same graph computed in fp32"
        return found, (
            f"output: a logit differs from {other} by {judged:.2g} of the largest logit;"
            f" the limit for {variant.precision} is {bound:.2g}"
        )
    return found, None


def _sample(images: Any, scale: float, count: int) -> Iterator[Any]:
    """Yield the batches to compare: ``images``, then some equal on every machine."""
    import torch

    yield images
    for number in range(1, math.ceil(count / len(images))):
        generator = torch.Generator().manual_seed(number)
        yield (scale * torch.randn(*images.shape, generator=generator)).to(images.device)
