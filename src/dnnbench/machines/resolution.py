"""The smallest change that this machine resolves, from an A/A study.

An A/A study repeats a measurement.

A few networks are measured at batch size 1 with the rounds of the study, in alternating sessions:
the first round of all four sessions, then the second of all, and so on, each time in another order.
Nothing differs between the sessions, so every reported change is a false positive. The length of
the intervals shows how large a real change has to be.

The sessions take at most an hour, so conditions are as similar as they get. On another day, the
clock, temperature or neighbors may differ, which the intervals of one session do not cover.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import combinations
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from dnnbench.config import variants
from dnnbench.config.parameters import Parameters
from dnnbench.core import isolation, lock, progress
from dnnbench.core.errors import UserError
from dnnbench.core.storage import read_lines
from dnnbench.devices import backends
from dnnbench.measure import round
from dnnbench.networks import builders
from dnnbench.networks.registry import Network
from dnnbench.queries import changes
from dnnbench.records.base import DeviceName, ModelName, Positive, Record
from dnnbench.records.latency_records import LatencyLine
from dnnbench.stats import disturbance, intervals

# Fast networks with different bottlenecks: small, depthwise, and large convolutions.
NETWORKS = ("squeezenet1_1", "mobilenetv2", "resnet18")
SESSIONS = 4


class Resolution(Record):
    """Result of an A/A study.

    Half of the comparisons can detect a change by a factor of ``resolution`` (as in
    :class:`dnnbench.queries.changes.DeviceChange`), which is ``None`` without any interval. Of
    the ``comparisons`` of a network with itself, ``outside`` have a 95% interval that excludes 1,
    and ``different`` would be reported as slower or faster by ``dnnbench compare``. ``disturbed``
    of ``processes`` were disturbed by other programs. ``failed`` has the networks that could not be
    measured, with the reason.
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
    """Measure ``networks`` in a temporary folder, and compare the sessions.

    Waits for the lock of the device. Raises UserError if the protocol gives no intervals, and
    rounds.BusyError if other programs use the machine and the device file forbids that.
    """
    passes = settings.latency.passes
    if passes.rounds < 2:
        raise UserError(
            f"params.yaml: latency: {passes.rounds} round of protocol {settings.latency.protocol}:"
            " one process gives no interval. Set rounds: 5, protocol: default."
        )
    setup = backends.Setup(settings.backend, settings.gpu)
    on = backends.backend(setup)
    order = _turns(sessions, passes.rounds)
    # The records share one session, so that reference kernels are compared with the overall best.
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
                variant=variants.parse(settings.variants[0]).computes,
                networks=networks,
                batch_sizes=[1],
                protocol=settings.latency.protocol,
                passes=passes,
                threads=settings.base_threads or on.default_threads(),
                cell_timeout_s=settings.latency.cell_timeout_s,
                when_busy=settings.when_busy,
            )
            output = Path(folder) / f"{number}.jsonl"
            round.run(plan, output, report=_silent)
            found[session] += read_lines(output, LatencyLine)
    return judge(settings.device, found)


def judge(device: str, sessions: Sequence[Sequence[LatencyLine]]) -> Resolution:
    """Return the result for the lines of each session.

    Networks with failed rounds do not count.
    """
    lines = [line for session in sessions for line in session]
    failed = {line.model: line.message or line.status for line in lines if line.status != "ok"}
    networks = [name for name in dict.fromkeys(line.model for line in lines) if name not in failed]
    found: list[intervals.Change] = []
    different = 0
    for before, after in combinations(sessions, 2):
        seen = [[line.disturbance for line in of if line.disturbance] for of in (before, after)]
        own = changes.machine_change(None, disturbance.reference_change(*seen))
        pair = [
            intervals.change(*(intervals.interval(_times(of, name)) for of in (before, after)))
            for name in networks
        ]
        verdicts = [changes.verdict(change, own) for change in changes.corrected(pair)]
        different += sum(verdict in ("slower", "faster") for verdict in verdicts)
        found += pair
    return Resolution(
        device=device,
        networks=networks,
        sessions=len(sessions),
        rounds=len({line.round for line in sessions[0]}),
        resolution=intervals.resolution(found),
        comparisons=len(found),
        outside=sum(_leaves_out_1(change.ratio) for change in found),
        different=different,
        processes=len(lines),
        disturbed=_disturbed(lines),
        failed=failed,
    )


def _turns(sessions: int, count: int) -> list[int]:
    """Return the session of each round: all in turn, each turn in random order."""
    turns = [random.sample(range(sessions), sessions) for _ in range(count)]
    return [session for turn in turns for session in turn]


@contextmanager
def _silent(_what: str, _total: int, _later: int) -> Iterator[progress.Step]:
    """Suppress the progress of cells; only rounds are reported."""
    yield lambda name: None


def _times(lines: Sequence[LatencyLine], network: str) -> list[float]:
    return [median(line.samples_ms) for line in lines if line.model == network]


def _leaves_out_1(ratio: intervals.Estimate) -> bool:
    return ratio.low is not None and ratio.high is not None and not ratio.low <= 1 <= ratio.high


def _disturbed(lines: Sequence[LatencyLine]) -> int:
    """Return the number of disturbed processes, by the thresholds of the study."""
    limits = disturbance.limits(lines)
    return sum(bool(disturbance.reasons(line, limits)) for line in lines)
