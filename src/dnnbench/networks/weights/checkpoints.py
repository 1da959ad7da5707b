"""Files of trained weights: read without running code, and fitted to a network by name and shape.

The files are older than the definitions they are loaded into: layers were renamed, classifiers
moved, counters added. What each file calls a tensor is known from the code that wrote it:
torchvision (2017 to now), pretrainedmodels, timm, and the repository of the 2018 study.
"""

import io
import pickle
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor, nn

from dnnbench.core.checksums import IntegrityError, only_member
from dnnbench.core.errors import UserError
from dnnbench.networks.registry import CLASSES

State = dict[str, Tensor]


class CheckpointError(UserError):
    """A file that cannot be loaded: names it and what is wrong."""


class MisfitError(UserError):
    """Tensors that are not those of the network: counts and names them."""


# What the files call a tensor -> what the network calls it. A key is renamed by the first rule
# that leads to a name which the network has, and only if it is not one already.


def _inside(names: Mapping[str, str], place: Callable[[re.Match[str]], str]) -> Callable[..., str]:
    """A replacement that puts the layer named by the last group at a place that the others give."""
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
    # ResNeXt-101 of torchvision and timm, in the order of the Lua Torch network.
    (r"conv1\.", "features.0."),
    (r"bn1\.", "features.1."),
    (
        rf"layer(\d)\.(\d+)\.({_any(_RESNEXT)})\.",
        _inside(_RESNEXT, lambda match: f"features.{int(match[1]) + 3}.{match[2]}.0"),
    ),
    # The four networks of our own, as the repository of the 2018 study names them.
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


def read(path: Path) -> State:
    """The tensors of a file, by name, on the CPU.

    ``.safetensors`` or what torch.save wrote, or an archive (``.zip``) of one of those. Never runs
    code: a pickle that holds anything but tensors and plain values is refused. Raises
    CheckpointError.
    """
    try:
        content = _content(path)
    except (OSError, MemoryError):
        raise
    except pickle.UnpicklingError as error:
        wanted = re.search(r"(?:GLOBAL|module) (\S+)", str(error))
        why = f"it wants to run {wanted[1]}" if wanted else "it is not only tensors"
        raise CheckpointError(f"{path}: refused: {why}") from None
    except IntegrityError as error:
        raise CheckpointError(str(error)) from None
    except Exception as error:  # Whatever the libraries raise for a file that is damaged.
        what = f"{type(error).__name__}: {error}".splitlines()[0]
        raise CheckpointError(f"{path}: not a file of weights: {what[:200]}") from error
    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        content = content["state_dict"]
    if not isinstance(content, dict) or not all(
        isinstance(name, str) and isinstance(tensor, Tensor) for name, tensor in content.items()
    ):
        raise CheckpointError(f"{path}: not a file of weights: it holds other things than tensors")
    if all(name.startswith("module.") for name in content):  # Written by DataParallel.
        content = {name.removeprefix("module."): tensor for name, tensor in content.items()}
    return content


def _content(path: Path) -> object:
    if path.suffix == ".safetensors":
        return safetensors.torch.load_file(path)
    if path.suffix == ".zip":
        with only_member(path) as member:
            unpacked = io.BytesIO(member.read())
        return torch.load(unpacked, map_location="cpu", weights_only=True)
    return torch.load(path, map_location="cpu", weights_only=True)


def fit(state: Mapping[str, Tensor], model: nn.Module) -> State:
    """``state`` under the names, in the shapes and types of ``model``, which may be on meta.

    Every tensor of the model is there and nothing else; but counters of batch normalisation, which
    files older than PyTorch 0.4.1 lack and evaluation does not use, are added as zero. Raises
    MisfitError with what is missing, unexpected or of another shape.
    """
    expected = model.state_dict()
    fitted: State = {}
    unexpected, misshapen = [], []
    for key, tensor in state.items():
        name = _renamed(key, expected)
        if name is None or name in fitted:
            unexpected.append(key)
            continue
        reshaped = _reshaped(tensor, expected[name].shape)
        if reshaped is None:
            misshapen.append(f"{key} {list(tensor.shape)}, not {list(expected[name].shape)}")
        fitted[name] = (tensor if reshaped is None else reshaped).to(expected[name].dtype)
    for name in expected.keys() - fitted.keys():
        if name.endswith(".num_batches_tracked"):
            fitted[name] = torch.zeros((), dtype=torch.long)
    missing = [name for name in expected if name not in fitted]
    problems = [
        _some(names, what)
        for names, what in (
            (missing, "missing"),
            (unexpected, "unexpected"),
            (misshapen, "of another shape"),
        )
        if names
    ]
    if problems:
        raise MisfitError("; ".join(problems))
    return fitted


def _renamed(key: str, expected: Mapping[str, object]) -> str | None:
    if key in expected:
        return key
    for pattern, replacement in _RENAMES:
        match = re.match(pattern, key)
        if match:
            name = match.expand(replacement) if isinstance(replacement, str) else replacement(match)
            if (name := name + key[match.end() :]) in expected:
                return name
    return None


def _reshaped(tensor: Tensor, shape: torch.Size) -> Tensor | None:
    """``tensor`` in the shape that a later definition gives it, or None where it is another one."""
    if tensor.shape[:1] == (CLASSES + 1,) and shape[:1] == (CLASSES,):
        tensor = tensor[1:].clone()  # The networks of TensorFlow begin with a background class.
    if tensor.shape == shape:
        return tensor
    # Axes of length one came and went; convolutions of the whole map became linear.
    same = [n for n in tensor.shape if n != 1] == [n for n in shape if n != 1]
    if same or (tensor.dim() > 2 and tensor.flatten(1).shape == shape):
        return tensor.reshape(shape)
    return None


def _some(names: list[str], what: str) -> str:
    more = ", ..." if len(names) > 2 else ""
    return f"{len(names)} {what} ({', '.join(names[:2])}{more})"
