"""Construction of a network in memory from its registry entry.

The libraries that define the networks expect one network per process. This module contains the
workarounds that allow any number of networks in one process.
"""

import contextlib
import gc
import importlib
import importlib.util
import operator
import re
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType

import torch
from torch import nn

from dnnbench.core import foreign_text
from dnnbench.networks import builders, own_file
from dnnbench.networks.random_weights import PooledInitializers
from dnnbench.networks.registry import Network, RegistryError

_preloaded: set[str] = set()  # Packages that were imported before any child started.


def build_network(network: Network, device: str | torch.device, seed: int) -> nn.Module:
    """Build ``network`` with random weights; see ``builders.build``."""
    device = torch.device(device)
    # Weights are always created on the CPU, so that they depend on the seed alone.
    model = None
    if device.type == "meta":
        # Fails for constructors that read tensor values, which meta tensors lack.
        with contextlib.suppress(RegistryError):
            model = _construct(network, device, seed)
    if model is None:
        model = _construct(network, torch.device("cpu"), seed)
    _flatten_output(network, model)
    return model.to(device).eval().requires_grad_(False)


def _construct(network: Network, device: torch.device, seed: int) -> nn.Module:
    """Return the network that the builder creates on ``device``."""
    threads = torch.get_num_threads()
    with (
        contextlib.chdir("."),
        warnings.catch_warnings(),
        torch.random.fork_rng(devices=[]),
        device,
        torch.no_grad(),
        PooledInitializers(seed),
    ):
        # torchvision has deprecated the arguments that pretrainedmodels passes to it.
        warnings.simplefilter("ignore")
        torch.default_generator.manual_seed(seed)
        builder = import_builder(network)
        try:
            model = builder(**network.arguments)
        except (Exception, SystemExit) as error:
            raise RegistryError(
                f"{network.key}: builder: {network.builder} failed with"
                f" {foreign_text.of_error(error)}. Check builder and arguments."
            ) from error
        if not isinstance(model, nn.Module):
            raise RegistryError(
                f"{network.key}: builder: {network.builder} returned a {type(model).__name__}."
                " Return a torch.nn.Module instead."
            )
        _own_features(network, model)
    if torch.get_num_threads() != threads:  # The user's file may have changed it.
        torch.set_num_threads(threads)
    return model


def import_builders(networks: Iterable[Network]) -> None:
    """Import what ``networks`` need; see ``builders.preload``."""
    for network in networks:
        if not builders.is_foreign(network):
            _preloaded.add(re.split("[.:]", network.builder)[0])
            import_builder(network)
    # Creates the pool; also, the first use of its mode imports a part of torch.
    with PooledInitializers(seed=0):
        torch.empty(1)
    gc.collect()
    gc.freeze()


def import_builder(network: Network) -> Callable[..., object]:
    """Import and return the function that builds a network; see ``builders.load``."""
    module_name, _, attribute = network.builder.partition(":")
    try:
        builder = operator.attrgetter(attribute)(_import(module_name))
    except own_file.OwnFileError as error:
        raise RegistryError(f"{network.key}: builder: {error}") from error
    except (ImportError, AttributeError) as error:
        raise RegistryError(
            f"{network.key}: builder: {network.builder}: {error}."
            " Correct it, or install the library it names."
        ) from error
    if not callable(builder):
        raise RegistryError(
            f"{network.key}: builder: {network.builder} is not callable. Name a function."
        )
    return builder  # type: ignore[no-any-return]


def _import(name: str) -> ModuleType:
    if name.endswith(".py"):
        return own_file.load(Path(name), _preloaded)
    if name != "pretrainedmodels":
        return importlib.import_module(name)
    importlib.import_module("torchvision")
    # On import, the package builds two ResNeXt-101: 0.5 GB and a second, both unnecessary.
    with torch.device("meta"):
        return importlib.import_module(name)


def _own_features(network: Network, model: nn.Module) -> None:
    """Give a ResNeXt-101 of pretrainedmodels its own copy of the feature modules.

    The package creates them once, on import, and all instances share them. Running their file again
    creates new ones, on the current device and with the current initializers.
    """
    if not network.builder.startswith("pretrainedmodels:resnext101_"):
        return
    name = f"{network.builder.partition(':')[2]}_features"
    spec = importlib.util.find_spec(f"pretrainedmodels.models.resnext_features.{name}")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    model.features = getattr(module, name)


def _flatten_output(network: Network, model: nn.Module) -> None:
    """Make a SqueezeNet of pretrainedmodels return [N, 1000], not [N, 1000, 1, 1].

    Only the last module is replaced. It has no parameters, so parameters keep their names.
    """
    if network.builder.startswith("pretrainedmodels:squeezenet"):
        model.avgpool = nn.Sequential(model.get_submodule("avgpool"), nn.Flatten())
