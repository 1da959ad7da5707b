"""Networks of timm, by names and wildcards such as ``timm:vit_*_224``.

A name without a tag (``convnext_tiny``) gets timm's default tag; a pattern without a dot matches
architectures, each with its default tag. Input size and crop are those of timm's evaluation, on
which its published accuracies are based; for some networks they are larger than in training. timm's
package contains no accuracies.
"""

import importlib
import importlib.metadata
import re
from types import ModuleType
from typing import Any

from dnnbench.config.library import Library
from dnnbench.networks.libraries.wildcards import is_pattern, matching
from dnnbench.networks.registry import CLASSES, Hash, Network, RegistryError, WeightsSource


def find(name: str, source: str) -> list[Network]:
    """Return the networks with 1000 classes that a name or pattern matches.

    A pattern skips networks that cannot be measured. Raises RegistryError for a name that is
    unknown or cannot be measured, and for a pattern without a usable match.
    """
    import timm

    spec = f"timm:{name}"
    known = timm.list_models(include_tags="." in name)
    found = [(full, _config(timm, full)) for full in matching(name, known, spec, source)]
    faults = [_fault(config) for _, config in found]
    good = [one for one, fault in zip(found, faults, strict=True) if fault is None]
    if not good or not (is_pattern(name) or len(good) == len(found)):
        raise RegistryError(f"{source}: {spec!r}: {faults[0]}. Choose another network.")
    return [_network(full, config) for full, config in good]


def _config(timm: ModuleType, name: str) -> Any:
    return timm.get_pretrained_cfg(name, allow_unregistered=False)


def _fault(config: Any) -> str | None:
    """Return the reason why a network cannot be measured, or None."""
    if config.num_classes != CLASSES:
        return f"has {config.num_classes or 'no'} classes instead of ImageNet's {CLASSES}"
    channels, height, width = _input_size(config)
    if channels != 3 or height != width:
        return f"input {channels} x {height} x {width} is not a square with three channels"
    return None


def _input_size(config: Any) -> tuple[int, int, int]:
    size: tuple[int, int, int] = config.test_input_size or config.input_size
    return size


def _network(name: str, config: Any) -> Network:
    full = f"{config.architecture}.{config.tag}" if config.tag else name
    architecture = importlib.import_module("timm.models").model_entrypoint(config.architecture)
    return Network(
        key=f"timm-{full}",
        spec=f"timm:{full}",
        name=full,
        family=architecture.__module__.rpartition(".")[2],
        year=None,
        venue=None,
        builder="timm:create_model",
        arguments={"model_name": full, "pretrained": False},
        input_size=_input_size(config)[1],
        channel_order="RGB",
        range=(0, 1),
        mean=config.mean,
        std=config.std,
        **_crop(config),
        weights=_weights(full, config),
    )


def _crop(config: Any) -> dict[str, Any]:
    """Return resize filter and crop, unless images are squashed or padded."""
    share = config.test_crop_pct or config.crop_pct
    centered = config.crop_mode == "center" and share <= 1
    return {"interpolation": config.interpolation, "crop_pct": share} if centered else {}


def _weights(name: str, config: Any) -> tuple[WeightsSource, ...]:
    said: dict[str, Any] = {
        "library": f"timm {importlib.metadata.version('timm')}",
        "id": name,
        **_crop(config),
        "licence": config.license,
    }
    sources = []
    # torch.hub's naming convention: the digits are the start of the file's SHA-256.
    if named := re.search(r"/([\w.-]+-([0-9a-f]{8})\.(?:pth|safetensors))$", config.url or ""):
        known = Hash(kind="sha256_prefix", value=named[2])
        sources.append(
            WeightsSource(tier="B", url=config.url, filename=named[1], hash=known, **said)
        )
    if config.hf_hub_id:
        repository, _, revision = config.hf_hub_id.partition("@")
        file = config.hf_hub_filename or "model.safetensors"
        sources.append(
            WeightsSource(
                tier="B",
                url=f"https://huggingface.co/{repository}/resolve/{revision or 'main'}/{file}",
                filename=f"{name}.{file.rpartition('.')[2]}",
                hash=None,
                **said,
            )
        )
    return tuple(sources)


# Versioned because timm redefines networks between versions.
LIBRARY = Library(name="timm", find=find, package="timm", versioned=True)
