"""Steady state: does a session's estimate agree with a long-lived process?

A session of our protocol is interleaved with loops: each loop is one process that runs one warm-up
pass and then times 60 passes of one cell, with the threads, allocator and priority of our own
processes. A cell's loop is repeated in two or three processes (one if it takes more than half a
minute), spread over the session in random order, because processes also differ from each other.

A cell agrees if the median of its loops' medians lies within the interval of the estimate or within
5% of the estimate. At least 95% of the cells should. Page faults and system time are per timed
pass. A run takes about 9 minutes on two cores.
"""

import argparse
import random
import resource
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import fmean, median
from typing import Any

import sessions
from sessions import Cell

from dnnbench.config import variants
from dnnbench.core import isolation, progress
from dnnbench.devices import backends
from dnnbench.engines import preparation
from dnnbench.networks import builders
from dnnbench.networks.registry import Network
from dnnbench.records.latency_records import LatencyLine
from dnnbench.stats.intervals import Estimate

PASSES = 60
MARGIN = 0.05
TIMM = (
    *("resnet18", "resnet50", "vgg16", "densenet121"),
    *("mobilenetv2_100", "mobilenetv3_large_100", "efficientnet_b0", "vit_tiny_patch16_224"),
)
LARGE = ("vgg16", "densenet121", "resnet50")
# So many that one that disagrees leaves 95%.
OTHERS = ("squeezenet1_1", "shufflenet", "mobilenetv2", "alexnet", "googlenet", "resnet34")
CELLS = (
    *((f"timm:{name}", 1) for name in TIMM),
    *((name, batch) for name in LARGE for batch in (1, 8)),
    *((name, 1) for name in OTHERS),
)
# A loop's maximum duration for three and for two processes, in s.
SHORT_S, LONG_S = 10.0, 30.0
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
    """Measure our rounds and the loops, in random order."""
    networks, cells = sessions.resolve(arguments.cells)
    with sessions.prepared(folder, networks, cells) as study:
        loops: list[Callable[[], None]] = []
        for name, batch in cells:
            memory = {cell.batch_size: cell.passes_s for cell in study.memory[name]}
            # Two passes, of which the first is slow.
            loop_s = (memory[batch] or 0.0) / 2 * arguments.passes
            one = partial(_loop, folder, networks[name], batch, arguments.passes)
            loops += [one] * processes(loop_s)
        rounds = iter([partial(study.measure, SESSION, number) for number in study.rounds()])
        # The rounds keep their order.
        order = loops + [lambda: next(rounds)()] * len(study.rounds())
        with progress.steps("steady state", len(order)) as step:
            for job in random.sample(order, len(order)):
                step("loop" if job in loops else "round")
                job()


def processes(loop_s: float) -> int:
    """Return the number of processes that repeat a loop which takes ``loop_s``."""
    return 3 if loop_s <= SHORT_S else 2 if loop_s <= LONG_S else 1


def report(lines: Sequence[LatencyLine], loops: Sequence[Mapping[str, Any]]) -> str:
    """Return the table of cells, and the share of cells that agree."""
    estimates = sessions.estimates(lines)
    of_cell = sessions.by_cell(lines)
    rows, agreeing = [], 0
    for cell, estimate in estimates.items():
        looped = [loop for loop in loops if (loop["model"], loop["batch_size"]) == cell]
        if not looped:
            continue
        medians = [median(loop["passes_ms"]) for loop in looped]
        agreed = agrees(estimate, median(medians))
        agreeing += agreed
        rows.append(
            (
                f"{cell[0]}, batch size {cell[1]}",
                len(of_cell[cell]),
                _interval(estimate),
                ", ".join(f"{one:.4g}" for one in medians),
                f"{estimate.value / median(medians):.3f}",
                "yes" if agreed else "no",
                _pair(_mean(of_cell[cell], "page_faults"), _mean(looped, "page_faults"), ".0f"),
                _pair(_mean(of_cell[cell], "system_ms"), _mean(looped, "system_ms"), ".1f"),
            )
        )
    header = (
        *("cell", "processes", "estimate (ms)", "medians of the loops (ms)"),
        *("estimate / loop", "agrees", "page faults, ours and loop", "system ms, ours and loop"),
    )
    ratios = [float(row[4]) for row in rows]
    priorities = sorted(
        {line.scheduling for line in lines} | {loop["scheduling"] for loop in loops}
    )
    return "\n".join(
        (
            sessions.table(header, rows),
            f"Cells that agree: {sessions.share(agreeing, len(rows))}; median ratio"
            f" {median(ratios):.3f}, {min(ratios):.3f} to {max(ratios):.3f}.",
            f"Spread between the processes of a loop: {_spread(loops)}. Scheduling of our processes"
            f" and the loops: {', '.join(sorted(priorities))}.",
        )
    )


def agrees(estimate: Estimate, loop_ms: float) -> bool:
    """Return whether a loop lies within the interval, or within 5% of the estimate."""
    close = abs(loop_ms - estimate.value) <= MARGIN * estimate.value
    return close or sessions.contains(estimate, loop_ms)


def loop(network: Network, batch_size: int, passes: int) -> dict[str, Any]:
    """Time ``passes`` passes of a cell in this process, after one warm-up pass."""
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
        forward()
        before = resource.getrusage(resource.RUSAGE_SELF)
        timed = on.time(forward, passes)
        after = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "passes_ms": timed.passes_ms,
        "page_faults": (after.ru_minflt - before.ru_minflt) / passes,
        "system_ms": 1000 * (after.ru_stime - before.ru_stime) / passes,
        "scheduling": scheduling,
    }


def _loop(folder: Path, network: Network, batch_size: int, passes: int) -> None:
    outcome = isolation.run(loop, network, batch_size, passes, timeout_s=sessions.TIMEOUT_S)
    if outcome.status != "ok":
        sys.exit(f"{network.key}: {outcome.status}: {outcome.message}")
    cell = {"model": network.key, "batch_size": batch_size}
    sessions.append(folder / "loops.jsonl", {**cell, **outcome.value})


def _spread(loops: Sequence[Mapping[str, Any]]) -> str:
    """Return the median over cells of the largest ratio of two processes' medians."""
    cells: dict[Cell, list[float]] = {}
    for one in loops:
        cells.setdefault((one["model"], one["batch_size"]), []).append(median(one["passes_ms"]))
    ratios = [max(of) / min(of) for of in cells.values() if len(of) > 1]
    if not ratios:
        return "unknown"
    return f"slowest / fastest is {median(ratios):.3f} (median), {max(ratios):.3f} at most"


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
