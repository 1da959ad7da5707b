"""Graphs of networks for engines that read them, built once per network and batch size.

They are built before anything is timed and kept in ``resources/graphs``, each with the SHA-256 of
what determines it and of its files.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.metadata
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dnnbench.config import engine, variants
from dnnbench.core import checksums, code_graph, isolation, storage
from dnnbench.core.errors import UserError
from dnnbench.core.standard_error import say
from dnnbench.engines import graph_building, quantization
from dnnbench.measure import control, fingerprint, retries
from dnnbench.networks import builders
from dnnbench.records import paths
from dnnbench.records.graph_records import GraphCell, GraphRecord

if TYPE_CHECKING:
    from dnnbench.config.engine import Graph, GraphFiles
    from dnnbench.core.isolation import Status
    from dnnbench.networks.registry import Network
    from dnnbench.records.engine_records import Built

_LIMIT_S = 600.0


@dataclass(frozen=True)
class Calibration:
    """Images that calibrate a network's graphs: uint8 RGB, [N, size, size, 3], and their key.

    With a ``problem`` instead, none of the graphs can be built.
    """

    key: str = ""
    pixels: NDArray[np.uint8] | None = None
    problem: str | None = None


# Returns the calibration images of a network.
Calibrate = Callable[["Network"], Calibration]


@dataclass(frozen=True)
class BuiltGraphs:
    """The graphs of a variant's networks by network and batch size; ``names`` are their formats.

    Empty if the variant's engine reads none.
    """

    folder: Path = Path()
    cells: Mapping[tuple[str, int], GraphCell] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)

    def file(self, model: str, batch_size: int) -> Path | None:
        """Return the file that the engine reads, or None if there is no graph."""
        cell = self.cells.get((model, batch_size))
        if cell is None or not cell.files:
            return None
        return self.folder / self.names[model] / next(iter(cell.files))

    def size_mib(self, model: str, batch_size: int) -> float:
        """Return the size of a graph's files, without images."""
        files = map(Path, self.cells[model, batch_size].files)
        graph = [name for name in files if name.suffix != quantization.PICTURES]
        sizes = [(self.folder / self.names[model] / name).stat().st_size for name in graph]
        return sum(sizes) / 2**20

    def files(self, model: str) -> dict[int, Path]:
        """Return the files of a network by batch size."""
        found = {batch: self.file(name, batch) for name, batch in self.cells if name == model}
        return {batch: file for batch, file in found.items() if file}

    def convolution(self) -> Path | None:
        """Return the file of the control network."""
        return self.file(control.NETWORK.key, 1)

    def problem(self, model: str, batch_size: int) -> tuple[Status, str] | None:
        """Return status and message of a graph that could not be built; None otherwise."""
        cell = self.cells.get((model, batch_size))
        if cell is None or cell.status == "ok":
            return None
        return cell.status, f"graph: {cell.message or cell.status}"

    def noted(self, built: Built | None, model: str, batch_size: int) -> Built | None:
        """Return an engine's report with the time and identity of the graph that it read."""
        cell = self.cells.get((model, batch_size))
        if built is None or cell is None:
            return built
        return built.model_copy(update={"graph_ms": cell.ms, "graph": cell.identity})


def ready(
    variant: str,
    networks: Iterable[Network],
    batch_sizes: Sequence[int],
    calibrate: Calibrate | None = None,
    folder: Path = paths.GRAPHS,
) -> BuiltGraphs:
    """Return the graphs that a variant needs, and build those that are missing or corrupt.

    In the workflow, ``build_graph`` has already built them. The control network is included. Call
    this before the process starts threads.
    """
    graph = variants.parse(variant).graph
    if graph is None:
        return BuiltGraphs()
    records = [
        update(graph, network, batch_sizes, folder, calibrate and calibrate(network), retry=False)
        for network in networks
    ]
    # Images have no size that fits the control network.
    plain = graph.quantized_from or graph
    records.append(update(plain, control.NETWORK, [1], folder, retry=False))
    cells = {(one.model, cell.batch_size): cell for one in records for cell in one.cells}
    return BuiltGraphs(folder, cells, {one.model: one.graph for one in records})


def update(
    graph: Graph,
    network: Network,
    batch_sizes: Sequence[int],
    folder: Path,
    calibration: Calibration | None = None,
    *,
    retry: bool,
) -> GraphRecord:
    """Return the record of a network's graphs, and build those that are missing or corrupt.

    ``retry``: try graphs once more that could not be built. The record is written if it changed.
    """
    file = paths.in_folder(folder / graph.name, paths.GRAPH, model=network.key)
    before = storage.read_json(file, GraphRecord) if file.exists() else None
    known = {cell.batch_size: cell for cell in before.cells} if before else {}
    cells = dict(known)
    for batch_size in batch_sizes:
        cell, wanted = known.get(batch_size), identity(graph, network, batch_size, calibration)
        if cell and cell.identity == wanted:
            if cell.status != "ok" and not (retry and retries.is_due(cell)):
                continue
            if cell.status == "ok" and _is_sound(cell, file.parent):
                continue
        again = _build(graph, network, batch_size, file.parent, wanted, calibration)
        if cell and cell.identity == wanted:
            if cell.files == again.files and cell.status == "ok":
                continue
            again = again.model_copy(update={"failed_before": retries.reason(cell)})
        cells[batch_size] = again
    kept = [cells[batch_size] for batch_size in sorted(cells)]
    record = GraphRecord(graph=graph.name, model=network.key, cells=kept)
    if record != before:
        storage.write_json(file, record)
        _remove(known.values(), kept, file.parent)
    return record


def identity(
    graph: Graph, network: Network, batch_size: int, calibration: Calibration | None = None
) -> str:
    """Return the SHA-256 of everything that determines a graph."""
    own = code_graph.builder_sources(network.builder)
    determines = [graph.name, network.definition(), batch_size, exporter(graph, network)]
    determines += [_code_digest(graph.name), code_graph.digest(file.resolve() for file in own)]
    if calibration:
        determines += [calibration.key, calibration.problem, quantization.weight_bits()]
    return hashlib.sha256(json.dumps(determines).encode()).hexdigest()


def exporter(graph: Graph, network: Network) -> str:
    """Return the packages that define the network and build its graph, with versions."""
    library = network.builder.partition(":")[0].partition(".")[0]
    names = dict.fromkeys((*graph.packages, library))
    found = []
    for name in names:
        with suppress(importlib.metadata.PackageNotFoundError, ValueError):
            found.append(f"{name} {importlib.metadata.version(name)}")
    return ", ".join(found)


def building_code(graph: Graph) -> set[Path]:
    """Return the files whose code runs while a graph is built, except the network's own."""
    modules = (graph_building.__name__, graph.build.__module__)
    without = fingerprint.NOT_MEASURING
    return {file for name in modules for file in code_graph.module_sources(name, without)}


@cache
def _code_digest(graph: str) -> str:
    files = building_code(engine.graphs()[graph])
    return code_graph.digest(file.resolve() for file in files)


def _is_sound(cell: GraphCell, folder: Path) -> bool:
    """Return whether all files of a graph have their SHA-256; say so if one has not."""
    for name, expected in cell.files.items():
        file = folder / name
        try:
            found = checksums.sha256(file)
        except FileNotFoundError:
            return False
        except UserError:
            found = ""
        if found != expected:
            say(f"{file}: corrupt: its SHA-256 is not the recorded one. It is built again.\n")
            return False
    return True


def _build(
    graph: Graph,
    network: Network,
    batch_size: int,
    folder: Path,
    wanted: str,
    calibration: Calibration | None,
) -> GraphCell:
    what: dict[str, Any] = {
        "batch_size": batch_size,
        "identity": wanted,
        "exporter": exporter(graph, network),
    }
    if calibration and calibration.problem:
        return GraphCell(status="failed", message=calibration.problem, **what)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{network.key}-{batch_size}-{wanted[:16]}"
    pixels = calibration.pixels if calibration else None
    outcome = isolation.run(
        _built, graph, network, batch_size, file.absolute(), pixels, timeout_s=_LIMIT_S
    )
    if outcome.value is None:
        return GraphCell(status=outcome.status, message=outcome.message, **what)
    return GraphCell(
        status="ok",
        files={one.name: checksums.sha256(one) for one in outcome.value.files},
        ms=1000 * outcome.seconds,
        settings=dict(outcome.value.settings),
        **what,
    )


def _built(
    graph: Graph, network: Network, batch_size: int, file: Path, pixels: NDArray[np.uint8] | None
) -> GraphFiles:
    """Build a graph in this process, after preparing its calibration images."""
    import torch

    pictures = None
    if pixels is not None:
        # As :func:`dnnbench.measure.inference.prepare`, on which no timing should depend.
        ordered = pixels[..., ::-1] if network.channel_order == "BGR" else pixels
        shares = ordered / (255 if network.range[1] == 1 else 1)
        inputs = ((shares - network.mean) / network.std).transpose(0, 3, 1, 2)
        pictures = torch.from_numpy(np.ascontiguousarray(inputs, np.float32))
    return graph_building.build(graph, network, batch_size, file, pictures)


def _remove(before: Iterable[GraphCell], kept: Iterable[GraphCell], folder: Path) -> None:
    """Remove the files of replaced graphs."""
    used = {name for cell in kept for name in cell.files}
    for name in {name for cell in before for name in cell.files} - used:
        (folder / name).unlink(missing_ok=True)


def prepare(graph: Graph, networks: Iterable[Network]) -> None:
    """Import, before any fork, what building the graphs of ``networks`` needs."""
    isolation.prepare()
    for name in graph.preload:
        importlib.import_module(name)
    builders.preload(networks)
