"""Networks in memory, by key or registry entry; torch is imported only when one is built."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from dnnbench.networks.registry import Network, RegistryError, hint, load_registry

if TYPE_CHECKING:
    import torch
    from torch import nn


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


def preload(networks: Iterable[Network]) -> None:
    """Import now what :func:`build` needs for ``networks``, so that no forked child has to.

    Children then build in tenths of a second, and what the libraries take is in a child's memory
    before it starts to measure. Everything in memory so far is also exempted from garbage
    collection: one collection in a child would copy the pages that it shares with its parent.
    Starts no threads where torch is set to one thread. Only what dnnbench itself requires is
    imported: any other code may change this process, or end it, and with it every network.
    """
    from dnnbench.networks.construction import import_builders

    import_builders(networks)


def load(network: Network) -> None:
    """Import all that :func:`build` needs for one network, in the process that measures it.

    Raises RegistryError as ``build`` does.
    """
    from dnnbench.networks.construction import import_builder

    import_builder(network)
