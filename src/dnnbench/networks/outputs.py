"""The output of a network: logits, or an object that contains them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

_NAME = "logits"


def logits(output: Any) -> torch.Tensor:
    """Return the logits in an output: itself, its ``logits``, or its only tensor.

    The output may be a tensor, mapping, tuple, dataclass, or an object of Hugging Face's libraries.
    Raises ValueError if it contains no tensor, or several and none is named ``logits``.
    """
    found = _find(output)
    if found is not None:
        return found
    raise ValueError(
        f"output: {_told(output)}: not logits. Return [N, classes] logits from forward, alone or"
        f" under the name {_NAME}."
    )


def _find(output: Any) -> torch.Tensor | None:
    if _is_tensor(output):
        tensor: torch.Tensor = output
        return tensor
    members = _members(output)
    named = [member for name, member in members.items() if name == _NAME]
    found = [_find(member) for member in named or members.values()]
    tensors = [tensor for tensor in found if tensor is not None]
    return tensors[0] if len(tensors) == 1 and (named or _count(output) == 1) else None


def _members(output: Any) -> dict[Any, Any]:
    """Return the members of an output, by name or index."""
    if isinstance(output, Mapping):
        return dict(output)
    named = getattr(output, _NAME, None)
    if named is not None and not callable(named):
        return {_NAME: named}
    if isinstance(output, tuple | list):
        return dict(enumerate(output))
    if dataclasses.is_dataclass(output) and not isinstance(output, type):
        return {field.name: getattr(output, field.name) for field in dataclasses.fields(output)}
    return {}


def _count(output: Any) -> int:
    """Return the number of tensors in an output, at any depth."""
    if _is_tensor(output):
        return 1
    return sum(map(_count, _members(output).values()))


def _told(output: Any) -> str:
    """Describe an output's type and members: ``dict of a [2, 10], b [2, 3]``."""
    kind = type(output).__name__
    members = [f"{name} {_shape(member)}" for name, member in _members(output).items()]
    return f"{kind} of {', '.join(members)}" if members else kind


def _shape(member: Any) -> str:
    return str(list(member.shape)) if _is_tensor(member) else type(member).__name__


def _is_tensor(output: Any) -> bool:
    # Imported here because torch takes seconds, and the environment must be set before.
    import torch

    return isinstance(output, torch.Tensor)
