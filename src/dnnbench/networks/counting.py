"""Counts of operations, bytes and parameters in one pass of any network.

The counters read shapes rather than values, so they work on the meta device.
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
# One complex multiply-add is four real ones.
_OF_COMPLEX = 4
# Operators without a formula that create, move or select elements, pool, or normalize. Like those
# that torch tags as pointwise or as a reduction, they multiply each element at most once.
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
    """Counts of one forward pass.

    ``macs`` is half the floating-point operations according to ``torch.utils.flop_counter``. It
    covers convolutions and matrix products, including those of attention, without biases.
    ``conv_macs`` is the part in convolutions, and ``grouped_macs`` the part in grouped and
    depthwise ones. ``uncounted`` names operators whose work is not in ``macs`` because no formula
    is known, such as a Fourier transform or a library's custom operator. Elementwise operators,
    pooling, and normalization are not named.

    ``linear_bytes`` are the bytes that matrix products read and write, ``traffic_bytes`` those of
    all other operators, and ``operators`` is their number; views are not part of these three.
    Attention (``scaled_dot_product_attention``) counts as one matrix product here, since CPUs and
    GPUs run it as one operator although the meta device decomposes it.

    ``params_executed`` counts the parameters that operators read, which excludes auxiliary heads.
    ``activations_bytes`` is the result of :func:`peak_activations`, and ``output_shape`` the shape
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
    """Count a forward pass of ``model`` on ``images`` [N, channels, height, width].

    Raises ValueError if the model does not return logits.
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
    """Return the analytical lower bound of activation memory, in bytes.

    It is the largest sum of live tensor storages after any operation of one eager forward pass: the
    input and all results of operations, each storage once. It excludes parameters, buffers, the
    allocator's rounding, and workspace within one operation, such as
    ``scaled_dot_product_attention``. It includes the indices of max pooling, which eager execution
    computes even if they are unused.
    """
    return _peak_and_output(model, images)[0]


def _peak_and_output(model: nn.Module, images: torch.Tensor) -> tuple[int, Any]:
    live = _LiveStorages([*model.parameters(), *model.buffers()])
    with torch.no_grad(), live, _WholeAttention(live):
        live.add(images)
        output = model(images)
    return live.peak, output


def thop_macs(model: nn.Module, images: torch.Tensor) -> int:
    """Return the MACs by the definitions of the thop package, as a cross-check.

    Do not use ``model`` afterwards: thop leaves hooks and buffers in it.
    """
    # thop always prints to standard output, and it imports the deprecated distutils.
    with (
        torch.no_grad(),
        contextlib.redirect_stdout(io.StringIO()),
        warnings.catch_warnings(action="ignore"),
    ):
        import thop

        macs: float = thop.profile(model, inputs=(images,), verbose=False)[0]
    return round(macs)


def size(tensors: Iterable[torch.Tensor]) -> int:
    """Return the number of elements of all tensors."""
    return sum(tensor.numel() for tensor in tensors)


def size_bytes(tensors: Iterable[torch.Tensor]) -> int:
    """Return the size of all tensors in bytes."""
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def _attention_flops(query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
    """Return the FLOPs of attention's two matrix products, given its three inputs."""
    flops: int = sdpa_flop_count(query.shape, key.shape, value.shape)  # type: ignore[no-untyped-call]
    return flops


def _product_flops(left: torch.Tensor, right: torch.Tensor, **_: Any) -> int:
    """Return the FLOPs of a product of [..., k] and [k] or [k, n]."""
    return 2 * left.numel() * right.numel() // right.shape[0]


# Formulas that torch.utils.flop_counter lacks: products with vectors, products of integers, sums of
# products, and attention as one operator on CPUs.
_FORMULAS: dict[Any, Callable[..., int]] = {
    **flop_registry,
    _ATEN._scaled_dot_product_flash_attention_for_cpu: _attention_flops,
    **dict.fromkeys((_ATEN.mv, _ATEN.dot, _ATEN.vdot, _ATEN._int_mm), _product_flops),
    _ATEN.addmv: lambda _, left, right, **__: _product_flops(left, right),
    _ATEN.addbmm: lambda _, left, right, **__: 2 * left.numel() * right.shape[2],
}


@contextlib.contextmanager
def _operator_by_operator() -> Iterator[None]:
    """Prevent libraries from running a whole layer as one operator."""
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
    """A mode that reports attention to ``watcher`` as one operation, on any device."""

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
    """A mode that counts the multiplications, bytes moved, and uncounted operators."""

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
        """The parameters in all storages that any operator has read."""
        return [parameter for storage in self._read for parameter in self._parameters[storage]]

    def attended(self, inputs: Any, result: torch.Tensor) -> None:
        """Count the bytes that one attention operation moves."""
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
            if tensor.layout is torch.strided  # Sparse tensors have no storage.
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
        if operator not in _FORMULAS:  # The in-place variant does the same work.
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
    """A mode that tracks the total size of live tensor storages and its maximum."""

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
        """Count the result of one attention operation."""
        self.add(result)

    def add(self, tensor: torch.Tensor) -> None:
        """Count a tensor's storage, if any, once, until it is freed."""
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
