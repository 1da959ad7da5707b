"""Allocators of a CPU, compared with glibc's defaults in the same session.

    python benchmarks/allocators.py [FOLDER]

Memory and latency of four cells are measured with the stages of a study, each stage with the
environment of its variant. Within a round, the allocators follow each other in random order. The
first table has the ratio of latencies within rounds and its 95% confidence interval; the second has
page faults per pass, and memory. A run takes about 15 minutes on two cores.
"""

import json
import os
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import sessions
from sessions import Cell

from dnnbench.config.allocators import ALLOCATORS
from dnnbench.config.variants import REFERENCE
from dnnbench.core import progress
from dnnbench.core.storage import read_json, read_lines
from dnnbench.records import paths
from dnnbench.records.latency_records import LatencyLine
from dnnbench.records.memory_records import MemoryRecord
from dnnbench.stats import intervals

ROOT = Path(__file__).resolve().parents[1]
CELLS = (
    *(("timm:vgg16", 1), ("timm:resnet50", 8)),
    *(("timm:densenet121", 8), ("timm:mobilenetv2_100", 1)),
)
VARIANTS = (REFERENCE, *(f"{REFERENCE}-{name}" for name in ALLOCATORS))
ROUNDS = 5


def main() -> None:
    """Measure and print the tables."""
    parser = sessions.parser(__doc__, CELLS)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="Number of rounds.")
    arguments = parser.parse_args()
    with sessions.folder(arguments) as folder:
        if not arguments.analyze:
            measure(folder, arguments.cells, arguments.rounds)
        print(report(folder, arguments.cells))


def measure(folder: Path, cells: Sequence[Cell], rounds: int) -> None:
    """Measure all allocators, round by round, as a study in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in (paths.PARAMETERS.name, "config"):
        if not (folder / name).exists():
            (folder / name).symlink_to(ROOT / name)
    turns = [("memory", variant, ()) for variant in VARIANTS]
    for number in range(1, rounds + 1):
        order = random.sample(VARIANTS, len(VARIANTS))
        turns += [("latency", variant, ("--round", str(number))) for variant in order]
    with progress.steps("allocators", len(turns)) as step:
        for stage, variant, options in turns:
            step(" ".join((variant, stage, *options)))
            for batch_size in sorted({batch for _, batch in cells}):
                names = [name for name, batch in cells if batch == batch_size]
                run(folder, stage, variant, names, batch_size, rounds, options)


def run(
    folder: Path,
    stage: str,
    variant: str,
    names: Sequence[str],
    batch_size: int,
    rounds: int,
    options: Sequence[str],
) -> None:
    """Run one stage of a study in ``folder``, on some of its networks."""
    settings = {"batch_sizes": [batch_size], "latency": {"rounds": rounds}}
    words = [f"{key}={json.dumps(value)}" for key, value in settings.items()]
    command = [sys.executable, str(ROOT / paths.STAGE.format(stage=stage)), *names]
    command += ["--profile", sessions.DEVICE, "--variant", variant, *options]
    command += [part for word in words for part in ("--config", word)]
    done = subprocess.run(
        command, cwd=folder, env=os.environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if done.returncode:
        sys.exit(f"{variant}: {done.stdout.decode(errors='replace').strip()}")


def report(folder: Path, cells: Sequence[Cell]) -> str:
    """Return the tables: ratios of latencies, then page faults and memory."""
    networks, keys = sessions.resolve(cells)
    columns = [f"{networks[name].name} at {batch}" for name, batch in keys]
    lines = {variant: latencies(folder, variant) for variant in VARIANTS}
    ratios, costs = [], []
    for variant in VARIANTS:
        name = variant.removeprefix(REFERENCE).removeprefix("-") or "glibc's defaults"
        own, reference = lines[variant], lines[REFERENCE]
        ratios.append((name, *(ratio(own, reference, cell) for cell in keys)))
        costs.append((name, *(cost(folder, variant, own, cell) for cell in keys)))
    return "\n\n".join(
        (
            sessions.table(("latency", *columns), ratios),
            sessions.table(("page faults, memory", *columns), costs),
        )
    )


def latencies(folder: Path, variant: str) -> list[LatencyLine]:
    """Return the lines of all rounds of a variant."""
    files = paths.rounds(folder / paths.RESULTS, sessions.DEVICE, variant)
    return [line for file in files for line in read_lines(file, LatencyLine)]


def medians(lines: Sequence[LatencyLine], cell: Cell) -> dict[int, float]:
    """Return a cell's latency in each round, in ms per pass."""
    found: dict[int, list[float]] = {}
    for line in lines:
        if (line.model, line.batch_size) == cell and line.status == "ok":
            found.setdefault(line.round, []).append(median(line.samples_ms))
    return {number: median(times) for number, times in found.items()}


def ratio(own: Sequence[LatencyLine], reference: Sequence[LatencyLine], cell: Cell) -> str:
    """Return the ratio of two latencies within rounds, with its interval.

    For the reference itself, return its latency.
    """
    mine, theirs = medians(own, cell), medians(reference, cell)
    if not mine.keys() & theirs.keys():
        return "not measured"
    if own is reference:
        return f"{median(mine.values()):.4g} ms"
    found = intervals.interval([mine[key] / theirs[key] for key in sorted(mine.keys() & theirs)])
    if found.low is None or found.high is None:
        return f"{found.value:.2f}"
    return f"{found.value:.2f} ({found.low:.2f} to {found.high:.2f})"


def cost(folder: Path, variant: str, lines: Sequence[LatencyLine], cell: Cell) -> str:
    """Return a cell's page faults per pass, and its memory."""
    model, batch_size = cell
    faults = [
        line.page_faults
        for line in lines
        if (line.model, line.batch_size) == cell and line.page_faults is not None
    ]
    place = {"device": sessions.DEVICE, "variant": variant, "model": model}
    record = read_json(folder / paths.MEMORY.format(**place), MemoryRecord)
    (memory,) = [one for one in record.cells if one.batch_size == batch_size]
    counted = f"{median(faults):,.0f}" if faults else "unknown"
    used = "unknown" if memory.memory_mib is None else f"{memory.memory_mib:.0f} MiB"
    return f"{counted}, {used}"


if __name__ == "__main__":
    main()
