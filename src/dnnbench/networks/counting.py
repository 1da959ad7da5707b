"""Counters of what one forward pass executes, for any network and any device.

They read shapes, not values, so the meta device will do.
"""

import contextlib
import io
import warnings
import weakref
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

# Attention in one operator, which torch counts on GPUs alone.
_ATTENTION = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu


class Counts(NamedTuple):
    """One forward pass.

    ``macs`` is half the floating-point operations of ``torch.utils.flop_counter``: convolutions
    and matrix products, those of attention among them, without biases; ``conv_macs`` is the part of
    the convolutions, ``grouped_macs`` that of grouped and depthwise ones. ``linear_bytes`` are what
    matrix products read and write, ``traffic_bytes`` what all other operators do, and ``operators``
    how many there are; those that only return another view of a tensor are left out of all three.
    Attention (``scaled_dot_product_attention``) is one matrix product of theirs, as the CPU and the
    GPU run it, though the meta device takes it apart.
    ``params_executed`` counts the parameters of modules that ran, so that auxiliary heads drop out.
    ``activations_bytes`` is what :func:`peak_activations` returns, and ``output_shape`` the shape
    of what the model returns, empty where that is not a tensor.
    """

    macs: int
    conv_macs: int
    grouped_macs: int
    linear_bytes: int
    traffic_bytes: int
    operators: int
    params_executed: int
    activations_bytes: int
    output_shape: tuple[int, ...]


def count(model: nn.Module, images: torch.Tensor) -> Counts:
    """Count one forward pass of ``model`` on ``images``, N x channels x height x width."""
    ran: dict[int, torch.Tensor] = {}
    output_shape: tuple[int, ...] = ()

    def note(module: nn.Module, _inputs: Any, output: Any) -> None:
        nonlocal output_shape
        ran.update((id(parameter), parameter) for parameter in module.parameters(recurse=False))
        if module is model and isinstance(output, torch.Tensor):
            output_shape = tuple(output.shape)

    handles = [module.register_forward_hook(note) for module in model.modules()]
    counter = FlopCounterMode(display=False, custom_mapping={_ATTENTION: _attention_flops})
    work = _Work()
    try:
        with counter, work, _WholeAttention(work):
            activations_bytes = peak_activations(model, images)
    finally:
        for handle in handles:
            handle.remove()
    by_operation = counter.get_flop_counts().get("Global", {})
    convolutions = sum(n for name, n in by_operation.items() if "convolution" in str(name))
    return Counts(
        macs=counter.get_total_flops() // 2,
        conv_macs=convolutions // 2,
        grouped_macs=work.grouped_macs,
        linear_bytes=work.linear_bytes,
        traffic_bytes=work.traffic_bytes,
        operators=work.operators,
        params_executed=size(ran.values()),
        activations_bytes=activations_bytes,
        output_shape=output_shape,
    )


def peak_activations(model: nn.Module, images: torch.Tensor) -> int:
    """Analytical floor of activation memory in bytes.

    The largest sum of live tensor storages after any operation of one eager forward pass: the
    input, and whatever operations return, each storage once. Not in it: parameters and buffers,
    workspaces inside an operation (``scaled_dot_product_attention`` is one), rounding by the
    allocator. The indices that a max pooling returns are in it, since eager execution makes them
    whether or not anybody reads them.
    """
    live = _LiveStorages([*model.parameters(), *model.buffers()])
    with torch.no_grad(), live, _WholeAttention(live):
        live.add(images)
        model(images)
    return live.peak


def thop_macs(model: nn.Module, images: torch.Tensor) -> int:
    """The count of the thop package, a cross-check with definitions of its own.

    ``model`` is of no further use: thop leaves hooks and buffers in it.
    """
    # thop talks on standard output whatever it is asked, and imports the deprecated distutils.
    with (
        torch.no_grad(),
        contextlib.redirect_stdout(io.StringIO()),
        warnings.catch_warnings(action="ignore"),
    ):
        import thop

        macs: float = thop.profile(model, inputs=(images,), verbose=False)[0]
    return round(macs)


def size(tensors: Iterable[torch.Tensor]) -> int:
    """Elements of all tensors."""
    return sum(tensor.numel() for tensor in tensors)


def size_bytes(tensors: Iterable[torch.Tensor]) -> int:
    """Bytes of all tensors."""
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def _attention_flops(query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
    """Of the two matrix products in attention, from the shapes of its three inputs."""
    flops: int = sdpa_flop_count(query, key, value)  # type: ignore[no-untyped-call]
    return flops


def _tensors(tree: Any) -> list[torch.Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, torch.Tensor)]


class _WholeAttention(TorchFunctionMode):
    """Show attention to ``watcher`` as one operation, whatever the device makes of it."""

    def __init__(self, watcher: "_Work | _LiveStorages") -> None:
        super().__init__()
        self._watcher = watcher

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func is not nn.functional.scaled_dot_product_attention or self._watcher.paused:
            return func(*args, **kwargs)
        self._watcher.paused = True
        try:
            result = func(*args, **kwargs)
        finally:
            self._watcher.paused = False
        self._watcher.attended((args, kwargs), result)
        return result


class _Work(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """What operators have to do beside multiplying: bytes they read and write, and their number."""

    _MATRIX_PRODUCTS = ("aten::addmm", "aten::mm", "aten::bmm", "aten::baddbmm")

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.grouped_macs = self.linear_bytes = self.traffic_bytes = self.operators = 0
        self.paused = False

    def attended(self, inputs: Any, result: torch.Tensor) -> None:
        """Count an attention."""
        self.operators += 1
        self.linear_bytes += size_bytes(_tensors((inputs, result)))

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if func.is_view or self.paused:
            return result
        moved = size_bytes(_tensors((args, kwargs, result)))
        self.operators += 1
        if func.name().partition(".")[0] in self._MATRIX_PRODUCTS:
            self.linear_bytes += moved
        else:
            self.traffic_bytes += moved
        if func is torch.ops.aten.convolution.default and args[8] > 1:
            weight = args[1]  # Output channels x input channels of a group x kernel.
            self.grouped_macs += result.numel() * weight[0].numel()
        return result


class _LiveStorages(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Sum of the sizes of the tensor storages alive, in bytes, and its maximum."""

    def __init__(self, ignore: Iterable[torch.Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.peak = 0
        self.paused = False
        self._now = 0
        self._known = {tensor.untyped_storage()._cdata for tensor in ignore}

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if not self.paused:
            for tensor in _tensors(result):
                self.add(tensor)
        return result

    def attended(self, _inputs: Any, result: torch.Tensor) -> None:
        """Count what an attention returns."""
        self.add(result)

    def add(self, tensor: torch.Tensor) -> None:
        """Count a tensor's storage until it is freed, unless it is counted already."""
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key in self._known:
            return
        self._known.add(key)
        self._now += storage.nbytes()
        self.peak = max(self.peak, self._now)
        weakref.finalize(storage, self._freed, key, storage.nbytes()).atexit = False

    def _freed(self, key: int, nbytes: int) -> None:
        self._known.discard(key)
        self._now -= nbytes
