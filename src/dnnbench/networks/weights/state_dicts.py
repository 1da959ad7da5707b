"""The sets of weights in a file: mappings that contain all tensors of a network.

Training programs store a state dict under a key (``model``, ``state_dict``, ``module``) and behind
a prefix (``module.``, ``net.``, ``_orig_mod.``), often next to a second one: averages (EMA, SWA) or
a teacher. Key names are ignored: a set is any mapping that has every tensor of the network under
one prefix. If a file has two different sets, only the user can choose, since programs that swap
averages into ``state_dict`` when saving store the other weights as ``ema``.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn

from dnnbench.networks.weights import contents, extraction, tensor_names, tensor_places
from dnnbench.networks.weights.checkpoints import CheckpointError, Fit, Slots, State, compare
from dnnbench.networks.weights.tensor_names import averages
from dnnbench.networks.weights.tensor_places import WHOLE, Tensors


@dataclass(frozen=True)
class Chosen:
    """The chosen set of weights: its tensors under the network's names.

    ``key`` is its place in the file. ``others`` are the keys of sets that differ from it.
    """

    key: str
    state: State
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Set:
    """A candidate set: tensors by the names that were tried, and their fit."""

    place: Tensors
    fit: Fit

    @property
    def used(self) -> set[int]:
        """The IDs of the file's tensors that the set uses."""
        return {id(self.place.tensors[name]) for name in self.fit.names}


def load(path: Path, model: nn.Module, network: str, key: str | None, setting: str) -> Chosen:
    """Return the weights in a file that fit ``model``, from ``key`` if given.

    Messages use ``network`` as the network's name, and ``setting`` as the setting that selects a
    key. Raises CheckpointError if the file cannot be read, if no set fits or ``key`` names none,
    and if sets differ and ``key`` is None.
    """
    if other := next((name for name in model.state_dict() if name.endswith("_extra_state")), None):
        raise CheckpointError(
            f"{path}: {network} stores {other}, which is not a tensor and cannot be loaded"
        )
    content = contents.read(path)
    slots = Slots.of(model)
    places = list(tensor_places.find(content))
    candidates = [each for place in places for each in _candidates(place, slots)]
    sets = _sets(_with_buffers(candidates, slots), slots)
    if not sets:
        raise CheckpointError(f"{path}: {_misfit(path, content, network, candidates)}")
    distinct = _distinct([Chosen(each.place.key, each.fit.state) for each in sets])
    if key is not None:
        return _named(path, key, sets, distinct, setting)
    names = " or ".join(f"{setting}: {json.dumps(each.key)}" for each in distinct)
    if len(distinct) > 1:
        raise CheckpointError(
            f"{path}: contains {len(distinct)} different sets of weights. Choose one: {names}"
        )
    if opaque := _opaque(places, sets):
        raise CheckpointError(
            f"{path}: {opaque}: averaged weights in an unsupported form."
            f" To use the other weights, write {names}."
        )
    return distinct[0]


def put(model: nn.Module, state: State) -> None:
    """Copy a fitted state into ``model``; keep its layout and other buffers."""
    own = model.state_dict()
    # Keeps the module versions in the state dict, which MNASNet, for example, checks on loading.
    own.update((name, each) for name, each in state.items() if name in own)
    model.load_state_dict(own)
    with torch.no_grad():
        for name in state.keys() - own.keys():
            model.get_buffer(name).copy_(state[name])


def _candidates(place: Tensors, slots: Slots) -> Iterator[_Set]:
    """Yield candidate sets of a mapping: one per prefix that enough tensors share."""
    if tensor_names.of_optimizer(place.key):
        return
    names = place.tensors.keys()
    if all(map(str.isdecimal, names)) and not names <= slots.expected.keys():
        # torch_ema and diffusers store parameters as a list, in the network's order.
        if len(place.tensors) == len(slots.parameters):
            tensors = dict(zip(slots.parameters, place.tensors.values(), strict=True))
            yield _Set(replace(place, tensors=tensors), compare(tensors, slots))
            return
        if averages(place.key):
            return
    tensors = tensor_names.plain(place.tensors, len(slots.parameters))
    # A set has at least as many tensors as the network has parameters.
    least = len(slots.parameters) if len(tensors) >= len(slots.parameters) else len(tensors)
    counts = Counter(prefix for name in tensors for prefix in tensor_names.prefixes(name))
    for prefix in [one for one, count in counts.items() if count >= least][:32]:
        inside = {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}
        tried = [
            _Set(replace(place, tensors=each, prefix=prefix), compare(each, slots))
            for each in tensor_names.spellings(inside, slots)
        ]
        yield min(tried, key=lambda one: len(one.fit.missing) + len(one.fit.unexpected))


def _with_buffers(candidates: list[_Set], slots: Slots) -> list[_Set]:
    """Add buffers from elsewhere in the file to candidates that lack only buffers."""
    parameters = {*slots.parameters}
    without = [each for each in candidates if each.fit.missing and not each.fit.misshapen]
    lacking = [each for each in without if not parameters & {*each.fit.missing}]
    buffers = [each for each in without if not parameters & {*each.fit.names.values()}]
    found = {
        id(each): next((whole for one in buffers if (whole := _joined(each, one, slots))), each)
        for each in lacking
    }
    return [found.get(id(each), each) for each in candidates]


def _joined(one: _Set, buffers: _Set, slots: Slots) -> _Set | None:
    here, there = one.place.keys, buffers.place.keys
    if here == there or here[:-1] != there[:-1]:
        return None
    tensors = one.place.tensors | buffers.place.tensors
    fit = compare(tensors, slots)
    return None if fit.problem else _Set(replace(one.place, tensors=tensors), fit)


def _sets(candidates: list[_Set], slots: Slots) -> list[_Set]:
    """Return the complete sets; averages without buffers get those of another set."""
    parameters = {*slots.parameters}
    sound = [
        each
        for each in candidates
        if each.fit.names
        and not each.fit.misshapen
        and not each.fit.mistyped
        and not parameters & {*each.fit.missing}
    ]
    sound = [each for each in sound if _explained(each, sound)]
    full = [each for each in sound if not each.fit.missing]
    if not full:
        return []
    base = next((one for one in full if not averages(one.place.key)), full[0])
    for each in sound:
        if each.fit.missing:
            each.fit.state = base.fit.state | each.fit.state
    # A prefix is part of the key only if a mapping has several sets.
    keys = [each.place.keys for each in sound]
    return [
        each if keys.count(each.place.keys) > 1 else _Set(replace(each.place, prefix=""), each.fit)
        for each in [*full, *(one for one in sound if one.fit.missing)]
    ]


def _explained(one: _Set, others: list[_Set]) -> bool:
    """Return whether all unexpected tensors of a set belong to another set."""
    elsewhere = {used for each in others if each is not one for used in each.used}
    unexpected = {name: one.place.tensors[name] for name in one.fit.unexpected}
    return all(
        id(tensor) in elsewhere
        or averages(name)
        # For example, the decay rate that is stored with averages.
        or (tensor.numel() == 1 and averages(one.place.key))
        for name, tensor in unexpected.items()
    )


def _distinct(sets: list[Chosen]) -> list[Chosen]:
    """Return the sets that differ, each with the keys of the others."""
    found: list[Chosen] = []
    for one in sets:
        if not any(_same(one.state, other.state) for other in found):
            found.append(one)
    return [
        replace(one, others=tuple(other.key for other in found if other is not one))
        for one in found
    ]


def _same(one: State, other: State) -> bool:
    return all(
        torch.equal(one[name], other[name])
        for name in one.keys() & other.keys()
        if not name.endswith("num_batches_tracked")
    )


def _named(path: Path, key: str, sets: list[_Set], distinct: list[Chosen], setting: str) -> Chosen:
    """Return the set at ``key``, or at the only key that contains it as a part."""
    exact = [each for each in sets if each.place.key == key]
    near = [each for each in sets if f".{key}." in f".{each.place.key}."]
    matching = _distinct([Chosen(each.place.key, each.fit.state) for each in exact or near])
    if len(matching) != 1:
        known = " or ".join(json.dumps(each.place.key) for each in sets)
        what = "matches no set" if not matching else "matches more than one set"
        raise CheckpointError(f"{path}: {setting}: {key!r}: {what} of weights. Write {known}.")
    (found,) = matching
    others = tuple(one.key for one in distinct if not _same(one.state, found.state))
    return replace(found, others=others)


def _opaque(places: list[Tensors], sets: list[_Set]) -> str | None:
    """Return the place of tensors named as averages that no set uses, or None."""
    used = {tensor for each in sets for tensor in each.used}
    for place in places:
        for name, tensor in place.tensors.items():
            keys = (*map(str, place.keys), name)
            if id(tensor) not in used and tensor.numel() > 1 and any(map(averages, keys)):
                return ".".join(keys)
    return None


def _misfit(path: Path, content: object, network: str, candidates: list[_Set]) -> str:
    """Explain why a file contains no weights of the network, and what to do."""
    classes = {type(each).__name__: keys for keys, each in tensor_places.walk(content)}
    if any("ShardedTensor" in name for name in classes):
        return (
            "contains only a part of each tensor (ShardedTensor). Save the state dict with"
            " StateDictType.FULL_STATE_DICT or torch.distributed.checkpoint."
        )
    if not candidates:
        if keys := classes.get("numpy._core.multiarray._reconstruct") or classes.get(
            "numpy.core.multiarray._reconstruct"
        ):
            return f"refused: {extraction.of_nested_arrays(path, keys[:-1])}"
        return "not a weights file: it contains no tensors"
    best = max(candidates, key=lambda one: len(one.fit.names) - len(one.fit.misshapen))
    if best.fit.misshapen and all(not each.numel() for each in best.place.tensors.values()):
        return extraction.of_deepspeed(path.parent)
    if any("flat_param" in name for name in best.place.tensors):
        return (
            "contains flattened FSDP parameters. Save the state dict with"
            " StateDictType.FULL_STATE_DICT or torch.distributed.checkpoint."
        )
    where = "" if best.place.key == WHOLE else f"{best.place.key}: "
    return f"does not match {network}: {where}{best.fit.problem}"
