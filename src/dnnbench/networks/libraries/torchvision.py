"""Classifiers of torchvision, with the default weights of the installed version."""

import importlib.metadata
import re
from typing import Any

from dnnbench.config.library import Library
from dnnbench.networks.libraries.wildcards import matching
from dnnbench.networks.registry import Hash, Network, WeightsSource


def find(name: str, source: str) -> list[Network]:
    """Return the networks that a name or pattern matches.

    Raises RegistryError if torchvision has no match.
    """
    from torchvision import models

    known = models.list_models(module=models)
    return [_network(models, one) for one in matching(name, known, f"torchvision:{name}", source)]


def _network(models: Any, name: str) -> Network:
    weights = models.get_model_weights(name).DEFAULT
    transforms = weights.transforms()
    (size,), (resize,) = transforms.crop_size, transforms.resize_size
    accuracy = weights.meta["_metrics"]["ImageNet-1K"]
    filename = weights.url.rpartition("/")[2]
    digits = re.search(r"-([0-9a-f]{8,})\.pth$", filename)
    assert digits
    return Network(
        key=f"torchvision-{name}",
        spec=f"torchvision:{name}",
        name=_printed(name),
        family=models.get_model_builder(name).__module__.rpartition(".")[2],
        year=None,
        venue=None,
        builder=f"torchvision.models:{name}",
        arguments={"weights": None, **_arguments(name, size)},
        input_size=size,
        channel_order="RGB",
        range=(0, 1),
        mean=transforms.mean,
        std=transforms.std,
        weights=(
            WeightsSource(
                tier="B",
                library=f"torchvision {importlib.metadata.version('torchvision')}",
                id=str(weights),
                url=weights.url,
                filename=filename,
                hash=Hash(kind="sha256_prefix", value=digits[1]),
                interpolation=transforms.interpolation.value,
                crop_pct=size / resize,
                top1=accuracy["acc@1"],
                top5=accuracy["acc@5"],
            ),
        ),
    )


def _printed(name: str) -> str:
    """Return a name for figures that no network of the 2018 study has."""
    return f"{name} (torchvision)"


def _arguments(name: str, size: int) -> dict[str, Any]:
    """Return required arguments that a builder sets only if it loads weights."""
    if name in ("googlenet", "inception_v3"):
        return {"transform_input": True, "init_weights": False}
    return {"image_size": size} if name.startswith("vit_") else {}


# Not versioned: networks must keep fitting the published weights, and machines of one study may
# have different versions. Rounded: torchvision states the resized side, the registry a fraction.
LIBRARY = Library(
    name="torchvision", find=find, printed=_printed, package="torchvision", resize=round
)
