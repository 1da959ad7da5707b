"""The sets of weights in a file: which of its mappings hold the tensors of one network.

Training programs put a state dict under a key of their own (``model``, ``state_dict``, ``module``),
behind a prefix (``module.``, ``net.``, ``_orig_mod.``), and often a second one beside it: averages
(EMA, SWA), a teacher. Names of keys are not gone by: a set is whatever has every tensor of the
network, under one prefix. Where a file has two that differ, nobody but the user knows which is
meant: programs that swap averages into ``state_dict`` when they save keep the others as ``ema``.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from dnnbench.networks.weights import contents, extraction
from dnnbench.networks.weights.checkpoints import CheckpointError, Fit, Slots, State, compare
from dnnbench.networks.weights.contents import Inert

# How a set is named whose tensors stand in the file without a key.
WHOLE = "."
_DEPTH = 8
# What torch's own wrappers put into names, at any depth.
_WRAPPERS = {"_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "_fpw_module"}
# Words in the names of averages, which some programs keep in forms of their own.
_AVERAGES = {"ema", "swa", "averaged", "average", "averaging", "shadow", "polyak"}
# Momenta and gradients have the names and shapes of the weights.
_OPTIMIZER = re.compile(r"optim|grad|moment|exp_avg", re.IGNORECASE)


@dataclass(frozen=True)
class Chosen:
    """The set of weights that is used: its tensors under the network's names.

    ``key`` says where it stands in the file. ``others`` are the keys of sets that differ from it.
    """

    key: str
    state: State
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Tensors:
    """Tensors of one mapping in a file: those behind a prefix, by their names after it."""

    keys: tuple[str, ...]
    tensors: State
    prefix: str = ""

    @property
    def key(self) -> str:
        """How a setting names the place."""
        return ".".join(part for part in (*self.keys, self.prefix.rstrip("._")) if part) or WHOLE


@dataclass(frozen=True)
class _Set:
    """A candidate: tensors under the names that were tried, and how far they fit."""

    place: _Tensors
    fit: Fit

    @property
    def used(self) -> set[int]:
        """The tensors of the file that it is made of."""
        return {id(self.place.tensors[name]) for name in self.fit.names}


def load(path: Path, model: nn.Module, network: str, key: str | None, setting: str) -> Chosen:
    """Return the weights in a file that fit ``model``; of several sets the one at ``key``.

    ``network`` is what messages call it, and ``setting`` where a key is written. Raises
    CheckpointError where the file cannot be read, where no set fits or ``key`` names none, and
    where sets differ and there is no ``key``.
    """
    content = contents.read(path)
    slots = Slots.of(model)
    places = list(_places(content))
    candidates = [each for place in places for each in _candidates(place, slots)]
    sets = _sets(candidates, slots)
    if not sets:
        raise CheckpointError(f"{path}: {_misfit(path, content, network, candidates)}")
    distinct = _distinct([Chosen(each.place.key, each.fit.state) for each in sets])
    if key is not None:
        return _named(path, key, sets, distinct, setting)
    names = " or ".join(f"{setting}: {json.dumps(each.key)}" for each in distinct)
    if len(distinct) > 1:
        raise CheckpointError(
            f"{path}: {len(distinct)} sets of weights that differ; say which: {names}"
        )
    if opaque := _opaque(places, sets):
        raise CheckpointError(
            f"{path}: {opaque}: averages of weights that are not understood;"
            f" to use the others, write {names}"
        )
    return distinct[0]


def put(model: nn.Module, state: State) -> None:
    """Copy a fitted state into ``model``, whose own layout in memory and other buffers stay."""
    persistent = model.state_dict(keep_vars=True)
    kept = {name: value for name, value in persistent.items() if not isinstance(value, Tensor)}
    model.load_state_dict(
        {**kept, **{name: tensor for name, tensor in state.items() if name in persistent}}
    )
    for name in state.keys() - persistent.keys():
        model.get_buffer(name).copy_(state[name])


# Where tensors are in a file -------------------------------------------------------------------


def _places(content: object) -> Iterator[_Tensors]:
    """Every mapping of names to tensors in a file, outermost first."""
    seen: set[int] = set()
    level: list[tuple[tuple[str, ...], object]] = [((), content)]
    for _ in range(_DEPTH):
        below: list[tuple[tuple[str, ...], object]] = []
        for keys, value in level:
            tensors = _tensors(value)
            if tensors:
                yield _Tensors(keys, tensors)
            if id(value) not in seen and not _is_module(value):
                seen.add(id(value))
                below += [((*keys, name), each) for name, each in _inside(value)]
        level = below


def _tensors(value: object) -> State:
    """The tensors right in a mapping, a list or an object, and all those of a module."""
    if isinstance(value, Inert):
        if _is_module(value):
            return dict(_of_module(value))
        value = value.state
    if isinstance(value, list | tuple) and value and all(isinstance(v, Tensor) for v in value):
        return {str(number): tensor for number, tensor in enumerate(value)}
    if not isinstance(value, Mapping):
        return {}
    return {
        # Of a tensor that is spread over processes this file has a part: all of it, if one wrote.
        name: each.to_local() if hasattr(each, "to_local") else each
        for name, each in value.items()
        if isinstance(name, str) and isinstance(each, Tensor)
    }


def _inside(value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, Inert) and value.state is not None:
        yield from _inside(value.state)
    if isinstance(value, Mapping):
        yield from ((str(name), each) for name, each in value.items())
    elif isinstance(value, list | tuple):
        yield from ((str(number), each) for number, each in enumerate(value))


def _is_module(value: object) -> bool:
    """Whether it stands for a torch.nn.Module, pickled whole."""
    state = value.state if isinstance(value, Inert) else None
    return isinstance(state, dict) and "_modules" in state and "_parameters" in state


def _of_module(module: Any, prefix: str = "", depth: int = 64) -> Iterator[tuple[str, Tensor]]:
    """What the state dict of a module would hold, from its pickled attributes."""
    state = module.state
    passing = state.get("_non_persistent_buffers_set") or ()
    own = {**state["_parameters"], **(state.get("_buffers") or {})}
    for name, tensor in own.items():
        if isinstance(tensor, Tensor) and name not in passing:
            yield f"{prefix}{name}", tensor
    for name, child in state["_modules"].items():
        if _is_module(child) and depth:
            yield from _of_module(child, f"{prefix}{name}.", depth - 1)


# Which of them are a network's weights ---------------------------------------------------------


def _candidates(place: _Tensors, slots: Slots) -> Iterator[_Set]:
    """Tensors of a mapping that may be a set: behind each prefix that enough of them have."""
    if any(map(_OPTIMIZER.search, place.keys)):
        return
    if all(name.isdecimal() for name in place.tensors) and _averages(place.key):
        # Parameters in a list, as torch_ema and diffusers keep them: in the network's order.
        if len(place.tensors) != len(slots.parameters):
            return
        tensors = dict(zip(slots.parameters, place.tensors.values(), strict=True))
        yield _Set(replace(place, tensors=tensors), compare(tensors, slots))
        return
    tensors = {_unwrapped(name): tensor for name, tensor in place.tensors.items()}
    if len(tensors) < len(place.tensors):
        tensors = place.tensors
    # No fewer than its parameters make a network; more than one prefix is rare.
    least = len(slots.parameters) if len(tensors) >= len(slots.parameters) else len(tensors)
    counts = Counter(prefix for name in tensors for prefix in _prefixes(name))
    for prefix in [one for one, count in counts.items() if count >= least][:32]:
        inside = {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}
        tried = [
            _Set(replace(place, tensors=each, prefix=prefix), compare(each, slots))
            for each in _spellings(inside, slots)
        ]
        yield min(tried, key=lambda one: len(one.fit.missing) + len(one.fit.unexpected))


def _unwrapped(name: str) -> str:
    return ".".join(part for part in name.split(".") if part not in _WRAPPERS)


def _prefixes(name: str) -> Iterator[str]:
    yield ""
    if name.startswith("ema_"):  # Averages that MMCV keeps beside the weights.
        yield "ema_"
    parts = name.split(".")
    for number in range(1, len(parts)):
        yield f"{'.'.join(parts[:number])}."


def _spellings(tensors: State, slots: Slots) -> Iterator[State]:
    """Tensors by the names that they have, and by those that other programs derive from them."""
    yield tensors
    marks = ["."] if any(name.startswith("backbone.") for name in tensors) else []
    if not any("." in name for name in tensors):
        # Names of buffers have no dots: MMCV writes _, latent diffusion nothing in their place.
        marks = ["_", ""]
    for mark in marks:
        known = {name.replace(".", mark): name for name in slots.expected}
        for part in ("backbone", "head"):  # MMPretrain
            known = {f"{part}{mark}{n.replace('.', mark)}": n for n in slots.expected} | known
        yield {known.get(name, name): each for name, each in tensors.items()}


def _sets(candidates: list[_Set], slots: Slots) -> list[_Set]:
    """Those that are complete; averages of parameters alone take the buffers of the others."""
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
    base = next((one for one in full if not _averages(one.place.key)), full[0])
    for each in sound:
        each.fit.state = (
            {**base.fit.state, **each.fit.state} if each.fit.missing else each.fit.state
        )
    # A prefix is part of the key only where a mapping has several sets.
    keys = [each.place.keys for each in sound]
    return [
        each if keys.count(each.place.keys) > 1 else _Set(replace(each.place, prefix=""), each.fit)
        for each in [*full, *(one for one in sound if one.fit.missing)]
    ]


def _explained(one: _Set, others: list[_Set]) -> bool:
    """Whether what a set does not expect among its tensors belongs to another one."""
    elsewhere = {used for each in others if each is not one for used in each.used}
    unexpected = {name: one.place.tensors[name] for name in one.fit.unexpected}
    return all(
        id(tensor) in elsewhere
        or _averages(name)
        # Such as the decay that averages keep among themselves.
        or (tensor.numel() == 1 and _averages(one.place.key))
        for name, tensor in unexpected.items()
    )


def _averages(name: str) -> bool:
    words = re.split(r"[^a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower())
    return not _AVERAGES.isdisjoint(words)


def _distinct(sets: list[Chosen]) -> list[Chosen]:
    """Those of the sets that differ from all before them, with the keys of the others."""
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
    """The set at ``key``, or at the only key that begins or ends with it."""
    exact = [each for each in sets if each.place.key == key]
    near = [each for each in sets if f".{each.place.key}.".find(f".{key}.") >= 0]
    matching = _distinct([Chosen(each.place.key, each.fit.state) for each in exact or near])
    if len(matching) != 1:
        known = " or ".join(json.dumps(each.place.key) for each in sets)
        what = "no set" if not matching else "more than one set"
        raise CheckpointError(f"{path}: {setting}: {key!r}: {what} of weights; write {known}")
    (found,) = matching
    others = tuple(one.key for one in distinct if not _same(one.state, found.state))
    return replace(found, others=others)


def _opaque(places: list[_Tensors], sets: list[_Set]) -> str | None:
    """Where tensors are that by their names are averages, and of which no set is made."""
    used = {tensor for each in sets for tensor in each.used}
    for place in places:
        for name, tensor in place.tensors.items():
            if id(tensor) not in used and tensor.numel() > 1:
                words = (*place.keys, *re.split(r"[._]", name)[:2])
                if any(map(_averages, words)):
                    return ".".join((*place.keys, name))
    return None


def _misfit(path: Path, content: object, network: str, candidates: list[_Set]) -> str:
    """Why a file holds no weights of the network, and what to do."""
    if not candidates:
        if keys := _arrays(content):
            return f"refused: {extraction.of_nested_arrays(path, keys)}"
        return "not a file of weights: it holds other things than tensors"
    best = max(candidates, key=lambda one: len(one.fit.names) - len(one.fit.misshapen))
    if best.fit.misshapen and all(not each.numel() for each in best.place.tensors.values()):
        return extraction.of_deepspeed(path.parent)
    if any("flat_param" in name for name in best.place.tensors):
        return (
            "flattened parameters of FSDP; save the state dict with"
            " StateDictType.FULL_STATE_DICT, or torch.distributed.checkpoint"
        )
    where = "" if best.place.key == WHOLE else f"{best.place.key}: "
    return f"not of {network}: {where}{best.fit.problem}"


def _arrays(content: object, keys: tuple[str, ...] = ()) -> tuple[str, ...] | None:
    """The keys of a mapping that holds NumPy arrays where there should be tensors."""
    for name, each in _inside(content):
        if type(each).__name__.endswith("multiarray._reconstruct"):
            return keys
        if len(keys) < _DEPTH and (found := _arrays(each, (*keys, name))) is not None:
            return found
    return None
