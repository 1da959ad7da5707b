"""Matching of a checkpoint's tensors to a network by name and shape.

The files are older than the definitions that they are loaded into: layers were renamed, classifiers
moved, counters added. The names in each file are known from the code that wrote it: torchvision
(2017 to now), pretrainedmodels, timm, and the repository of the 2018 study.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from dnnbench.core.errors import UserError
from dnnbench.networks.registry import CLASSES

State = dict[str, Tensor]

# Batch counters, which evaluation does not use and older files lack.
_COUNTER = re.compile(r"(.*\.)?num_batches_tracked")
# Entries that tools such as thop leave in a network; evaluation does not use them.
_LEFT_BEHIND = re.compile(r"(.*\.)?(total_ops|total_params|num_batches_tracked|_extra_state)")


class CheckpointError(UserError):
    """A file that cannot be loaded; the message names the file and the problem."""


class MisfitError(UserError):
    """Tensors that do not match the network; the message counts and names them."""


# Rules from names in files to names in the network. A name that the network does not have is
# changed by the first rule whose result it has.


def _inside(names: Mapping[str, str], place: Callable[[re.Match[str]], str]) -> Callable[..., str]:
    """Return a replacement that maps the last group and prepends ``place``."""
    return lambda match: f"{place(match)}.{names[match[match.lastindex or 0]]}."


def _any(names: Iterable[str]) -> str:
    return "|".join(map(re.escape, names))


_RESNEXT = {
    "conv1": "0.0.0",
    "bn1": "0.0.1",
    "conv2": "0.0.3",
    "bn2": "0.0.4",
    "conv3": "0.1",
    "bn3": "0.2",
    "downsample.0": "1.0",
    "downsample.1": "1.1",
}
_SHUFFLE_UNIT = {
    "g_conv_1x1_compress.conv1x1": "compress.0",
    "g_conv_1x1_compress.batch_norm": "compress.1",
    "depthwise_conv3x3": "expand.0",
    "bn_after_depthwise": "expand.1",
    "g_conv_1x1_expand.conv1x1": "expand.2",
    "g_conv_1x1_expand.batch_norm": "expand.3",
}
_SHUFFLE_STAGES = {"2": 2, "3": 6, "4": 14}
_INCEPTION = {
    "1x1": "one.0",
    "3x3_reduce": "three.0",
    "3x3": "three.2",
    "5x5_reduce": "five.0",
    "5x5": "five.2",
    "pool_proj": "pool.1",
}
_INCEPTIONS = {
    "3a": 10,
    "3b": 11,
    "4a": 13,
    "4b": 14,
    "4c": 15,
    "4d": 16,
    "4e": 17,
    "5a": 19,
    "5b": 20,
}

_RENAMES: tuple[tuple[str, str | Callable[..., str]], ...] = (
    # Classifiers: torchvision and most others; Inception-ResNet-v2 and VGG of timm.
    (r"(fc|classifier|classif|head\.fc)\.", "last_linear."),
    # AlexNet and VGG of torchvision, then of timm, where VGG's are convolutions.
    (r"features\.", "_features."),
    (r"classifier\.[01]\.", "linear0."),
    (r"classifier\.[34]\.", "linear1."),
    (r"classifier\.6\.", "last_linear."),
    (r"pre_logits\.fc1\.", "linear0."),
    (r"pre_logits\.fc2\.", "linear1."),
    # SqueezeNet of torchvision.
    (r"classifier\.1\.", "last_conv."),
    # DenseNet of torchvision before 2018, when names of modules could hold dots.
    (r"(.*\.denselayer\d+\.(?:norm|conv))\.([12])\.", r"\1\2."),
    # ResNeXt-101 of torchvision and timm, in the order of the Torch (Lua) network.
    (r"conv1\.", "features.0."),
    (r"bn1\.", "features.1."),
    (
        rf"layer(\d)\.(\d+)\.({_any(_RESNEXT)})\.",
        _inside(_RESNEXT, lambda match: f"features.{int(match[1]) + 3}.{match[2]}.0"),
    ),
    # Our four architectures, by the names in the repository of the 2018 study.
    # GoogLeNet:
    (r"conv1_7x7_s2\.", "0."),
    (r"conv2_3x3_reduce\.", "4."),
    (r"conv2_3x3\.", "6."),
    (
        rf"inception_({_any(_INCEPTIONS)})_({_any(_INCEPTION)})\.",
        _inside(_INCEPTION, lambda match: str(_INCEPTIONS[match[1]])),
    ),
    (r"loss3_classifier_1\.", "24."),
    # MobileNet-v1:
    (r"model\.0\.", ""),
    (r"model\.(\d+)\.(\d+)\.", lambda match: f"{6 * int(match[1]) - 3 + int(match[2])}."),
    (r"fc\.", "83."),
    # MobileNet-v2:
    (r"features\.0\.", ""),
    (r"features\.(\d+)\.conv\.", lambda match: f"{int(match[1]) + 2}.body."),
    (r"features\.18\.(\d+)\.", lambda match: f"{int(match[1]) + 20}."),
    (r"classifier\.1\.", "26."),
    # ShuffleNet:
    (r"conv1\.", "0."),
    (
        rf"stage\d\.ShuffleUnit_Stage(\d)_(\d+)\.({_any(_SHUFFLE_UNIT)})\.",
        _inside(_SHUFFLE_UNIT, lambda match: str(_SHUFFLE_STAGES[match[1]] + int(match[2]))),
    ),
    (r"fc\.", "20."),
)


@dataclass(frozen=True)
class Slots:
    """The tensors that a network expects, by name.

    ``expected`` is the state dict. ``others`` are buffers outside the state dict, which files of an
    earlier definition may contain.
    """

    expected: State
    others: State
    parameters: tuple[str, ...]

    @classmethod
    def of(cls, model: nn.Module) -> "Slots":
        """Return the slots of ``model``, which may be on the meta device."""
        state = model.state_dict(keep_vars=True)
        expected = {name: tensor for name, tensor in state.items() if isinstance(tensor, Tensor)}
        others = {name: each for name, each in model.named_buffers() if name not in expected}
        named = dict(model.named_parameters(remove_duplicate=False))
        return cls(expected, others, tuple(name for name in expected if name in named))


@dataclass
class Fit:
    """The result of comparing a file's tensors with a network.

    ``names`` maps names in the file to names in the network. The other lists describe mismatches
    for messages: tensors ``missing`` from the file, ``unexpected`` in it, or with a shape
    (``misshapen``) or type (``mistyped``) that differs from the network's.
    """

    state: State = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    misshapen: list[str] = field(default_factory=list)
    mistyped: list[str] = field(default_factory=list)

    @property
    def problem(self) -> str:
        """All mismatches, counted and named; empty if there are none."""
        return "; ".join(
            _some(names, what)
            for names, what in (
                (self.missing, "missing"),
                (self.unexpected, "unexpected"),
                (self.misshapen, "of a different shape"),
                (self.mistyped, "of a different type"),
            )
            if names
        )


def fit(state: Mapping[str, Tensor], model: nn.Module) -> State:
    """Convert ``state`` to the names, shapes, and types of ``model``.

    The model may be on meta. The result has all of its tensors and nothing else. Batch
    normalization counters, which files older than PyTorch 0.4.1 lack and evaluation does not use,
    are added as zeros.
    Raises MisfitError if tensors are missing, unexpected, or of a different shape or type.
    """
    found = compare(state, Slots.of(model))
    if found.problem:
        raise MisfitError(found.problem)
    return found.state


def compare(state: Mapping[str, Tensor], slots: Slots) -> Fit:
    """Compare ``state`` with a network's ``slots``; see ``fit``."""
    found = Fit()
    for key, tensor in state.items():
        name = _renamed(key, slots)
        if name is None or name in found.state:
            if name is not None or not _LEFT_BEHIND.fullmatch(key):
                found.unexpected.append(key)
            continue
        found.names[key] = name
        wanted = slots.expected[name] if name in slots.expected else slots.others[name]
        fitted = _reshaped(tensor, wanted.shape)
        if fitted is None:
            found.misshapen.append(f"{key} {list(tensor.shape)}, not {list(wanted.shape)}")
        elif not _converts(fitted, wanted.dtype):
            kind = "without values" if tensor.is_meta else str(tensor.dtype).removeprefix("torch.")
            found.mistyped.append(f"{key} {kind}, not {str(wanted.dtype).removeprefix('torch.')}")
        else:
            found.state[name] = fitted.to_dense().to(wanted.dtype)
            continue
        found.state[name] = tensor
    same = {id(slots.expected[name]): name for name in found.state if name in slots.expected}
    for name, wanted in slots.expected.items():
        if name in found.state:
            continue
        if _COUNTER.fullmatch(name):
            found.state[name] = torch.zeros(wanted.shape, dtype=wanted.dtype)
        elif id(wanted) in same:  # A tensor with two names, which safetensors writes once.
            found.state[name] = found.state[same[id(wanted)]]
        else:
            found.missing.append(name)
    return found


def _renamed(key: str, slots: Slots) -> str | None:
    if key in slots.expected or key in slots.others:
        return key
    for pattern, replacement in _RENAMES:
        match = re.match(pattern, key)
        if match:
            name = match.expand(replacement) if isinstance(replacement, str) else replacement(match)
            if (name := name + key[match.end() :]) in slots.expected:
                return name
    # DistributedDataParallel may wrap only a part of the network.
    plain = ".".join(part for part in key.split(".") if part != "module")
    return plain if plain in slots.expected else None


def _reshaped(tensor: Tensor, shape: torch.Size) -> Tensor | None:
    """Return ``tensor`` in an equivalent ``shape``, or None."""
    if tensor.shape[:1] == (CLASSES + 1,) and shape[:1] == (CLASSES,):
        tensor = tensor[1:].clone()  # TensorFlow's first class is the background.
    if tensor.shape == shape:
        return tensor
    # Definitions added or removed axes of length one, or turned full-map convolutions into linear.
    same = [n for n in tensor.shape if n != 1] == [n for n in shape if n != 1]
    if same or (tensor.dim() > 2 and tensor.flatten(1).shape == shape):
        return tensor.reshape(shape)
    return None


def _converts(tensor: Tensor, dtype: torch.dtype) -> bool:
    """Return whether a tensor converts to ``dtype``; quantized tensors do not."""
    if tensor.is_meta or tensor.is_quantized:
        return False
    if tensor.dtype == dtype or (tensor.is_floating_point() and dtype.is_floating_point):
        return True
    # Averaged counters, or indices of a different width.
    return not dtype.is_floating_point and bool((tensor.to(dtype) == tensor).all())


def _some(names: list[str], what: str) -> str:
    more = ", ..." if len(names) > 2 else ""
    return f"{len(names)} {what} ({', '.join(names[:2])}{more})"
