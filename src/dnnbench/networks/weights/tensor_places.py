"""Places of tensors in a file's contents: nested mappings and pickled modules."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from dnnbench.networks.weights.checkpoints import State
from dnnbench.networks.weights.contents import Inert

# The name of the place without a key: the file itself.
WHOLE = "."
_DEPTH = 8
# More than any network has; stops at modules that contain themselves.
_MODULES = 20_000


@dataclass(frozen=True)
class Tensors:
    """The tensors of one mapping that share a prefix, by the rest of their names."""

    keys: tuple[Any, ...]
    tensors: State
    prefix: str = ""

    @property
    def key(self) -> str:
        """The name of the place in a setting."""
        return (
            ".".join(str(part) for part in (*self.keys, self.prefix.rstrip("._")) if part != "")
            or WHOLE
        )


def find(content: object) -> Iterator[Tensors]:
    """Yield every mapping of names to tensors in a file, outermost first."""
    for keys, value in walk(content):
        if tensors := _tensors(value):
            yield Tensors(keys, tensors)


def walk(content: object) -> Iterator[tuple[tuple[Any, ...], object]]:
    """Yield a file's contents with their keys, outermost first, each object once."""
    seen: set[int] = set()
    level: list[tuple[tuple[Any, ...], object]] = [((), content)]
    for _ in range(_DEPTH):
        below: list[tuple[tuple[Any, ...], object]] = []
        for keys, value in level:
            yield keys, value
            if id(value) not in seen and not _is_module(value):
                seen.add(id(value))
                below += [((*keys, name), each) for name, each in _inside(value)]
        level = below


def _tensors(value: object) -> State:
    """Return the tensors directly in a value, or all tensors of a module."""
    if isinstance(value, Inert):
        if _is_module(value):
            return _of_module(value)
        value = value.state
    if isinstance(value, list | tuple):
        if all(map(_is_pair, value)):
            return dict(value)
        return {str(number): each for number, each in enumerate(value) if isinstance(each, Tensor)}
    if not isinstance(value, Mapping):
        return {}
    return {
        # The file has the local part of a distributed tensor: all of it, if one process wrote it.
        name: each.to_local() if hasattr(each, "to_local") else each
        for name, each in value.items()
        if isinstance(name, str) and isinstance(each, Tensor) and not each.is_nested
    }


def _inside(value: object) -> Iterator[tuple[Any, object]]:
    items: Iterable[tuple[Any, object]] = ()
    if isinstance(value, Inert) and value.state is not None:
        yield from _inside(value.state)
    if isinstance(value, Mapping):
        items = value.items()
    elif isinstance(value, list | tuple):
        items = enumerate(value)
    for name, each in items:
        if isinstance(each, Mapping | list | tuple):
            yield name, each


def _is_pair(value: object) -> bool:
    """Return whether a value is a pair of a name and a tensor."""
    match value:
        case (str(), Tensor()):
            return True
    return False


def _is_module(value: object) -> bool:
    """Return whether a value is the placeholder of a pickled torch.nn.Module."""
    state = value.state if isinstance(value, Inert) else None
    return isinstance(state, dict) and "_modules" in state and "_parameters" in state


def _of_module(module: Any) -> State:
    """Return a module's state dict, reconstructed from its pickled attributes."""
    found: State = {}
    todo = [("", module)]
    for _ in range(_MODULES):
        if not todo:
            break
        prefix, each = todo.pop()
        passing = each.state.get("_non_persistent_buffers_set") or ()
        own = {**each.state["_parameters"], **(each.state.get("_buffers") or {})}
        for name, tensor in own.items():
            if isinstance(tensor, Tensor) and name not in passing:
                found[f"{prefix}{name}"] = tensor
        children = reversed([*each.state["_modules"].items()])
        todo += [(f"{prefix}{name}.", child) for name, child in children if _is_module(child)]
    return found
