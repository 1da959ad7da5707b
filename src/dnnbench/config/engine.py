"""The descriptor of an inference engine; each module in ``engines/`` declares one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dnnbench.core import plugins

_OF_TORCH = ("fp32", "tf32", "fp16", "bf16")
PRECISIONS = (*_OF_TORCH, "int8")
GROUP = "dnnbench.engines"


@dataclass(frozen=True)
class GraphFiles:
    """The files of a graph, the one to read first, and how it was made."""

    files: list[Path]
    settings: Mapping[str, str | int | float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Graph:
    """A file format from which engines read a network, built once per network and batch size.

    ``build(model, images, file, pictures)`` writes the network and its weights, for batches shaped
    like ``images``, and returns ``GraphFiles``. Names of files start with that of ``file``, which
    has no suffix, or with a hash of their content. ``pictures`` [N, 3, H, W] calibrate a graph that
    is ``quantized_from`` another; otherwise they are None. ``packages`` are those that it imports;
    a new version of one builds the graph again. ``preload`` lists modules to import before forking.
    ``name`` is the name of a folder, and ``suffix`` that of the file to read.
    """

    name: str
    build: Callable[..., Any]
    packages: tuple[str, ...]
    preload: tuple[str, ...] = ()
    suffix: str = ".onnx"
    quantized_from: "Graph | None" = None


@dataclass(frozen=True, kw_only=True)
class Engine:
    """An inference engine, and the variants and devices that it supports.

    ``prepare(variant, model, images, on)`` makes a network ready to run and returns an
    ``engines.preparation.Prepared``. ``graphs`` has the graph of each precision in which the engine
    reads the network from a file; ``prepare`` then gets its path instead of ``model``. ``packages``
    are the packages that it imports besides torch; ``extra`` is the extra of dnnbench that installs
    them, if any. ``preload`` lists modules to import before forking, which saves each child
    seconds. ``building_s`` is added to a cell's time limit, in seconds, so that the engine can
    build the network. ``backends`` are the supported backends; None: all. ``autocast`` and
    ``channels_last``: variants may have that part.
    """

    name: str
    prepare: Callable[..., Any]
    graphs: Mapping[str, Graph] = field(default_factory=dict)
    packages: tuple[str, ...] = ()
    extra: str | None = None
    preload: tuple[str, ...] = ()
    building_s: float = 0.0
    backends: tuple[str, ...] | None = None
    precisions: tuple[str, ...] = _OF_TORCH
    autocast: bool = True
    channels_last: bool = True

    @property
    def install(self) -> str:
        """Command that installs the packages of the engine."""
        what = f"-e '.[{self.extra}]'" if self.extra else " ".join(self.packages)
        return f"pip install {what}"

    def runs_on(self, backend: str) -> bool:
        """Return whether the engine supports devices of this backend."""
        return self.backends is None or backend in self.backends


def engines() -> dict[str, Engine]:
    """Return all engines by name, plugins last.

    Imports their modules, but not their libraries.
    """
    return plugins.find(GROUP, Engine)


def graphs() -> dict[str, Graph]:
    """Return the graphs of all engines by name."""
    return {each.name: each for engine in engines().values() for each in engine.graphs.values()}


def module_of(name: str) -> str:
    """Return the dotted name of the module that declares an engine."""
    return plugins.module_of(GROUP, Engine, name)
