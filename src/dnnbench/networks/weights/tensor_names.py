"""Names that programs give to a network's tensors, and what the names say of them."""

import re
from collections.abc import Container, Iterator

import torch

from dnnbench.networks.weights.checkpoints import Slots, State

# What torch's own wrappers put into names, at any depth.
_WRAPPERS = {"_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "_fpw_module"}
# Words in the names of averages, which some programs keep in forms of their own.
_AVERAGES = {"ema", "swa", "averaged", "average", "averaging", "shadow", "polyak"}
# Momenta and gradients have the names and shapes of the weights.
_OPTIMIZER = {"opt", "optim", "optimizer", "optimizers", "grad", "grads", "gradients", "momenta"}

# How torch.nn.utils.weight_norm calls the norm of a weight, and its direction.
_WEIGHT_NORM = {
    "weight_g": "weight_v",
    "parametrizations.weight.original0": "parametrizations.weight.original1",
}
_NORMS = tuple(_WEIGHT_NORM)


def of_optimizer(name: str) -> bool:
    """Whether by its name it is an optimizer's: a momentum or gradient of each weight."""
    return not _OPTIMIZER.isdisjoint(_words(name))


def averages(name: str) -> bool:
    """Whether by its name it is an average of weights."""
    return not _AVERAGES.isdisjoint(_words(name))


def _words(name: str) -> list[str]:
    return re.split(r"[^a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower())


def plain(tensors: State, parameters: int) -> State:
    """Tensors by names without what wrappers add.

    Where no fewer than ``parameters`` have the mark of an average at the end, it leads the name.
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
    """Return what may stand before the names of a set that a tensor of this name is of."""
    yield ""
    if name.startswith("ema_"):  # Averages that MMCV keeps beside the weights.
        yield "ema_"
    parts = name.split(".")
    for number in range(1, len(parts)):
        yield f"{'.'.join(parts[:number])}."


def spellings(tensors: State, slots: Slots) -> Iterator[State]:
    """Tensors by the names that they have, and by those that other programs derive from them."""
    yield tensors
    # A network that holds another one, and a file of the other one alone.
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
        # Names of buffers have no dots: MMCV writes _, latent diffusion nothing in their place.
        marks = ["_", ""]
    for mark in marks:
        known = {name.replace(".", mark): name for name in slots.expected}
        for part in ("backbone", "head"):  # MMPretrain
            known = {f"{part}{mark}{n.replace('.', mark)}": n for n in slots.expected} | known
        yield {known.get(name, name): each for name, each in tensors.items()}


def _normed(tensors: State) -> State:
    """With the weights that torch.nn.utils.weight_norm takes apart: a norm and a direction."""
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
