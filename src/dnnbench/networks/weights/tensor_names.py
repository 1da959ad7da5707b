"""Names that programs give to a network's tensors, and what the names imply."""

import re
from collections.abc import Container, Iterator

import torch

from dnnbench.networks.weights.checkpoints import Slots, State

# Parts that torch's wrappers add to names, at any depth.
_WRAPPERS = {"_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "_fpw_module"}
# Words in the names of averages.
_AVERAGES = {"ema", "swa", "averaged", "average", "averaging", "shadow", "polyak"}
# Words in the names of momenta and gradients, which share the weights' names and shapes.
_OPTIMIZER = {"opt", "optim", "optimizer", "optimizers", "grad", "grads", "gradients", "momenta"}

# Names that torch.nn.utils.weight_norm gives to a weight's norm and direction.
_WEIGHT_NORM = {
    "weight_g": "weight_v",
    "parametrizations.weight.original0": "parametrizations.weight.original1",
}
_NORMS = tuple(_WEIGHT_NORM)


def of_optimizer(name: str) -> bool:
    """Return whether a name belongs to an optimizer's momenta or gradients."""
    return not _OPTIMIZER.isdisjoint(_words(name))


def averages(name: str) -> bool:
    """Return whether a name belongs to averaged weights."""
    return not _AVERAGES.isdisjoint(_words(name))


def _words(name: str) -> list[str]:
    return re.split(r"[^a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower())


def plain(tensors: State, parameters: int) -> State:
    """Return tensors by their names without the parts that wrappers add.

    If at least ``parameters`` names end with the mark of an average, the mark is moved to the
    start.
    """
    found = {_unwrapped(name): tensor for name, tensor in tensors.items()}
    if len(found) < len(tensors):
        found = tensors
    marked = {name: f"{match[2]}.{match[1]}" for name in found if (match := _marked(name, found))}
    if len(marked) < parameters:
        return found
    return {marked.get(name, name): tensor for name, tensor in found.items()}


def _unwrapped(name: str) -> str:
    return ".".join(part for part in name.split(".") if part not in _WRAPPERS)


def _marked(name: str, names: Container[str]) -> re.Match[str] | None:
    match = re.fullmatch(r"(.+)[._]([a-z]+)", name)
    return match if match and match[2] in _AVERAGES and match[1] in names else None


def prefixes(name: str) -> Iterator[str]:
    """Yield the prefixes that a set containing a tensor of this name may have."""
    yield ""
    if name.startswith("ema_"):  # MMCV stores averages next to the weights.
        yield "ema_"
    parts = name.split(".")
    for number in range(1, len(parts)):
        yield f"{'.'.join(parts[:number])}."


def spellings(tensors: State, slots: Slots) -> Iterator[State]:
    """Yield tensors by their names, and by names without programs' conventions."""
    yield tensors
    # The network wraps another one, and the file contains only the inner one.
    holders = {name.partition(".")[0] for name in slots.expected}
    if len(holders) == 1:
        yield {f"{next(iter(holders))}.{name}": each for name, each in tensors.items()}
    if any(name.endswith("_mask") for name in tensors):  # Of torch.nn.utils.prune.
        yield {
            name.removesuffix("_orig"): each * tensors.get(name[:-5] + "_mask", 1)
            if name.endswith("_orig")
            else each
            for name, each in tensors.items()
            if not name.endswith("_mask")
        }
    if any(name.endswith(_NORMS) for name in tensors):
        yield _normed(tensors)
    marks = ["."] if any(name.startswith("backbone.") for name in tensors) else []
    if not any("." in name for name in tensors):
        # Buffer names cannot contain dots: MMCV replaces them by _, latent diffusion drops them.
        marks = ["_", ""]
    for mark in marks:
        known = {name.replace(".", mark): name for name in slots.expected}
        for part in ("backbone", "head"):  # MMPretrain
            known = {f"{part}{mark}{n.replace('.', mark)}": n for n in slots.expected} | known
        yield {known.get(name, name): each for name, each in tensors.items()}


def _normed(tensors: State) -> State:
    """Recombine weights that weight_norm split into norm and direction."""
    found = dict(tensors)
    for name in tensors:
        for norm, direction in _WEIGHT_NORM.items():
            stem = name.removesuffix(norm)
            if stem != name and stem + direction in tensors:
                size, along = found.pop(name), found.pop(stem + direction)
                axis = next((one for one, length in enumerate(size.shape) if length > 1), 0)
                weight = torch._weight_norm(along, size, axis if size.numel() > 1 else -1)
                found[f"{stem}weight"] = weight
    return found
