"""An A/A study on this CPU: do sessions on the same machine agree?

Sixteen cells are timed in eight identical sessions by our protocol, and six of them also by that of
2018, whose processes run in random order among our rounds. The sessions alternate: each makes its
first round before any makes its second one, so that all of them cover the same period. With
--in-turn, one session follows another, and the machine may change in between.

- ours: the rounds of a study;
- 2018: ten untimed and ten timed passes in one process;
- 2018, same time: that process continues with untimed and timed passes until it has taken as long
  as our processes of the cell together.

The confidence interval for the 2018 protocol is the naive one: mean +- t s / sqrt(n). The output
states each protocol's spread between sessions, how often a session's 95% interval covers the median
over all sessions of the same protocol, and how often the interval of the ratio of two sessions
covers 1, with binomial intervals. A run takes about 16 minutes on two cores.

With --neighbor, a busy process occupies one core throughout, and our sessions alternate between
normal priority and the raised one, without the protocol of 2018: about 7 minutes. Other programs on
the machine affect the numbers.
"""

import argparse
import math
import random
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from itertools import combinations
from math import sqrt
from pathlib import Path
from statistics import fmean, median, stdev

import injection
import sessions
from sessions import Cell

from dnnbench.config.latency_settings import PROTOCOLS, Passes
from dnnbench.core import isolation, progress
from dnnbench.measure import latency
from dnnbench.networks.registry import Network
from dnnbench.records.latency_records import LatencyLine
from dnnbench.records.published_study import STUDY
from dnnbench.stats import intervals
from dnnbench.stats.intervals import Estimate

CHEAP = ("squeezenet1_1", "shufflenet", "mobilenetv2", "resnet18", "alexnet", "googlenet")
MEDIUM = ("resnet50", "densenet121", "se_resnext50_32x4d", "inceptionv3", "vgg11")
CELLS = (
    *((name, 1) for name in (*CHEAP, *MEDIUM)),
    *((name, 8) for name in ("squeezenet1_1", "mobilenetv2", "resnet18", "googlenet", "resnet50")),
)
SESSIONS, NEIGHBOR_SESSIONS = 8, 4
OLD = PROTOCOLS[STUDY]
SAME_TIME = f"{STUDY}, same time"
OURS, NORMAL = "ours", "normal"
SINGLE = "single.jsonl"

# Estimates and durations in s, by session and cell.
Found = list[dict[Cell, tuple[Estimate, float]]]


def main() -> None:
    """Measure and print the table."""
    parser = sessions.parser(__doc__, CELLS)
    parser.add_argument("--sessions", type=int, help="Number of sessions of each protocol.")
    parser.add_argument(
        "--neighbor", action="store_true", help="Compare priorities next to a busy process."
    )
    parser.add_argument(
        "--in-turn", action="store_true", help="Finish each session before the next one."
    )
    arguments = parser.parse_args()
    with sessions.folder(arguments) as folder:
        if not arguments.analyze:
            (measure_neighbor if arguments.neighbor else measure)(folder, arguments)
        print(report(folder))


def measure(folder: Path, arguments: argparse.Namespace) -> None:
    """Measure all sessions of all protocols."""
    networks, cells = sessions.resolve(arguments.cells)
    count = arguments.sessions or SESSIONS
    with sessions.prepared(folder, networks, cells) as study:
        single = [name for name in CHEAP if (name, 1) in cells]
        longer = {name: _longer(networks[name], _our_seconds(study, name)) for name in single}
        rounds = len(study.rounds())
        jobs: list[tuple[int, float, Callable[[], None]]] = []
        for at in range(1, count + 1):
            for number in study.rounds():
                place = (number - 1 + random.random()) / rounds
                jobs.append((at, place, partial(study.measure, f"{OURS}-{at}", number)))
            for protocol, passes in ((STUDY, dict.fromkeys(single, OLD)), (SAME_TIME, longer)):
                for name in single:
                    job = partial(_single, folder, at, protocol, networks[name], passes[name])
                    jobs.append((at, random.random(), job))
        jobs.sort(key=lambda job: (job[0] if arguments.in_turn else 0, job[1]))
        with progress.steps("sessions", len(jobs)) as step:
            for at, _, job in jobs:
                step(f"session {at} of {count}")
                job()


def measure_neighbor(folder: Path, arguments: argparse.Namespace) -> None:
    """Measure our sessions next to a busy process, with both priorities in turn."""
    networks, cells = sessions.resolve(arguments.cells)
    count = arguments.sessions or NEIGHBOR_SESSIONS
    with sessions.prepared(folder, networks, cells) as study:
        turns = [
            (at, number, kind)
            for at in range(1, count + 1)
            for number in study.rounds()
            for kind in random.sample((OURS, NORMAL), 2)
        ]
        with injection.busy_core(), progress.steps("sessions", len(turns)) as step:
            for at, number, kind in turns:
                step(f"session {at} of {count}")
                with injection.normal_priority() if kind == NORMAL else nullcontext():
                    study.measure(f"{kind}-{at}", number)


def report(folder: Path) -> str:
    """Return a Markdown table with one row per protocol, over cells and sessions."""
    found: dict[str, Found] = {}
    for kind in (OURS, NORMAL):
        if lines := sessions.read_sessions(folder, kind):
            found[f"{OURS}, {lines[0][0].scheduling}"] = [ours(of) for of in lines]
    for name in (STUDY, SAME_TIME):
        if of := _read_single(folder, name):
            found[name] = of
    return table(found)


def ours(lines: Sequence[LatencyLine]) -> dict[Cell, tuple[Estimate, float]]:
    """Return estimate and duration of each cell of one of our sessions."""
    estimates = sessions.estimates(lines)
    return {
        cell: (estimates[cell], sum(line.cell_s for line in of))
        for cell, of in sessions.by_cell(lines).items()
    }


def table(found: Mapping[str, Found]) -> str:
    """Return a Markdown table with one row per protocol."""
    rows = []
    for name, of in found.items():
        cells = [[session[cell] for session in of] for cell in of[0]]
        estimates = [[one for one, _ in cell] for cell in cells]
        every = [one for cell in estimates for one in cell]
        spreads = [sessions.spread([one.value for one in cell]) for cell in estimates]
        covered = sum(sessions.covered_median(cell) for cell in estimates)
        ratios = [intervals.ratio(*pair) for cell in estimates for pair in combinations(cell, 2)]
        bounded = [one for one in ratios if one.low is not None]
        rows.append(
            (
                name,
                len(cells),
                f"{median(s for cell in cells for _, s in cell):.1f}",
                f"{median(spreads):.1%} ({min(spreads):.1%} to {max(spreads):.1%})",
                f"{median(one.half_width or 0.0 for one in every):.1%}",
                sessions.share(covered, len(every)),
                sessions.share(sessions.covered(bounded, 1.0), len(bounded)),
            )
        )
    header = (
        *("protocol", "cells", "time per cell and session (s)", "spread between sessions"),
        *("half-width", "intervals that cover the median of all sessions"),
        "ratios of two sessions whose interval covers 1",
    )
    return sessions.table(header, rows)


def naive(samples: Sequence[float]) -> Estimate:
    """Return the mean of one process's passes, with a t interval that assumes independence."""
    value, n = fmean(samples), len(samples)
    half = intervals.t_quantile(n - 1) * stdev(samples) / sqrt(n)
    return Estimate(value, value - half, value + half)


def _single(folder: Path, at: int, protocol: str, network: Network, passes: Passes) -> None:
    """Run the 2018 protocol in one process, unless it is in the folder."""
    done = {"session": at, "protocol": protocol, "model": network.key}
    file = folder / SINGLE
    if any(done.items() <= one.items() for one in sessions.records(file)):
        return
    samples_ms, seconds = _one_process(network, passes)
    sessions.append(file, {**done, "samples_ms": list(samples_ms), "seconds": seconds})


def _read_single(folder: Path, protocol: str) -> Found:
    """Return the sessions of a protocol with one process."""
    found: dict[int, dict[Cell, tuple[Estimate, float]]] = {}
    for one in sessions.records(folder / SINGLE):
        if one["protocol"] == protocol:
            result = naive(one["samples_ms"]), one["seconds"]
            found.setdefault(one["session"], {})[one["model"], 1] = result
    return list(found.values())


def _one_process(network: Network, passes: Passes) -> tuple[Sequence[float], float]:
    """Return the timed passes of one process, in ms, and its duration, in s."""
    arguments = network, [1], passes, sessions.SETUP, sessions.threads()
    outcome = isolation.run(latency.measure, *arguments, timeout_s=sessions.TIMEOUT_S)
    if outcome.status != "ok" or outcome.value[0].status != "ok":
        sys.exit(f"{network.key}: {outcome.message or outcome.value[0].message}")
    return outcome.value[0].samples_ms, outcome.seconds


def _our_seconds(study: sessions.Study, name: str) -> float:
    """Return the time that our processes of a network will take at batch size 1."""
    return study.processes((name, 1)) * (study.cost_s((name, 1)) or 0.0)


def _longer(network: Network, our_s: float) -> Passes:
    """Return the 2018 protocol with enough passes to take ``our_s``."""
    samples_ms, seconds = _one_process(network, OLD)
    passes_s = fmean(samples_ms) / 1000
    start_s = seconds - passes_s * (OLD.discard + OLD.samples[0])
    left_s = our_s - max(0.0, start_s)
    count = max(OLD.discard, math.ceil(left_s / passes_s / 2))
    return OLD.model_copy(update={"discard": count, "samples": (count, count)})


if __name__ == "__main__":
    main()
