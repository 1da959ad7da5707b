"""Resolution of a list of models to networks: registry, libraries, or your own.

A name is a key of the registry, a set of networks (``bianco2018``, ``modern``), or a library's
prefix followed by a network, such as ``timm:<name>`` or ``mine:<file>.py:<function>``. Each network
becomes a registry entry, whose key names it in paths and tables. A library is imported only when
one of its networks is resolved.
"""

from collections.abc import Iterable, Mapping

from dnnbench.config.library import Library, by_key, forms, libraries
from dnnbench.networks.registry import (
    MODERN,
    SETS,
    Network,
    RegistryError,
    hint,
    load_registry,
    spec_of,
)
from dnnbench.records import paths
from dnnbench.records.published_study import STUDY

_REMEDY = "Correct the library's package."


def resolve(
    names: str | Iterable[str],
    registry: Mapping[str, Network] | None = None,
    source: str = "models",
) -> dict[str, Network]:
    """Resolve one or several names to networks, by key, in order.

    ``source`` names the place of the list in messages, for example ``"params.yaml: models"``.
    Raises RegistryError at the first unknown or duplicate name, and for an empty list.
    """
    registry = load_registry() if registry is None else registry
    found: dict[str, Network] = {}
    for name in [names] if isinstance(names, str) else names:
        for network in _networks(name, registry, source):
            if network.key in found:
                raise RegistryError(f"{source}: {network.key!r}: listed twice. Remove one.")
            found[network.key] = network
    if not found:
        raise RegistryError(f"{source}: []: no networks. Write {STUDY} or a list of names.")
    return found


def of_study(names: Iterable[str], registry: Mapping[str, Network]) -> dict[str, Network]:
    """Return the registry and a study's networks that are not in it, by key.

    ``names`` is the ``spec`` column of a table. Raises RegistryError as ``resolve`` does.
    """
    others = [name for name in names if name not in registry]
    return {**registry, **(resolve(others, registry, f"{paths.MODELS}: spec") if others else {})}


def _networks(name: str, registry: Mapping[str, Network], source: str) -> list[Network]:
    if name == STUDY:
        return [network for network in registry.values() if network.published]
    if name == MODERN:
        return [network for network in registry.values() if network.set == MODERN]
    library, colon, rest = spec_of(str(name)).partition(":")
    if network := registry.get(f"{library}-{rest}" if colon else name):
        return [network]
    if colon and (found := libraries().get(library)):
        # The registry has more details of such a network than its library.
        return [registry.get(one.key, one) for one in _of_library(found, rest, source)]
    *others, last = forms()
    otherwise = f"See config/models.yaml, or write {', '.join(others)} or {last}."
    remedy = hint(name, [*registry, *SETS], otherwise)
    raise RegistryError(f"{source}: {name!r}: unknown network. {remedy}")


def _of_library(library: Library, name: str, source: str) -> list[Network]:
    """Return a library's networks, after checking them.

    Raises RegistryError if the library is not installed, or if a plugin returns invalid networks.
    """
    spec = f"{library.name}:{name}"
    try:
        found = library.find(name, source)
    except ImportError as error:
        remedy = f"Run: pip install {library.package}" if library.package else "Install it."
        raise RegistryError(f"{source}: {spec!r}: {error}. {remedy}") from error
    networks = []
    for network in found:
        if not isinstance(network, Network):
            raise RegistryError(f"{source}: {spec!r}: {network!r}: not a Network. {_REMEDY}")
        # A study's tables identify networks by key and spec.
        text = network.spec.removeprefix(f"{library.name}:")
        if network.key != library.key_of(text) or network.spec == text:
            raise RegistryError(
                f"{source}: {spec!r}: key {network.key!r} does not match spec {network.spec!r}."
                f" {_REMEDY}"
            )
        networks.append(network)
    return networks


def key_of(name: str) -> str:
    """Return the key of the network that ``name`` means in a list of models.

    A key is returned unchanged. No library is imported, so names of timm must include their tag.
    Raises RegistryError if a file that the name refers to does not exist.
    """
    library, colon, rest = name.partition(":")
    found = libraries().get(library) if colon else None
    return found.key_of(rest) if found else name


def printed_name(key: str) -> str:
    """Return the display name of a network that is not in the registry."""
    library, name = by_key(key) or (None, key)
    return library.printed(name) if library else key
