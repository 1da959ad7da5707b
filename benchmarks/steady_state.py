"""Steady state: does a session's estimate agree with long-lived processes?

A session of our protocol is interleaved with loops. A loop is one process that times 60 passes of
one cell, with the threads, allocator and priority of our own processes. Three loops of each cell
follow one another. Each time that one of our processes has measured the cell, its loop times the
same share of the passes, after two untimed ones, so that both see the machine in the same states.

A cell agrees if the median over its loops lies within the interval of the estimate or within 5% of
the estimate. At least 95% of the cells should. Loops are processes, and differ as processes do: the
output also states how many of the loops agree, how many pairs of loops of the same cell are within
5% of each other, and the mean ratio over the cells, which shows a common bias. Page faults and
system time are per timed pass. One loop of every cell is in memory at once, about 8 GB. A run takes
about 10 minutes on two cores.
"""

import argparse
import multiprocessing
import resource
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import combinations
from math import exp, log, sqrt
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from statistics import fmean, median, stdev
from typing import Any

import sessions
from sessions import Cell

from dnnbench.config import variants
from dnnbench.core import progress
from dnnbench.devices import backends
from dnnbench.engines import preparation
from dnnbench.networks import builders
from dnnbench.networks.registry import Network
from dnnbench.records.latency_records import LatencyLine
from dnnbench.stats import intervals
from dnnbench.stats.intervals import Estimate

PASSES = 60
LOOPS = 3
MARGIN = 0.05
LARGE = ("vgg16", "densenet121", "resnet50")
# So many that one that disagrees leaves 95%.
OTHERS = ("squeezenet1_1", "shufflenet", "mobilenetv2", "alexnet", "googlenet", "resnet34")
CELLS = (
    *((f"timm:{name}", 1) for name in sessions.TIMM),
    *((name, batch) for name in LARGE for batch in (1, 8)),
    *((name, 1) for name in OTHERS),
)
UNTIMED = 2  # A process that has been idle needs some passes to fill the caches.
SESSION = "ours-1"


def main() -> None:
    """Measure and print the table."""
    parser = sessions.parser(__doc__, CELLS)
    parser.add_argument("--passes", type=int, default=PASSES, help="Timed passes of a loop.")
    arguments = parser.parse_args()
    with sessions.folder(arguments) as folder:
        if not arguments.analyze:
            measure(folder, arguments)
        lines = sessions.read(folder / SESSION)
        print(report(lines, sessions.records(folder / "loops.jsonl")))


def measure(folder: Path, arguments: argparse.Namespace) -> None:
    """Measure our rounds; after each process, a part of the cell's loop."""
    networks, cells = sessions.resolve(arguments.cells)
    with sessions.prepared(folder, networks, cells) as study:
        of_cell = {
            cell: CellLoops(networks[cell[0]], cell, arguments.passes, study.processes(cell))
            for cell in cells
        }

        @contextmanager
        def followed(cell: Cell) -> Iterator[None]:
            yield
            if cell in of_cell:  # The network that checks the machine is not.
                for part in of_cell[cell].next_parts():
                    sessions.append(folder / "loops.jsonl", part)

        try:
            with progress.steps("steady state", len(study.rounds())) as step:
                for number in study.rounds():
                    step(f"round {number}")
                    with sessions.around_processes(followed):
                        study.measure(SESSION, number)
        finally:
            for loops in of_cell.values():
                loops.stop()


class CellLoops:
    """The loops of a cell, one after another, each in a separate process.

    They make ``passes`` passes each, in as many parts as our session has ``processes``.
    """

    def __init__(self, network: Network, cell: Cell, passes: int, processes: int) -> None:
        """Start no process yet."""
        self._network, self._cell, self._passes = network, cell, passes
        self._a_part = -(-LOOPS * passes // processes)
        self._number, self._left = 0, 0
        self._process: BaseProcess | None = None

    def next_parts(self) -> Iterator[dict[str, Any]]:
        """Yield the passes of the next part, from one loop or from two."""
        missing = self._a_part
        while missing and (self._left or self._number < LOOPS):
            if not self._left:
                self._start()
            count = min(missing, self._left)
            missing, self._left = missing - count, self._left - count
            try:
                self._end.send(count)
                timed = self._end.recv()
            except (EOFError, ConnectionError):
                sys.exit(f"{self._cell[0]}, batch size {self._cell[1]}: its loop has ended.")
            name, batch = self._cell
            yield {"model": name, "batch_size": batch, "loop": self._number, **timed}

    def stop(self) -> None:
        """End the process of the current loop."""
        if self._process:
            self._process.kill()
            self._process.join()

    def _start(self) -> None:
        self.stop()
        context = multiprocessing.get_context("fork")
        self._end, other = context.Pipe()
        arguments = self._network, self._cell[1], other
        self._process = context.Process(target=loop, args=arguments, daemon=True)
        self._process.start()
        other.close()
        self._number, self._left = self._number + 1, self._passes


def report(lines: Sequence[LatencyLine], loops: Sequence[Mapping[str, Any]]) -> str:
    """Return the table of cells, and the share of cells that agree."""
    estimates = sessions.estimates(lines)
    of_cell = sessions.by_cell(lines)
    rows, ratios, single, pairs = [], [], [], []
    for cell, estimate in estimates.items():
        parts = [loop for loop in loops if (loop["model"], loop["batch_size"]) == cell]
        if not parts:
            continue
        medians_ms = [
            median(ms for part in parts if part["loop"] == number for ms in part["passes_ms"])
            for number in sorted({part["loop"] for part in parts})
        ]
        single += [agrees(estimate, loop_ms) for loop_ms in medians_ms]
        pairs += [max(two) <= (1 + MARGIN) * min(two) for two in combinations(medians_ms, 2)]
        loop_ms = median(medians_ms)
        ratios.append(estimate.value / loop_ms)
        rows.append(
            (
                f"{cell[0]}, batch size {cell[1]}",
                len(of_cell[cell]),
                _interval(estimate),
                ", ".join(f"{loop_ms:.4g}" for loop_ms in medians_ms),
                f"{ratios[-1]:.3f}",
                "yes" if agrees(estimate, loop_ms) else "no",
                _pair(_mean(of_cell[cell], "page_faults"), _mean(parts, "page_faults"), ".0f"),
                _pair(_mean(of_cell[cell], "system_ms"), _mean(parts, "system_ms"), ".1f"),
            )
        )
    agreeing = sum(row[5] == "yes" for row in rows)
    header = (
        *("cell", "processes", "estimate (ms)", "medians of the loops (ms)"),
        *("estimate / median loop", "agrees"),
        *("page faults, ours and loops", "system ms, ours and loops"),
    )
    priorities = sorted(
        {line.scheduling for line in lines} | {loop["scheduling"] for loop in loops}
    )
    return "\n".join(
        (
            sessions.table(header, rows),
            f"Cells that agree: {sessions.share(agreeing, len(rows))}; median ratio"
            f" {median(ratios):.3f}, {min(ratios):.3f} to {max(ratios):.3f}.",
            f"Mean ratio over the cells: {_mean_ratio(ratios)}.",
            f"Loops that agree: {sessions.share(sum(single), len(single))}; pairs of a cell's loops"
            f" within {MARGIN:.0%} of each other: {sessions.share(sum(pairs), len(pairs))}.",
            f"Medians of a loop's parts: {_spread(loops)}. Scheduling of our processes and the"
            f" loops: {', '.join(priorities)}.",
        )
    )


def agrees(estimate: Estimate, loop_ms: float) -> bool:
    """Return whether a loop lies within the interval, or within 5% of the estimate."""
    close = abs(loop_ms - estimate.value) <= MARGIN * estimate.value
    return close or sessions.contains(estimate, loop_ms)


def loop(network: Network, batch_size: int, end: Connection) -> None:
    """Time as many passes as ``end`` asks for, again and again."""
    import torch

    from dnnbench.devices import priority

    scheduling = priority.raise_priority()
    on = backends.backend(sessions.SETUP)
    on.start(sessions.threads())
    torch.manual_seed(batch_size)
    model = builders.build(network, on.torch_device)
    with torch.inference_mode():
        images = torch.randn(batch_size, 3, network.input_size, network.input_size)
        reference = variants.parse(variants.REFERENCE)
        forward = preparation.prepare(reference, model, images, on).bind(images)
        while True:
            passes = end.recv()
            on.time(forward, UNTIMED)
            before = resource.getrusage(resource.RUSAGE_SELF)
            timed = on.time(forward, passes)
            after = resource.getrusage(resource.RUSAGE_SELF)
            answer = {
                "passes_ms": timed.passes_ms,
                "page_faults": (after.ru_minflt - before.ru_minflt) / passes,
                "system_ms": 1000 * (after.ru_stime - before.ru_stime) / passes,
                "scheduling": scheduling,
            }
            end.send(answer)


def _spread(loops: Sequence[Mapping[str, Any]]) -> str:
    """Return the median over cells of the largest ratio of two parts' medians."""
    cells: dict[Cell, list[float]] = {}
    for one in loops:
        cells.setdefault((one["model"], one["batch_size"]), []).append(median(one["passes_ms"]))
    ratios = [max(of) / min(of) for of in cells.values() if len(of) > 1]
    if not ratios:
        return "unknown"
    return f"slowest / fastest is {median(ratios):.3f} (median), {max(ratios):.3f} at most"


def _mean_ratio(ratios: Sequence[float]) -> str:
    """Return the geometric mean of ratios with its 95% interval."""
    if len(ratios) < 2:
        return "unknown"
    logs = [log(ratio) for ratio in ratios]
    half = intervals.t_quantile(len(logs) - 1) * stdev(logs) / sqrt(len(logs))
    low, mean, high = (exp(fmean(logs) + shift) for shift in (-half, 0, half))
    return f"{mean:.3f} ({low:.3f} to {high:.3f})"


def _mean(of: Sequence[Any], key: str) -> float | None:
    values = [one[key] if isinstance(one, Mapping) else getattr(one, key) for one in of]
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def _pair(ours: float | None, loops: float | None, digits: str) -> str:
    return ", ".join("unknown" if one is None else f"{one:{digits}}" for one in (ours, loops))


def _interval(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.4g}"
    return f"{estimate.value:.4g} ({estimate.low:.4g} to {estimate.high:.4g})"


if __name__ == "__main__":
    main()
