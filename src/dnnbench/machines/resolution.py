"""How small a difference this machine can tell: an A/A study, which times the same thing again.

A few networks are timed at batch size 1 by the study's own rounds, in sessions that take turns: of
four sessions, the first round of each, then the second of each, each turn in another order.
Between two sessions nothing differs, so whatever is called a difference is called so by mistake,
and the length of the intervals says how large a real one has to be.

The sessions share an hour at most: this is the machine at its most comparable. Another day may
bring another clock, temperature or neighbour, which no interval of one session covers.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import combinations
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from dnnbench.config.parameters import Parameters
from dnnbench.core import isolation, lock, progress
from dnnbench.core.errors import UserError
from dnnbench.core.storage import read_lines
from dnnbench.devices import backends
from dnnbench.measure import round
from dnnbench.networks import builders
from dnnbench.networks.registry import Network
from dnnbench.queries import compare_runs
from dnnbench.records.base import DeviceName, ModelName, Positive, Record
from dnnbench.records.latency_records import LatencyLine
from dnnbench.stats import disturbance, intervals

# Quick ones that differ in what they ask of a machine: small convolutions, depthwise ones, large.
NETWORKS = ("squeezenet1_1", "mobilenetv2", "resnet18")
SESSIONS = 4


class Resolution(Record):
    """What an A/A study found.

    Half of the comparisons could tell a change by a factor of ``resolution`` (as in
    :class:`dnnbench.queries.compare_runs.DeviceChange`); ``None`` where none has an interval. Of
    ``comparisons`` of a network with itself, ``outside`` have a 95 % interval that leaves out 1,
    and ``different`` would be called slower or faster by ``dnnbench compare``. ``disturbed`` of
    ``processes`` saw something else use the machine; ``failed``: networks that could not be timed,
    and why.
    """

    device: DeviceName
    networks: list[ModelName]
    sessions: int
    rounds: int
    resolution: Positive | None
    comparisons: int
    outside: int
    different: int
    processes: int
    disturbed: int
    failed: dict[ModelName, str]


def run(
    settings: Parameters, networks: Mapping[str, Network], sessions: int = SESSIONS
) -> Resolution:
    """Time ``networks`` on this machine, in a folder that is removed afterwards, and compare.

    Waits for the device's lock. Raises UserError where the protocol has no interval, and
    rounds.BusyError where others use the machine and the device file refuses that.
    """
    passes = settings.latency.passes
    if passes.rounds < 2:
        raise UserError(
            f"params.yaml: latency: {passes.rounds} round of protocol {settings.latency.protocol}:"
            " one process has no interval, so nothing can be told; set rounds: 5, protocol: default"
        )
    setup = backends.Setup(settings.backend, settings.gpu)
    on = backends.backend(setup)
    order = _turns(sessions, passes.rounds)
    # One to the records, so that the best time of a reference kernel is that of the whole study.
    started = datetime.now().strftime("%Y-%m-%dT%H:%M")
    isolation.prepare()
    builders.preload(networks.values())
    found: list[list[LatencyLine]] = [[] for _ in range(sessions)]
    with (
        TemporaryDirectory(prefix="dnnbench-") as folder,
        lock.hold(on.lock_name),
        progress.steps("resolving", len(order)) as step,
    ):
        for number, session in enumerate(order, 1):
            step(f"round {number}")
            plan = round.Round(
                number=number,
                session=started,
                device=settings.device,
                setup=setup,
                variant=settings.variants[0],
                networks=networks,
                batch_sizes=[1],
                protocol=settings.latency.protocol,
                passes=passes,
                threads=settings.threads or on.default_threads(),
                cell_timeout_s=settings.latency.cell_timeout_s,
                when_busy=settings.when_busy,
            )
            output = Path(folder) / f"{number}.jsonl"
            round.run(plan, output, report=_silent)
            found[session] += read_lines(output, LatencyLine)
    return judge(settings.device, found)


def judge(device: str, sessions: Sequence[Sequence[LatencyLine]]) -> Resolution:
    """What the lines of each session come to. A network counts where all its rounds went well."""
    lines = [line for session in sessions for line in session]
    failed = {line.model: line.message or line.status for line in lines if line.status != "ok"}
    networks = [name for name in dict.fromkeys(line.model for line in lines) if name not in failed]
    changes: list[intervals.Change] = []
    different = 0
    for before, after in combinations(sessions, 2):
        seen = [[line.disturbance for line in of if line.disturbance] for of in (before, after)]
        machine = disturbance.reference_change(*seen)
        pair = [intervals.change(_times(before, name), _times(after, name)) for name in networks]
        verdicts = [
            compare_runs.verdict(change, machine) for change in compare_runs.corrected(pair)
        ]
        different += sum(verdict in ("slower", "faster") for verdict in verdicts)
        changes += pair
    return Resolution(
        device=device,
        networks=networks,
        sessions=len(sessions),
        rounds=len({line.round for line in sessions[0]}),
        resolution=intervals.resolution(changes),
        comparisons=len(changes),
        outside=sum(_leaves_out_1(change.ratio) for change in changes),
        different=different,
        processes=len(lines),
        disturbed=_disturbed(lines),
        failed=failed,
    )


def _turns(sessions: int, count: int) -> list[int]:
    """Which session each round belongs to: turn by turn, each turn in a random order."""
    turns = [random.sample(range(sessions), sessions) for _ in range(count)]
    return [session for turn in turns for session in turn]


@contextmanager
def _silent(_what: str, _total: int, _later: int) -> Iterator[progress.Step]:
    """No report on a round's cells: the study reports on its rounds."""
    yield lambda name: None


def _times(lines: Sequence[LatencyLine], network: str) -> list[float]:
    return [median(line.samples_ms) for line in lines if line.model == network]


def _leaves_out_1(ratio: intervals.Estimate) -> bool:
    return ratio.low is not None and ratio.high is not None and not ratio.low <= 1 <= ratio.high


def _disturbed(lines: Sequence[LatencyLine]) -> int:
    """How many processes something disturbed, by the thresholds of the study."""
    best = disturbance.best_references(lines)
    return sum(
        bool(disturbance.reasons(seen))
        for line in lines
        if (seen := disturbance.relative_to_best(line, best))
    )
