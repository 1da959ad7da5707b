"""Networks in memory, by key or registry entry; torch is imported only when one is built."""

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
    """Build a network with random weights: eval mode, no gradients, N x classes logits.

    Needs neither weights nor network access. Works for every entry, many times in one process, in
    any order, on the CPU, on the meta device (shapes without storage) and on an accelerator; no
    two networks share storage. The values of the weights follow from ``seed``. A name is looked up
    in the repository's own registry.

    Raises RegistryError naming the network where its builder cannot be imported or called.
    """
    # Here, not above: importing torch takes seconds, and naming files does not need it.
    from dnnbench.networks.construction import build_network

    if isinstance(network, str):
        registry = load_registry()
        if network not in registry:
            raise RegistryError(f"build: {network!r} is not a network; {hint(network, registry)}")
        network = registry[network]
    return build_network(network, device, seed)


def is_foreign(network: Network) -> bool:
    """Whether code builds it that is neither dnnbench's nor a library's that dnnbench requires."""
    module = network.builder.partition(":")[0]
    required = importlib.metadata.requires(_OURS) or ()
    known = {re.split(r"[^\w-]", name)[0].replace("-", "_").lower() for name in required}
    package = module.partition(".")[0]
    return module.endswith(".py") or package.lower() not in known | {_OURS}


def preload(networks: Iterable[Network]) -> None:
    """Import now what :func:`build` needs for ``networks``, so that no forked child has to.

    Children then build in tenths of a second, and what the libraries take is in a child's memory
    before it starts to measure. Everything in memory so far is also exempted from garbage
    collection: one collection in a child would copy the pages that it shares with its parent.
    Starts no threads where torch is set to one thread. Foreign code is not imported: it may change
    this process, or end it, and with it every network.
    """
    from dnnbench.networks.construction import import_builders

    import_builders(networks)


def load(network: Network) -> None:
    """Import all that :func:`build` needs for one network, in the process that measures it.

    Raises RegistryError as ``build`` does.
    """
    from dnnbench.networks.construction import import_builder

    import_builder(network)
