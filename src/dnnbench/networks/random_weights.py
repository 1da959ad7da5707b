"""Random weights at the cost of a memory copy.

A timed cell builds its network in a fresh process, and drawing 143 million normal values takes
seconds. Inside :class:`PooledInitializers`, a network's constructor runs unchanged, except that
in-place draws (``normal_``, ``uniform_``) come from a small pool of random numbers, scaled and
repeated. Each value has the distribution that its author chose, but it is not independent of the
values one pool length away.

One distribution is changed. torch's default for convolutions and linear layers shrinks the signal
by the square root of 6, about 2.4, at every layer. Layers with this default get weights of variance
2 / fan_in instead (He et al., ICCV 2015), which preserves the signal. Otherwise the logits of a
deep network would equal its last biases for any input, and comparing outputs would prove nothing.

Draws are deferred until something reads the tensor or the block ends. An initializer that is
overwritten by another therefore costs nothing; usually a layer's default is, by the network's own.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode

# A prime, so that rows of weight matrices, whose lengths are round numbers, do not repeat.
POOL_SIZE = 1_048_573

# From the variance of torch's default weights, 1 / (3 fan_in), to 2 / fan_in, which preserves the
# signal's variance through a ReLU.
_DEFAULT_GAIN = math.sqrt(6)

_NORMAL = torch.ops.aten.normal_.default
_UNIFORM = torch.ops.aten.uniform_.default
_DETACH = torch.ops.aten.detach.default


@lru_cache(maxsize=4)
def _pools(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return standard normal and uniform [-1, 1) values, cached by seed."""
    generator = torch.Generator().manual_seed(seed)
    normal = torch.randn(POOL_SIZE, generator=generator, device="cpu")
    uniform = torch.rand(POOL_SIZE, generator=generator, device="cpu").mul_(2).sub_(1)
    return normal, uniform


@dataclass(frozen=True)
class _Draw:
    """A deferred draw of one tensor's values: center + spread * pool."""

    tensor: torch.Tensor
    pool: torch.Tensor
    center: float
    spread: float


class PooledInitializers(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """A mode in which ``normal_`` and ``uniform_`` fill CPU float tensors from a pool.

    Other random functions are not affected. A tensor's values depend on ``seed`` and on the
    preceding draws.
    """

    def __init__(self, seed: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._normal, self._uniform = _pools(seed)
        self._pending: dict[int, _Draw] = {}
        self._offset = 0

    def __torch_dispatch__(
        self,
        func: OpOverload,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func in (_NORMAL, _UNIFORM) and _poolable(args[0]):
            self._put_off(func, *args)
            return args[0]
        # Detaching shares the storage without reading it; any other operation may read it.
        if self._pending and func is not _DETACH:
            for argument in (*args, *kwargs.values()):
                for item in argument if isinstance(argument, list | tuple) else (argument,):
                    if isinstance(item, torch.Tensor):
                        self._settle(item)
        return func(*args, **kwargs)

    def __exit__(self, *exception: Any) -> None:
        super().__exit__(*exception)  # type: ignore[no-untyped-call]
        for draw in self._pending.values():
            self._fill(draw)
        self._pending.clear()

    def _put_off(
        self, func: OpOverload, tensor: torch.Tensor, a: float = 0.0, b: float = 1.0
    ) -> None:
        """Defer a draw; ``a, b`` are mean and std of normal_, or the bounds of uniform_."""
        if func is _NORMAL:
            draw = _Draw(tensor.detach(), self._normal, a, b)
        else:
            spread = (b - a) / 2 * (_DEFAULT_GAIN if _is_default(tensor, a, b) else 1.0)
            draw = _Draw(tensor.detach(), self._uniform, (a + b) / 2, spread)
        key = _storage(tensor)
        before = self._pending.pop(key, None)
        if before is not None and before.tensor.numel() > tensor.numel():
            self._fill(before)  # The new draw covers only a part of it.
        self._pending[key] = draw

    def _settle(self, tensor: torch.Tensor) -> None:
        if tensor.device.type == "cpu" and tensor.layout == torch.strided:
            draw = self._pending.pop(_storage(tensor), None)
            if draw is not None:
                self._fill(draw)

    def _fill(self, draw: _Draw) -> None:
        """Write the values from the pool, starting where the last draw ended."""
        values = draw.tensor.view(-1)
        done = 0
        while done < values.numel():
            count = min(POOL_SIZE - self._offset, values.numel() - done)
            chunk = values[done : done + count]
            torch.mul(draw.pool[self._offset : self._offset + count], draw.spread, out=chunk)
            if draw.center:
                chunk.add_(draw.center)
            done += count
            self._offset = (self._offset + count) % POOL_SIZE


def _poolable(tensor: torch.Tensor) -> bool:
    return (
        tensor.device.type == "cpu"
        and tensor.dtype == torch.float32
        and tensor.is_contiguous()
        and tensor.numel() > 0
    )


def _is_default(tensor: torch.Tensor, a: float, b: float) -> bool:
    """Return whether the bounds are torch's default for a layer's weights."""
    if tensor.dim() < 2:
        return False
    fan_in = tensor[0].numel()
    return a == -b and math.isclose(b, 1 / math.sqrt(fan_in))


def _storage(tensor: torch.Tensor) -> int:
    return tensor.untyped_storage().data_ptr()
