"""An A/A study on this CPU: do sessions on the same machine agree?

Six networks at batch size 1 are timed in several identical sessions by three protocols, whose
processes run in random order within each session:

- ours: five rounds, as in a study;
- 2018: ten untimed and ten timed passes in one process;
- 2018, same time: that process continues with untimed and timed passes until it has taken as long
  as our five together.

The confidence interval for the 2018 protocol is the naive one: mean +- t s / sqrt(n). The output
states each protocol's spread between sessions, and how often a session's 95% confidence interval
covers the median over all sessions of the same protocol. A run takes about 15 minutes. Other
programs on the machine affect the numbers; the output states how busy they were.
"""

import math
import random
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import log, sqrt
from pathlib import Path
from statistics import fmean, median, stdev

from scipy.stats import t

from dnnbench.config.latency_settings import PROTOCOLS, Passes
from dnnbench.config.variants import REFERENCE
from dnnbench.core import isolation, lock, progress
from dnnbench.core.storage import read_lines
from dnnbench.devices import backends
from dnnbench.measure import latency, round
from dnnbench.networks import builders, registry
from dnnbench.networks.registry import Network
from dnnbench.records.latency_records import LatencyLine
from dnnbench.records.published_study import STUDY
from dnnbench.stats import disturbance, intervals
from dnnbench.stats.intervals import CONFIDENCE, Estimate

NETWORKS = ("squeezenet1_1", "shufflenet", "mobilenetv2", "resnet18", "alexnet", "googlenet")
SESSIONS = 8
OURS, OLD = PROTOCOLS["default"], PROTOCOLS[STUDY]
SETUP = backends.Setup("cpu")
TIMEOUT_S = 300.0
PROTOCOL_NAMES = ("ours", "2018", "2018, same time")


@dataclass(frozen=True)
class Session:
    """One protocol's latency estimate of a network, in ms, and its processes' duration, in s."""

    estimate: Estimate
    seconds: float


# Sessions by protocol and network.
Found = dict[str, dict[str, list[Session]]]


def main(networks: Mapping[str, Network] | None = None, sessions: int = SESSIONS) -> None:
    """Measure and print the table."""
    if networks is None:
        known = registry.load_registry()
        networks = {name: known[name] for name in NETWORKS}
    isolation.prepare()
    builders.preload(networks.values())
    with tempfile.TemporaryDirectory(prefix="dnnbench-") as folder, lock.hold("cpu"):
        found, lines = measure(networks, sessions, Path(folder))
    print("\n".join(table(found)))
    print(disturbances(lines))


def measure(
    networks: Mapping[str, Network], sessions: int, folder: Path
) -> tuple[Found, list[LatencyLine]]:
    """Return all sessions of all protocols, and the records of our rounds."""
    pilot = _round(networks, 1, folder / "pilot.jsonl")
    longer = {line.model: _longer(networks[line.model], line) for line in pilot}
    found: Found = {name: {model: [] for model in networks} for name in PROTOCOL_NAMES}
    all_lines: list[LatencyLine] = []
    each = OURS.rounds + 2 * len(networks)
    with progress.steps("sessions", sessions * each) as step:
        for session in range(1, sessions + 1):
            lines: list[LatencyLine] = []

            def ours(number: int, lines: list[LatencyLine] = lines, at: int = session) -> None:
                lines += _round(networks, number, folder / f"{at}-{number}.jsonl")

            def old(name: str, model: str, passes: Passes) -> None:
                found[name][model].append(_one_process(networks[model], passes))

            jobs: list[tuple[Callable[..., None], tuple[object, ...]]] = [
                *((ours, (number,)) for number in range(1, OURS.rounds + 1)),
                *((old, ("2018", model, OLD)) for model in networks),
                *((old, ("2018, same time", model, longer[model])) for model in networks),
            ]
            random.shuffle(jobs)
            for job, arguments in jobs:
                step(f"session {session} of {sessions}")
                job(*arguments)
            for model in networks:
                of_model = [line for line in lines if line.model == model]
                value = intervals.interval([median(line.samples_ms) for line in of_model])
                seconds = sum(line.cell_s for line in of_model)
                found["ours"][model].append(Session(value, seconds))
            all_lines += lines
    return found, all_lines


def table(found: Found) -> list[str]:
    """Return a Markdown table with one row per protocol, over networks and sessions."""
    ours_s = sum(one.seconds for of in found["ours"].values() for one in of)
    rows = [
        "| protocol | duration | spread between sessions | half-width of the interval"
        " | sessions whose interval covers the overall median |",
        "|---|---|---|---|---|",
    ]
    for name, of_protocol in found.items():
        spreads = [spread([one.estimate for one in of]) for of in of_protocol.values()]
        widths = [one.estimate.half_width or 0.0 for of in of_protocol.values() for one in of]
        covered = sum(coverage([one.estimate for one in of]) for of in of_protocol.values())
        seconds = sum(one.seconds for of in of_protocol.values() for one in of)
        rows.append(
            f"| {name} | x {seconds / ours_s:.2f} | {median(spreads):.1%}"
            f" ({min(spreads):.1%} to {max(spreads):.1%}) | {median(widths):.1%}"
            f" | {covered} of {len(widths)} ({covered / len(widths):.0%}) |"
        )
    return rows


def spread(estimates: Sequence[Estimate]) -> float:
    """Return the relative spread: the standard deviation of the estimates' logarithms."""
    return stdev(log(one.value) for one in estimates)


def coverage(estimates: Sequence[Estimate]) -> int:
    """Return the number of intervals that cover the median of the values."""
    middle = median(one.value for one in estimates)
    return sum(
        one.low is not None and one.high is not None and one.low <= middle <= one.high
        for one in estimates
    )


def naive(samples: Sequence[float]) -> Estimate:
    """Return the mean of one process's passes, with a t interval that assumes independence."""
    value, n = fmean(samples), len(samples)
    half = float(t.ppf((1 + CONFIDENCE) / 2, n - 1)) * stdev(samples) / sqrt(n)
    return Estimate(value, value - half, value + half)


def disturbances(lines: Sequence[LatencyLine]) -> str:
    """Describe the disturbances that our processes observed."""
    best = disturbance.best_references(lines)
    seen = [found for line in lines if (found := disturbance.relative_to_best(line, best))]
    disturbed = sum(bool(disturbance.reasons(one)) for one in seen)
    busy = median(one.busy_before or 0.0 for one in seen)
    return (
        f"{disturbed} of {len(lines)} of our processes were disturbed; other programs used"
        f" {busy:.0%} of the machine before a round (median)."
    )


def _round(networks: Mapping[str, Network], number: int, output: Path) -> list[LatencyLine]:
    """Run one of our rounds; exit if a network cannot be timed."""
    plan = round.Round(
        number=number,
        session="aa",
        device="cpu",
        setup=SETUP,
        variant=REFERENCE,
        networks=networks,
        batch_sizes=[1],
        protocol="default",
        passes=OURS,
        threads=_threads(),
        cell_timeout_s=TIMEOUT_S,
        when_busy="flag",
    )
    round.run(plan, output, report=_silent)
    lines = read_lines(output, LatencyLine)
    for line in lines:
        if line.status != "ok":
            sys.exit(f"{line.model}: {line.status}: {line.message}")
    return lines


def _one_process(network: Network, passes: Passes) -> Session:
    """Run the 2018 protocol: the mean of the timed passes of one process."""
    arguments = network, [1], passes, SETUP, _threads()
    outcome = isolation.run(latency.measure, *arguments, timeout_s=TIMEOUT_S)
    timing = outcome.value[0] if outcome.value else outcome
    if timing.status != "ok":
        sys.exit(f"{network.key}: {timing.status}: {timing.message}")
    return Session(naive(timing.samples_ms), outcome.seconds)


def _longer(network: Network, ours: LatencyLine) -> Passes:
    """Return the 2018 protocol with enough passes to take as long as our processes."""
    outcome = isolation.run(
        latency.measure, network, [1], OLD, SETUP, _threads(), timeout_s=TIMEOUT_S
    )
    passes_s = fmean(outcome.value[0].samples_ms) / 1000
    start_s = outcome.seconds - passes_s * (OLD.discard + OLD.samples[0])
    left_s = OURS.rounds * ours.cell_s - max(0.0, start_s)
    count = max(OLD.discard, math.ceil(left_s / passes_s / 2))
    return OLD.model_copy(update={"discard": count, "samples": (count, count)})


def _threads() -> int:
    return backends.backend(SETUP).default_threads()


@contextmanager
def _silent(_what: str, _total: int, _later: int) -> Iterator[progress.Step]:
    yield lambda name: None


if __name__ == "__main__":
    main()
