"""Builders of networks by key or entry; torch is imported only to build one."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from dnnbench.networks.registry import Network, RegistryError, hint, load_registry

if TYPE_CHECKING:
    import torch
    from torch import nn

_OURS = __name__.partition(".")[0]


def build(network: Network | str, device: str | torch.device = "cpu", seed: int = 0) -> nn.Module:
    """Build a network with random weights, in eval mode, without gradients.

    The network returns logits of shape [N, classes]. Building needs no trained weights and no
    internet access. It works for every entry, repeatedly and in any order in one process, on the
    CPU, on the meta device (shapes without storage), and on an accelerator; no two networks share
    storage. ``seed`` determines the weights. A string is looked up in the repository's registry.

    Raises RegistryError, which names the network, if its builder cannot be imported or called.
    """
    # Imported here because torch takes seconds, and naming files does not need it.
    from dnnbench.networks.construction import build_network

    if isinstance(network, str):
        registry = load_registry()
        if network not in registry:
            raise RegistryError(f"build: {network!r}: unknown network. {hint(network, registry)}")
        network = registry[network]
    return build_network(network, device, seed)


def is_foreign(network: Network) -> bool:
    """Return whether other code than dnnbench or its libraries builds the network."""
    module = network.builder.partition(":")[0]
    required = importlib.metadata.requires(_OURS) or ()
    known = {re.split(r"[^\w-]", name)[0].replace("-", "_").lower() for name in required}
    package = module.partition(".")[0]
    return module.endswith(".py") or package.lower() not in known | {_OURS}


def preload(networks: Iterable[Network]) -> None:
    """Import everything :func:`build` needs for ``networks``, before any fork.

    Children then build in tenths of a second, and the libraries' memory is part of a child before
    it starts to measure. All objects so far are exempted from garbage collection, because a
    collection in a child would copy the pages that it shares with its parent. No threads are
    started if torch is set to one thread. Foreign code is not imported, since it could change or
    end this process, and with it the measurement of every network.
    """
    from dnnbench.networks.construction import import_builders

    import_builders(networks)


def load(network: Network) -> None:
    """Import everything :func:`build` needs for a network, in the measuring process.

    Raises RegistryError as ``build`` does.
    """
    from dnnbench.networks.construction import import_builder

    import_builder(network)
