"""Conversion of torch modules and images to a variant's type and memory format."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dnnbench.engines.preparation import Prepared

if TYPE_CHECKING:
    from dnnbench.config.variants import Variant
    from dnnbench.devices.backends import Driver

_TYPES = {"fp16": "float16", "bf16": "bfloat16"}


def cast(variant: Variant, what: Any) -> Any:
    """Convert images, or a network, to the type and memory format of a variant."""
    return what.to(**_casting(variant))


@contextmanager
def tf32(allowed: bool) -> Iterator[None]:
    """Set, within the context, whether a GPU may round fp32 operands to TF32."""
    import torch

    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    before = cudnn.allow_tf32, matmul.allow_tf32
    cudnn.allow_tf32 = matmul.allow_tf32 = allowed
    try:
        yield
    finally:
        cudnn.allow_tf32, matmul.allow_tf32 = before


def in_torch(variant: Variant, model: Any, run: Callable[[Any], Any], on: Driver) -> Prepared:
    """Cast the weights of ``model``, and return ``run``, which casts inputs too."""
    if casting := _casting(variant):
        model.to(**casting)
    in_precision = _in_precision(variant, run, on)

    def bind(images: Any) -> Callable[[], Any]:
        images = cast(variant, images)
        return lambda: in_precision(images)

    def place(images: Any) -> Any:
        return images.to(**_casting(variant), copy=True)

    return Prepared(bind, place)


def _casting(variant: Variant) -> dict[str, Any]:
    """Return the arguments of ``to`` for weights and images; none if unneeded."""
    import torch

    arguments = {}
    if variant.precision in _TYPES and not variant.autocast:
        arguments["dtype"] = getattr(torch, _TYPES[variant.precision])
    if variant.channels_last:
        arguments["memory_format"] = torch.channels_last
    return arguments


def _in_precision(variant: Variant, run: Callable[[Any], Any], on: Driver) -> Callable[[Any], Any]:
    """Wrap ``run`` in autocast or TF32 if the variant uses it."""
    import torch

    if variant.autocast:
        kind = torch.device(on.torch_device).type
        dtype = getattr(torch, _TYPES[variant.precision])

        def autocast(images: Any) -> Any:
            with torch.autocast(kind, dtype=dtype):
                return run(images)

        return autocast
    if variant.precision == "tf32":

        def rounded(images: Any) -> Any:
            with tf32(True):
                return run(images)

        return rounded
    return run
