"""Discovery of descriptors: engines, backends, libraries, limits, data sets.

dnnbench finds its own descriptors by listing a package, and those of plugins by entry points:

    [project.entry-points."dnnbench.engines"]
    tensorrt = "my_package.tensorrt:ENGINE"

Literals, schemas, help texts and install hints are derived from the descriptors found, so that an
addition takes one module.
"""

import importlib
import importlib.metadata
import pkgutil
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, Protocol, TypeVar

from dnnbench.core import foreign_text
from dnnbench.core.errors import UserError


class Descriptor(Protocol):
    """The common interface of all descriptors: the name that users write."""

    @property
    def name(self) -> str:
        """Name in params.yaml, device files and on the command line."""
        ...


D = TypeVar("D", bound=Descriptor)


class PluginError(UserError):
    """An unusable plugin; the message has the entry point, the problem and the fix."""


def find(group: str, kind: type[D]) -> dict[str, D]:
    """Return the descriptors of type ``kind`` by name, plugins last.

    ``group`` is both a package of dnnbench and an entry point group. A module of the package
    declares its descriptor in a constant named for the type (``ENGINE`` for an ``Engine``). Because
    discovery imports the module, it must import heavy libraries only inside functions. Raises
    PluginError if an entry point cannot be loaded, has another type, or repeats a name.
    """
    return dict(_find(group, kind))


def extend(own: tuple[D, ...], group: str, kind: type[D]) -> dict[str, D]:
    """Return the descriptors ``own`` by name, followed by plugins.

    ``group`` is the entry point group of the plugins. Raises PluginError: see :func:`find`.
    """
    return dict(_extend(own, group, kind))


def module_of(group: str, kind: type[D], name: str) -> str:
    """Return the dotted name of the module that declares a descriptor."""
    return _modules(group, kind)[name]


@cache
def _find(group: str, kind: type[D]) -> dict[str, D]:
    return {descriptor.name: descriptor for descriptor, _ in _declared(group, kind)}


@cache
def _extend(own: tuple[D, ...], group: str, kind: type[D]) -> dict[str, D]:
    found = _unique([*((descriptor, "dnnbench") for descriptor in own), *_others(group, kind)])
    return {descriptor.name: descriptor for descriptor, _ in found}


@cache
def _modules(group: str, kind: type[D]) -> dict[str, str]:
    return {descriptor.name: module for descriptor, module in _declared(group, kind)}


@cache
def _declared(group: str, kind: type[D]) -> list[tuple[D, str]]:
    return _unique([*_own(group, kind), *_others(group, kind)])


def _unique(declared: Iterable[tuple[D, str]]) -> list[tuple[D, str]]:
    found: dict[str, tuple[D, str]] = {}
    for descriptor, module in declared:
        if descriptor.name in found:
            raise PluginError(
                f"{module}: {descriptor.name!r}: this name is also used by"
                f" {found[descriptor.name][1]}. Rename one."
            )
        found[descriptor.name] = descriptor, module
    return list(found.values())


def _own(group: str, kind: type[D]) -> Iterator[tuple[D, str]]:
    constant = kind.__name__.upper()
    for entry in pkgutil.iter_modules(importlib.import_module(group).__path__, f"{group}."):
        if not entry.ispkg:
            value = getattr(importlib.import_module(entry.name), constant, None)
            if isinstance(value, kind):
                yield value, entry.name


def _others(group: str, kind: type[D]) -> Iterator[tuple[D, str]]:
    for entry in importlib.metadata.entry_points(group=group):
        where = f"entry point {entry.name!r} of {group} ({entry.value})"
        try:
            value: Any = entry.load()
        except (Exception, SystemExit) as error:
            raise PluginError(
                f"{where}: {foreign_text.of_error(error)}. Fix or uninstall its package."
            ) from error
        if not isinstance(value, kind):
            raise PluginError(
                f"{where}: {_shown(value)} is not of type {kind.__name__}. Fix its package."
            )
        yield value, entry.module


def _shown(value: object) -> str:
    try:
        return foreign_text.line(repr(value), 100)
    except Exception:
        return f"object of type {type(value).__name__}"
