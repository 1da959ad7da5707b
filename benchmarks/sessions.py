"""Sessions of some cells on this CPU, for the benchmarks: measured, kept, and read again.

A benchmark keeps its raw records in a folder: the memory of each cell, which determines how many
processes a cell gets, and one folder of rounds per session. Records in the folder are kept, so that
an interrupted benchmark can resume, and its tables can be printed without measuring.
"""

import argparse
import json
import math
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median, stdev
from typing import Any

from scipy.stats import binomtest

from dnnbench.config.latency_settings import PROTOCOLS
from dnnbench.config.variants import REFERENCE
from dnnbench.core import isolation, lock, progress
from dnnbench.core.storage import read_json, read_lines
from dnnbench.devices import backends
from dnnbench.measure import allocation, latency, memory_profile, round
from dnnbench.networks import builders, model_list
from dnnbench.networks.registry import Network
from dnnbench.records import paths
from dnnbench.records.latency_records import LatencyLine
from dnnbench.records.memory_records import MemoryCell, MemoryRecord
from dnnbench.stats import disturbance, session
from dnnbench.stats.intervals import CONFIDENCE, Estimate
from dnnbench.tables import stability

Cell = tuple[str, int]

DEVICE = "cpu"
# Networks of timm.
TIMM = (
    *("resnet18", "resnet50", "vgg16", "densenet121"),
    *("mobilenetv2_100", "mobilenetv3_large_100", "efficientnet_b0", "vit_tiny_patch16_224"),
)
SETUP = backends.Setup(DEVICE)
PASSES = PROTOCOLS["default"]
TIMEOUT_S = 300.0


@dataclass(frozen=True)
class CellRound(round.Round):
    """A round of chosen cells: networks may have different batch sizes."""

    chosen: frozenset[Cell] = frozenset()

    def cells(self) -> list[Any]:
        """Return the chosen cells, in the study's order."""
        return [key for key in super().cells() if (key[1], key[2]) in self.chosen]


@dataclass(frozen=True)
class Study:
    """Cells that several sessions measure, and the folder of their records."""

    folder: Path
    networks: Mapping[str, Network]
    cells: Sequence[Cell]
    memory: Mapping[str, Sequence[MemoryCell]]

    def measure(self, name: str, number: int, report: round.Report | None = None) -> None:
        """Measure round ``number`` of the session ``name``, unless it is finished."""
        plan = CellRound(
            number=number,
            session=name,
            device=DEVICE,
            setup=SETUP,
            variant=REFERENCE,
            networks=self.networks,
            batch_sizes=sorted({batch for _, batch in self.cells}),
            protocol="default",
            passes=PASSES,
            threads=threads(),
            cell_timeout_s=TIMEOUT_S,
            when_busy="flag",
            memory=self.memory,
            chosen=frozenset(self.cells),
        )
        output = round_file(self.folder / name, number)
        output.parent.mkdir(parents=True, exist_ok=True)
        round.run(plan, output, report=report or silent)

    def rounds(self) -> range:
        """Return the numbers of a session's rounds."""
        return range(1, PASSES.rounds + 1)

    def processes(self, cell: Cell) -> int:
        """Return the number of processes that measure a cell in a session."""
        return allocation.processes(self.cost_s(cell), PASSES.rounds)

    def cost_s(self, cell: Cell) -> float | None:
        """Return the time that a process will take, in s, or None if it is unknown."""
        (memory,) = [one for one in self.memory[cell[0]] if one.batch_size == cell[1]]
        return allocation.cost_s(memory, PASSES)


@contextmanager
def prepared(
    folder: Path, networks: Mapping[str, Network], cells: Sequence[Cell]
) -> Iterator[Study]:
    """Prepare this process to measure, hold the CPU, and measure the memory of the cells."""
    isolation.prepare()
    builders.preload(networks.values())
    with lock.hold(DEVICE):
        memory = measure_memory(folder / "memory", networks, cells)
        yield Study(folder, networks, cells, memory)


@contextmanager
def around_processes(around: Callable[[Cell], AbstractContextManager[None]]) -> Iterator[None]:
    """Run each process that measures a latency in the context ``around`` of its cell."""
    run = isolation.run

    def intercepted(function: Callable[..., Any], *arguments: Any, **limits: Any) -> Any:
        if function is not latency.measure:
            return run(function, *arguments, **limits)
        with around((arguments[0].key, arguments[1][0])):
            return run(function, *arguments, **limits)

    isolation.run = intercepted
    try:
        yield
    finally:
        isolation.run = run


def measure_memory(
    folder: Path, networks: Mapping[str, Network], cells: Sequence[Cell]
) -> dict[str, list[MemoryCell]]:
    """Return memory cells by network, after measuring those that ``folder`` lacks."""
    folder.mkdir(parents=True, exist_ok=True)
    by_batch_sizes: dict[tuple[int, ...], list[str]] = {}
    for name in networks:
        sizes = tuple(sorted(batch for model, batch in cells if model == name))
        by_batch_sizes.setdefault(sizes, []).append(name)
    for sizes, names in by_batch_sizes.items():
        plan = memory_profile.Plan(
            device=DEVICE,
            setup=SETUP,
            variant=REFERENCE,
            networks={name: networks[name] for name in names},
            batch_sizes=list(sizes),
            threads=threads(),
            cell_timeout_s=TIMEOUT_S,
        )
        memory_profile.Profiles(plan, folder).measure()
    return {name: read_memory(folder, name) for name in networks}


def read_memory(folder: Path, name: str) -> list[MemoryCell]:
    """Return the memory cells of a network."""
    return read_json(paths.in_folder(folder, paths.MEMORY, model=name), MemoryRecord).cells


def resolve(cells: Iterable[Cell]) -> tuple[dict[str, Network], list[Cell]]:
    """Return networks by key, and the cells with keys in place of names such as ``timm:vgg16``."""
    networks: dict[str, Network] = {}
    keyed = []
    for name, batch_size in cells:
        (found,) = model_list.resolve(name).values()
        networks[found.key] = found
        keyed.append((found.key, batch_size))
    return networks, keyed


def round_file(folder: Path, number: int) -> Path:
    """Return the file of a session's round."""
    return paths.in_folder(folder, paths.ROUND, round=number)


def read(folder: Path) -> list[LatencyLine]:
    """Return the lines of a session's finished rounds. Raises SystemExit for a failed cell."""
    files = sorted(folder.glob(paths.in_folder(folder, paths.ROUND, round="*").name))
    lines = [line for file in files for line in read_lines(file, LatencyLine)]
    for line in lines:
        if line.status != "ok":
            raise SystemExit(f"{folder}: {line.model}: {line.status}: {line.message}")
    return lines


def read_sessions(folder: Path, kind: str) -> list[list[LatencyLine]]:
    """Return the lines of each session whose folder is named ``kind`` and a number."""
    folders = sorted(
        (path for path in folder.glob(f"{kind}-*") if path.name[len(kind) + 1 :].isdigit()),
        key=lambda path: int(path.name[len(kind) + 1 :]),
    )
    return [read(path) for path in folders]


def estimates(lines: Sequence[LatencyLine]) -> dict[Cell, Estimate]:
    """Return the latency of each cell of one session, in ms per pass."""
    fitted = session.fit(lines)
    return {cell: fitted[cell] for cell in by_cell(lines)}


def by_cell(lines: Iterable[LatencyLine]) -> dict[Cell, list[LatencyLine]]:
    """Return the lines of each cell."""
    cells: dict[Cell, list[LatencyLine]] = {}
    for line in lines:
        cells.setdefault((line.model, line.batch_size), []).append(line)
    return cells


def verdicts(lines: Sequence[LatencyLine]) -> dict[Cell, stability.CellTiming]:
    """Return the verdict on each cell of one session, with its reason."""
    limits, found = disturbance.limits(lines), estimates(lines)
    return {
        cell: stability.cell_timing(of, PASSES.rounds, found[cell], limits)
        for cell, of in by_cell(lines).items()
    }


def verdict_counts(found: Sequence[Sequence[LatencyLine]]) -> str:
    """Describe how many cells of all sessions have each verdict."""
    counts = Counter(one.stability for lines in found for one in verdicts(lines).values())
    total = counts.total()
    return ", ".join(f"{verdict} {share(count, total)}" for verdict, count in counts.items())


def spread(values: Sequence[float]) -> float:
    """Return the relative spread: the standard deviation of the logarithms."""
    return stdev(map(math.log, values))


def covered(found: Sequence[Estimate], truth: float) -> int:
    """Return the number of intervals that contain ``truth``."""
    return sum(contains(one, truth) for one in found)


def covered_median(found: Sequence[Estimate]) -> int:
    """Return the number of intervals that contain the median of all values."""
    return covered(found, median(one.value for one in found))


def contains(found: Estimate, truth: float) -> bool:
    """Return whether an estimate has an interval that contains ``truth``."""
    return found.low is not None and found.high is not None and found.low <= truth <= found.high


def share(count: int, total: int) -> str:
    """Describe a share with its exact 95% binomial interval."""
    if not total:
        return "none"
    bounds = binomtest(count, total).proportion_ci(CONFIDENCE)
    return f"{count} of {total} ({count / total:.1%}, {bounds.low:.1%} to {bounds.high:.1%})"


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def threads() -> int:
    """Return the number of threads of a pass."""
    return backends.backend(SETUP).default_threads()


@contextmanager
def silent(_what: str, _total: int, _later: int) -> Iterator[progress.Step]:
    """Report no progress of a round's cells."""
    yield lambda name: None


def append(file: Path, record: Mapping[str, Any]) -> None:
    """Add a record to a file of JSON lines."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as lines:
        lines.write(json.dumps(record) + "\n")


def records(file: Path) -> list[dict[str, Any]]:
    """Return the records of a file of JSON lines; none if it does not exist."""
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def cell(text: str) -> Cell:
    """Return the network and batch size of an argument such as ``vgg16@8``."""
    name, _, batch = text.rpartition("@")
    return name, int(batch)


def parser(description: str | None, cells: Sequence[Cell] = ()) -> argparse.ArgumentParser:
    """Return a parser of the arguments that benchmarks share; ``cells`` are measured by default."""
    found = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_folder(found)
    if cells:
        found.add_argument(
            "--cells",
            nargs="+",
            type=cell,
            default=cells,
            metavar="NETWORK@BATCH",
            help="Cells to measure, such as vgg16@8.",
        )
    return found


def add_folder(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that name the folder of the raw records."""
    parser.add_argument(
        "folder",
        nargs="?",
        type=Path,
        help="Folder of the raw records. Finished measurements in it are kept. Default: a temporary"
        " folder.",
    )
    parser.add_argument(
        "--analyze", action="store_true", help="Print the tables of the folder without measuring."
    )


@contextmanager
def folder(arguments: argparse.Namespace) -> Iterator[Path]:
    """Return the folder of the raw records, or a temporary one."""
    if arguments.folder:
        yield arguments.folder.resolve()
    elif arguments.analyze:
        raise SystemExit("--analyze: no folder. Give the folder of the raw records.")
    else:
        with tempfile.TemporaryDirectory(prefix="dnnbench-") as temporary:
            yield Path(temporary)
