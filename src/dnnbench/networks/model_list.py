"""What a list of models stands for: networks of the registry, of libraries, and one's own.

A name is one of the registry; a set of them (``bianco2018``, ``modern``); or the place of a network
behind a prefix: ``timm:<name>``, ``torchvision:<name>``, ``mine:<file>.py:<function>``. Each
resolves to one entry of the registry's shape, whose key, a slug, names it in paths and tables.
Importing this module imports no library: a name that asks for one does.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from dnnbench.networks.libraries import mine, timm, torchvision
from dnnbench.networks.registry import Network, RegistryError, hint, load_registry, spec_of

# Every network of the 2018 study.
STUDY = "bianco2018"
MODERN = "modern"
SETS = (STUDY, MODERN)

_LIBRARIES = {"timm": timm.find, "torchvision": torchvision.find, "mine": mine.find}
_OTHERWISE = (
    "see config/models.yaml, or write timm:<name>, torchvision:<name> or mine:<file>.py:<function>"
)


def resolve(
    names: str | Iterable[str],
    registry: Mapping[str, Network] | None = None,
    source: str = "models",
) -> dict[str, Network]:
    """The networks that ``names`` stands for, by key, in order.

    ``names`` is one name or several. ``source`` says where they were read, for messages, for
    example ``"params.yaml: models"``. Raises RegistryError at the first name that is unknown or
    repeated, and for an empty list.
    """
    registry = load_registry() if registry is None else registry
    found: dict[str, Network] = {}
    for name in [names] if isinstance(names, str) else names:
        for network in _networks(name, registry, source):
            if network.key in found:
                raise RegistryError(f"{source}: {network.key!r} is named twice; remove one")
            found[network.key] = network
    if not found:
        raise RegistryError(f"{source}: [] names no network; write {STUDY} or a list of names")
    return found


def of_study(names: Iterable[str], registry: Mapping[str, Network]) -> dict[str, Network]:
    """The registry, and after it the networks of a study's tables that it does not have, by key.

    ``names``: column spec of a table. Raises RegistryError as ``resolve`` does.
    """
    others = [name for name in names if name not in registry]
    return {**registry, **(resolve(others, registry, "results/models.csv: spec") if others else {})}


def _networks(name: str, registry: Mapping[str, Network], source: str) -> list[Network]:
    if name == STUDY:
        return [network for network in registry.values() if network.published]
    if name == MODERN:
        return [network for network in registry.values() if network.set == MODERN]
    library, colon, rest = spec_of(str(name)).partition(":")
    if network := registry.get(f"{library}-{rest}" if colon else name):
        return [network]
    if colon and library in _LIBRARIES:
        # What the registry says of such a network is more than its library does.
        return [registry.get(one.key, one) for one in _LIBRARIES[library](rest, source)]
    remedy = hint(name, [*registry, *SETS], _OTHERWISE)
    raise RegistryError(f"{source}: {name!r} is not a network; {remedy}")


def key_of(name: str) -> str:
    """The key of the network that is named so in a list of models; a name as it is, if it is one.

    Costs no import. ``timm:`` names need their tag. Raises RegistryError for a file of one's own
    that is not there.
    """
    library, colon, rest = name.partition(":")
    if not colon or library not in _LIBRARIES:
        return name
    if library != "mine":
        return f"{library}-{rest}"
    path, _, function = rest.rpartition(":")
    return mine.key(Path(path), function)


def printed_name(key: str) -> str:
    """What to call the network of a key that the registry does not have."""
    library, _, name = spec_of(key).partition(":")
    if name:
        return f"{name} (torchvision)" if library == "torchvision" else name
    return re.sub(r"^mine-(.+)-[0-9a-f]{8}$", r"\1", key)
