"""What a list of models stands for: networks of the registry, of libraries, and one's own.

A name is one of the registry; a set of them (``bianco2018``, ``modern``); or the place of a network
behind the prefix of a library, such as ``timm:<name>`` or ``mine:<file>.py:<function>``. Each
resolves to one entry of the registry's shape, whose key, a slug, names it in paths and tables.
Importing this module imports no library: a name that asks for one does.
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

_REMEDY = "correct the package of the library"


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
        # What the registry says of such a network is more than its library does.
        return [registry.get(one.key, one) for one in _of_library(found, rest, source)]
    *others, last = forms()
    otherwise = f"see config/models.yaml, or write {', '.join(others)} or {last}"
    remedy = hint(name, [*registry, *SETS], otherwise)
    raise RegistryError(f"{source}: {name!r} is not a network; {remedy}")


def _of_library(library: Library, name: str, source: str) -> list[Network]:
    """The networks of a library; what is wrong with it, or with a plugin's answer, is one line."""
    spec = f"{library.name}:{name}"
    try:
        found = library.find(name, source)
    except ImportError as error:
        package = library.package or "what it needs"
        raise RegistryError(f"{source}: {spec!r}: {error}; pip install {package}") from error
    networks = []
    for network in found:
        if not isinstance(network, Network):
            raise RegistryError(f"{source}: {spec!r}: {network!r} is no Network; {_REMEDY}")
        # A study's tables are read by what stands in them: the key, and how a list names it.
        text = network.spec.removeprefix(f"{library.name}:")
        if network.key != library.key_of(text) or network.spec == text:
            raise RegistryError(
                f"{source}: {spec!r}: key {network.key!r} and spec {network.spec!r} do not belong"
                f" together; {_REMEDY}"
            )
        networks.append(network)
    return networks


def key_of(name: str) -> str:
    """Return the key of the network that a list of models names so; of a key, that key.

    Imports no library: names of timm need their tag. Raises RegistryError for a file of one's own
    that is not there.
    """
    library, colon, rest = name.partition(":")
    found = libraries().get(library) if colon else None
    return found.key_of(rest) if found else name


def printed_name(key: str) -> str:
    """What to call the network of a key that the registry does not have."""
    library, name = by_key(key) or (None, key)
    return library.printed(name) if library else key
