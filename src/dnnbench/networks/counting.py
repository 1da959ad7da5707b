"""Counters of what one forward pass executes, for any network and any device.

They read shapes, not values, so the meta device will do.
"""

import contextlib
import io
import re
import warnings
import weakref
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry, sdpa_flop_count

from dnnbench.networks import outputs

_ATEN = torch.ops.aten
_CONVOLUTIONS = (
    *(_ATEN.convolution, _ATEN._convolution, _ATEN._slow_conv2d_forward),
    *(_ATEN.cudnn_convolution, _ATEN.convolution_overrideable),
)
# A multiply-add of complex numbers is four of real ones.
_OF_COMPLEX = 4
# Operators without a formula that multiply nothing, or once an element, as those that torch tags as
# pointwise or as a reduction: they make, move and choose elements, pool, normalize.
_TAGGED = {torch.Tag.pointwise, torch.Tag.reduction, torch.Tag.view_copy}
_NOTHING_TO_COUNT = re.compile(
    r"_?(unsafe_|new_|local_|to_|lift_|assert|functional_assert|linalg_check|reshape|resize|set_)\w*"
    r"|(empty|zeros|ones|full|eye|arange|linspace|scalar_tensor|rand|normal|uniform|bernoulli)\w*"
    r"|(fill|zero|copy|clone|contiguous|detach|alias|as_strided|permute|transpose|t)_?(_copy)?"
    r"|(cat|stack|split|chunk|repeat|roll|flip|rot90|tile|im2col|col2im|channel_shuffle)\w*"
    r"|(constant|reflection|replication|circular)?_?pad\w*|pixel_(un)?shuffle|(native_)?dropout"
    r"|(index|gather|scatter|slice|select|diagonal|masked|take|put|where|nonzero|embedding)\w*"
    r"|(sort|argsort|topk|kthvalue|median|mode|unique|bucketize|searchsorted|histc|bincount)\w*"
    r"|(tril|triu|cum(sum|prod|max|min)|max|min|arg(max|min)|equal|allclose|is_nonzero|item)\w*"
    r"|\w*(pool\d?d|_norm|_norm_legit|softmax|upsample_nearest\w*|batch_norm\w*)(_\w+)?"
    r"|hardswish_?|floor_divide_?|glu|_?prelu\w*|rrelu\w*|celu_?|logsumexp|var_mean\w*|std_mean\w*"
)


class Counts(NamedTuple):
    """One forward pass.

    ``macs`` is half the floating-point operations by the formulas of ``torch.utils.flop_counter``:
    convolutions and matrix products, those of attention among them, without biases; ``conv_macs``
    is the part of the convolutions, ``grouped_macs`` that of grouped and depthwise ones.
    ``uncounted`` names operators that do other work, such as a Fourier transform or an operator of
    a library's own: no formula is known, and ``macs`` is without them. What works on each element
    alone, pools or normalizes is not named. ``linear_bytes`` are what matrix products read and
    write, ``traffic_bytes`` what all other operators do, and ``operators``
    how many there are; those that only return another view of a tensor are left out of all three.
    Attention (``scaled_dot_product_attention``) is one matrix product of theirs, as the CPU and the
    GPU run it, though the meta device takes it apart.
    ``params_executed`` counts the parameters that operators read, so that auxiliary heads drop out.
    ``activations_bytes`` is what :func:`peak_activations` returns, and ``output_shape`` the shape
    of the logits.
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
    uncounted: tuple[str, ...]


def count(model: nn.Module, images: torch.Tensor) -> Counts:
    """Count one forward pass of ``model`` on ``images``, N x channels x height x width.

    Raises ValueError where it does not return logits.
    """
    work = _Work(model.parameters())
    with work, _WholeAttention(work), _operator_by_operator():
        activations_bytes, output = _peak_and_output(model, images)
    return Counts(
        macs=work.macs,
        conv_macs=work.conv_macs,
        grouped_macs=work.grouped_macs,
        linear_bytes=work.linear_bytes,
        traffic_bytes=work.traffic_bytes,
        operators=work.operators,
        params_executed=size(work.read),
        activations_bytes=activations_bytes,
        output_shape=tuple(outputs.logits(output).shape),
        uncounted=tuple(sorted(work.uncounted)),
    )


def peak_activations(model: nn.Module, images: torch.Tensor) -> int:
    """Analytical floor of activation memory in bytes.

    The largest sum of live tensor storages after any operation of one eager forward pass: the
    input, and whatever operations return, each storage once. Not in it: parameters and buffers,
    workspaces inside an operation (``scaled_dot_product_attention`` is one), rounding by the
    allocator. The indices that a max pooling returns are in it, since eager execution makes them
    whether or not anybody reads them.
    """
    return _peak_and_output(model, images)[0]


def _peak_and_output(model: nn.Module, images: torch.Tensor) -> tuple[int, Any]:
    live = _LiveStorages([*model.parameters(), *model.buffers()])
    with torch.no_grad(), live, _WholeAttention(live):
        live.add(images)
        output = model(images)
    return live.peak, output


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
    flops: int = sdpa_flop_count(query.shape, key.shape, value.shape)  # type: ignore[no-untyped-call]
    return flops


def _product_flops(left: torch.Tensor, right: torch.Tensor, **_: Any) -> int:
    """Of a product of ... x k by k, or by k x n."""
    return 2 * left.numel() * right.numel() // right.shape[0]


# What torch.utils.flop_counter has no formula for: products with vectors and of integers, sums of
# products, and attention in one operator on CPUs.
_FORMULAS: dict[Any, Callable[..., int]] = {
    **flop_registry,
    _ATEN._scaled_dot_product_flash_attention_for_cpu: _attention_flops,
    **dict.fromkeys((_ATEN.mv, _ATEN.dot, _ATEN.vdot, _ATEN._int_mm), _product_flops),
    _ATEN.addmv: lambda _, left, right, **__: _product_flops(left, right),
    _ATEN.addbmm: lambda _, left, right, **__: 2 * left.numel() * right.shape[2],
}


@contextlib.contextmanager
def _operator_by_operator() -> Iterator[None]:
    """Let no library take a whole layer (attention, a recurrent network) as one operator."""
    attention: Any = torch.backends.mha
    recurrence: Any = torch.backends.mkldnn
    before = attention.get_fastpath_enabled(), recurrence.enabled
    attention.set_fastpath_enabled(False)
    recurrence.enabled = False
    try:
        yield
    finally:
        attention.set_fastpath_enabled(before[0])
        recurrence.enabled = before[1]


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
    """What operators do: multiply, move bytes, and work that nobody has a formula for."""

    _MATRIX_PRODUCTS = ("aten::addmm", "aten::mm", "aten::bmm", "aten::baddbmm")

    def __init__(self, parameters: Iterable[torch.Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._parameters: dict[int, list[torch.Tensor]] = defaultdict(list)
        for parameter in parameters:
            self._parameters[parameter.untyped_storage()._cdata].append(parameter)
        self._read: set[int] = set()
        self.macs = self.conv_macs = self.grouped_macs = 0
        self.linear_bytes = self.traffic_bytes = self.operators = 0
        self.uncounted: set[str] = set()
        self.paused = False

    @property
    def read(self) -> list[torch.Tensor]:
        """The parameters that some operator took, those that share a storage together."""
        return [parameter for storage in self._read for parameter in self._parameters[storage]]

    def attended(self, inputs: Any, result: torch.Tensor) -> None:
        """Count the bytes of an attention."""
        self.operators += 1
        self.linear_bytes += size_bytes(_tensors((inputs, result)))

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        with self:
            result = func.decompose(*args, **kwargs)
        if result is not NotImplemented:
            return result
        taken = {
            tensor.untyped_storage()._cdata
            for tensor in _tensors((args, kwargs))
            if tensor.layout is torch.strided  # Sparse ones have no storage.
        }
        self._read |= taken & self._parameters.keys()
        result = func(*args, **kwargs)
        if func.is_view:
            return result
        self._multiplied(func, args, kwargs, result)
        if not self.paused:
            moved = size_bytes(_tensors((args, kwargs, result)))
            self.operators += 1
            if func.name().partition(".")[0] in self._MATRIX_PRODUCTS:
                self.linear_bytes += moved
            else:
                self.traffic_bytes += moved
        return result

    def _multiplied(
        self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        operator = func._overloadpacket
        if operator not in _FORMULAS:  # In place, it does the same work.
            operator = getattr(_ATEN, operator.__name__.removesuffix("_"), operator)
        if operator not in _FORMULAS:
            name = func.name().partition(".")[0]
            known = name.startswith("aten::") and _NOTHING_TO_COUNT.fullmatch(name[6:])
            if not known and not _TAGGED & set(func.tags):
                self.uncounted.add(name)
            return
        macs = _FORMULAS[operator](*args, **kwargs, out_val=result) // 2
        if any(tensor.is_complex() for tensor in _tensors((args, kwargs))):
            macs *= _OF_COMPLEX
        self.macs += macs
        if operator in _CONVOLUTIONS:
            self.conv_macs += macs
            names = (argument.name for argument in func._schema.arguments)
            if (dict(zip(names, args, strict=False)) | kwargs).get("groups", 1) > 1:
                self.grouped_macs += macs


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
        """Count a tensor's storage until it is freed, unless it is counted or there is none."""
        if tensor.layout is not torch.strided:
            return
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
