"""Coverage of the engines: the networks that export, run and quantize in each.

    python benchmarks/engine_coverage.py FILE [NETWORK ...]

Every network (default: the 44 of the study and the 25 of `modern`) is exported, and quantized for
each engine with sixteen images: those of DNNBENCH_SAMPLE_IMAGES, or else foolbox's. Each graph then
runs at batch size 1 and is compared with fp32-eager, as in a study; no time is measured, so other
programs may run. FILE is a table with one row per network and variant. Rows in it are kept, so that
you can interrupt the script. It takes hours, and temporary files of up to 1 GiB.
"""

import argparse
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import accuracy
import numpy as np
import sessions
import torch
from pydantic import BaseModel

from dnnbench.config import variants
from dnnbench.config.engine import Graph, GraphFiles, engines
from dnnbench.config.latency_settings import Passes
from dnnbench.core import isolation, progress, storage
from dnnbench.engines import graph_building, preparation, quantization
from dnnbench.images import geometry, image_pixels
from dnnbench.measure import graphs, inference, latency
from dnnbench.networks import model_list
from dnnbench.networks.registry import MODERN, Network
from dnnbench.records.published_study import STUDY

VARIANTS = [
    f"{precision}-{engine.name}" for engine in engines().values() for precision in engine.graphs
]
PICTURES = 16
# Agreement needs no more passes.
PASSES = Passes(rounds=1, discard=1, samples=(1, 1), one_process="cell")
# Much longer than in a study, because the machine may be busy.
LIMIT_S = 7200.0
_MIB = 2**20


class Row(BaseModel):
    """A network in a variant: whether it runs, and otherwise the reason."""

    model: str
    variant: str
    status: Literal["ok", "oom", "timeout", "failed"]
    message: str | None = None
    build_cpu_s: float | None = None
    """CPU time to build the graph, in seconds."""
    size_mib: float | None = None
    """Size of the graph's files."""
    weight_bits: int | None = None
    quantized_operators: str | None = None
    calibration_error: float | None = None
    largest_difference: float | None = None
    kernel_difference: float | None = None


def main() -> None:
    """Examine the networks that the file lacks, and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", nargs="?", type=Path, help="Table of the results.")
    parser.add_argument("networks", nargs="*", default=[STUDY, MODERN], help="Networks.")
    arguments = parser.parse_args()
    if arguments.file is None:
        print("Skipped: give the path of the table, for example coverage.csv.")
        return
    networks = model_list.resolve(arguments.networks)
    examine(networks, arguments.file)
    print(report(networks, read(arguments.file)))


def examine(networks: Mapping[str, Network], file: Path) -> None:
    """Add the rows of ``networks`` that the table in ``file`` lacks."""
    for name in VARIANTS:
        preparation.preload(variants.parse(name))
        graphs.prepare(_graph(name), networks.values())
    found = read(file)
    done = {(each.model, each.variant) for each in found}
    with progress.steps("networks", len(networks)) as step:
        for network in networks.values():
            step(network.key)
            missing = [name for name in VARIANTS if (network.key, name) not in done]
            with tempfile.TemporaryDirectory() as folder:
                for each in rows(network, missing, Path(folder)):
                    found.append(each)
                    storage.write_table(file, Row, found)


def rows(network: Network, names: Iterable[str], folder: Path) -> Iterator[Row]:
    """Yield a network's row of each variant; ``folder`` is for its graphs."""
    built: dict[str, isolation.Outcome] = {}
    for name in names:
        graph = _graph(name)
        if graph.name not in built:
            built[graph.name] = isolation.run(
                build, graph, network, folder / graph.name, timeout_s=LIMIT_S
            )
        yield row(network, name, built[graph.name])


def build(graph: Graph, network: Network, file: Path) -> tuple[GraphFiles, float]:
    """Build a graph in this process; return it and the CPU time that it took, in seconds."""
    pictures = calibration(network) if graph.quantized_from else None
    started = time.process_time()
    built = graph_building.build(graph, network, 1, file, pictures)
    return built, time.process_time() - started


def calibration(network: Network) -> torch.Tensor:
    """Return images that are prepared for the network, [16, 3, H, W]."""
    cut = geometry.of(network, STUDY)
    files = [file for _, file in sorted(accuracy.sources())[:PICTURES]]
    if len(files) < PICTURES:
        raise SystemExit("no images found. Set DNNBENCH_SAMPLE_IMAGES.")
    pixels = [image_pixels.cut(image_pixels.read(file.read_bytes())[0], cut) for file in files]
    return inference.prepare(torch.from_numpy(np.stack(pixels)), network)


def row(network: Network, variant: str, built: isolation.Outcome) -> Row:
    """Run a network on its graph, if there is one, and return the result."""
    place = {"model": network.key, "variant": variant}
    if built.value is None:
        return Row(**place, status=built.status, message=f"graph: {built.message}")
    graph, cpu_s = built.value
    outcome = isolation.run(
        latency.measure,
        *(network, [1], PASSES, sessions.SETUP, sessions.threads(), variant),
        {1: graph.files[0]},
        timeout_s=LIMIT_S,
    )
    (timing,) = outcome.value or [latency.Timing(outcome.status, outcome.message)]
    files = [file for file in graph.files if file.suffix != quantization.PICTURES]
    known = ("weight_bits", "quantized_operators", "calibration_error")
    found: dict[str, Any] = {key: graph.settings.get(key) for key in known}
    if timing.agreement:
        found["largest_difference"] = timing.agreement.largest_difference
        found["kernel_difference"] = timing.agreement.kernel_difference
    return Row(
        **place,
        status=timing.status,
        message=timing.message,
        build_cpu_s=cpu_s,
        size_mib=sum(file.stat().st_size for file in files) / _MIB,
        **found,
    )


def read(file: Path) -> list[Row]:
    """Return the rows of the table; none if there is no file."""
    return storage.read_rows(file, Row) if file.exists() else []


def report(networks: Mapping[str, Network], found: Sequence[Row]) -> str:
    """Return a table of counts per variant and set of networks, and one of the failures."""
    chosen = [each for each in found if each.model in networks]
    counts = []
    for name in VARIANTS:
        of = [each for each in chosen if each.variant == name]
        sets = [[each for each in of if bool(networks[each.model].set) == new] for new in (0, 1)]
        counts.append(
            (name, *(f"{sum(e.status == 'ok' for e in each)} of {len(each)}" for each in sets))
        )
    failed = [
        (each.model, each.variant, each.status, each.message)
        for each in chosen
        if each.status != "ok"
    ]
    return "\n\n".join(
        (
            sessions.table(("variant", STUDY, MODERN), counts),
            sessions.table(("network", "variant", "status", "reason"), failed),
        )
    )


def _graph(variant: str) -> Graph:
    graph = variants.parse(variant).graph
    assert graph
    return graph


if __name__ == "__main__":
    main()
