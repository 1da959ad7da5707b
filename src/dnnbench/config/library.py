"""Libraries that networks outside the registry come from, each behind a prefix of its own.

The descriptor is here, below the modules that declare one (``dnnbench.networks.libraries``), so
that names, schemas and messages can list the libraries without importing what they need.
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
    """A library of networks, which a list of models names as ``<prefix>:<name>``.

    ``name``: the prefix. ``find(name, source)`` returns the networks (``registry.Network``) that
    the text after the prefix stands for, and raises RegistryError; ``source`` says where the name
    was read. It downloads nothing and builds no network. ``form`` is what help texts write after
    the prefix.

    ``key(name)`` returns the key of a network without importing the library; None: the key is
    ``<prefix>-<name>``, from which the name can be told again. ``printed(name)`` returns what
    figures call a network, from its key without the prefix. ``package`` is the distribution to
    install. Where it is ``versioned``, its version is part of the definition of its networks, so
    that another version measures them again. ``resize`` makes whole pixels of the side that it
    resizes pictures to, input size / crop share.
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
            raise ValueError(f"name: {self.name!r}: write lower-case letters, digits and _")

    def key_of(self, name: str) -> str:
        """Return the key of the network of this name; it costs no import."""
        return self.key(name) if self.key else f"{self.name}-{name}"


def libraries() -> dict[str, Library]:
    """Return the libraries by prefix: those of dnnbench, then those of other distributions."""
    return plugins.find(GROUP, Library)


def forms() -> list[str]:
    """Return how a list of models names the networks of each library, for help texts."""
    return [f"{library.name}:{library.form}" for library in libraries().values()]


def resize_of(publisher: str) -> Callable[[float], int]:
    """Return ``resize`` of the library that published weights, such as ``torchvision<=0.5``.

    What is not among the libraries rounds down.
    """
    name = re.match("[a-z0-9_]*", publisher)
    library = libraries().get(name[0]) if name else None
    return library.resize if library else math.floor


def by_key(key: str) -> tuple[Library, str] | None:
    """Return the library that the key's prefix names, and the rest of the key; None: no library."""
    prefix, dash, name = key.partition("-")
    library = libraries().get(prefix) if dash else None
    return (library, name) if library else None
