"""The descriptor of a library of networks, selected by a prefix.

The registry does not list its networks.

It is defined here, a layer below the modules that declare one (``dnnbench.networks.libraries``), so
that names, schemas and messages can list the libraries without importing them.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dnnbench.core import plugins

GROUP = "dnnbench.networks.libraries"


def _same(name: str) -> str:
    return name


@dataclass(frozen=True)
class Library:
    """A library of networks, written ``<prefix>:<name>`` in a list of models.

    ``name``: the prefix. ``find(name, source)`` returns the matching networks
    (``registry.Network``) for the text after the prefix and raises RegistryError; ``source`` is
    where the name was read, for messages. It downloads nothing and builds no network. ``form`` is
    the placeholder after the prefix in help texts.

    ``key(name)`` returns the key of a network without importing the library; None: the key is
    ``<prefix>-<name>``, from which the name can be recovered. ``printed(name)`` returns the name
    shown in figures, from the key without the prefix. ``package`` is the distribution to install.
    ``versioned``: its version is part of the definition of its networks, so that they are measured
    again with another version. ``resize`` rounds the side that images are resized to, input size /
    crop share, to whole pixels.
    """

    name: str
    find: Callable[[str, str], Sequence[object]]
    form: str = "<name>"
    key: Callable[[str], str] | None = None
    printed: Callable[[str], str] = _same
    package: str | None = None
    versioned: bool = False
    resize: Callable[[float], int] = math.floor

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9_]+", self.name):
            raise ValueError(
                f"name: {self.name!r}: not a valid name. Use only lower-case letters, digits and _."
            )

    def key_of(self, name: str) -> str:
        """Return the key of the network with this name, without importing the library."""
        return self.key(name) if self.key else f"{self.name}-{name}"


def libraries() -> dict[str, Library]:
    """Return the libraries by prefix, plugins last."""
    return plugins.find(GROUP, Library)


def forms() -> list[str]:
    """Return the syntax for the networks of each library, such as ``timm:<name>``."""
    return [f"{library.name}:{library.form}" for library in libraries().values()]


def resize_of(publisher: str) -> Callable[[float], int]:
    """Return the rounding of the library of weights, such as ``torchvision<=0.5``.

    Unknown publishers round down.
    """
    name = re.match("[a-z0-9_]*", publisher)
    library = libraries().get(name[0]) if name else None
    return library.resize if library else math.floor


def by_key(key: str) -> tuple[Library, str] | None:
    """Return the library of a key and the rest of the key; None without its prefix."""
    prefix, dash, name = key.partition("-")
    library = libraries().get(prefix) if dash else None
    return (library, name) if library else None
