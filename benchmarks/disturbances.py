"""Verdicts on sessions with disturbances that this benchmark causes itself.

Each session has disturbances of one kind. Half of the cells are exposed: each of their processes is
disturbed with probability 1/2, and its repetition again. The other cells, and all cells of a
session without disturbances, stay undisturbed.

- busy core: a busy process on one core, with our processes at normal priority;
- busy core, raised priority: the same with the priority that dnnbench gives itself;
- memory traffic: a process that copies memory all the time, at normal priority;
- cold memory: another process holds the memory that the host provides without delay, in rounds 2
  and 4, for all cells. Only in a virtual machine;
- stopped: the measuring process is stopped for a third of its time;
- stopped once: the same, but not when a process is repeated.

A process is affected if it was slowed by more than 10%, compared with the median over the
undisturbed processes of its cell in all sessions, which also serves as the true latency. The output
states, by kind, how many cells with an affected process have the verdict ``disturbed``, and how
large the error of the estimates is. A run takes about 9 minutes on two cores.
"""

import argparse
import random
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import exp, log
from pathlib import Path
from statistics import fmean, median, stdev
from typing import Any

import injection
import sessions
from sessions import Cell

from dnnbench.core import progress
from dnnbench.records.latency_records import LatencyLine

AFFECTED = 1.1
CELLS = (
    *((name, 1) for name in ("squeezenet1_1", "mobilenetv2", "resnet18", "googlenet", "resnet50")),
    *((name, 1) for name in ("densenet121", "vgg16")),
    *((name, 8) for name in ("mobilenetv2", "resnet18", "resnet50")),
)
COLD_ROUNDS = (2, 4)
LOG = "injected.jsonl"


@dataclass(frozen=True)
class Kind:
    """A kind of disturbance, and the conditions in which our processes meet it."""

    name: str
    disturb: Callable[[], AbstractContextManager[None]] | None
    normal_priority: bool = False
    whole_rounds: bool = False
    repetitions: bool = True


KINDS = (
    Kind("none", None),
    Kind("busy-core", injection.busy_core, normal_priority=True),
    Kind("busy-core-raised-priority", injection.busy_core),
    Kind("memory-traffic", injection.memory_traffic, normal_priority=True),
    Kind("cold-memory", injection.held_memory, whole_rounds=True),
    Kind("stopped", injection.stopped_child),
    Kind("stopped-once", injection.stopped_child, repetitions=False),
)


def main() -> None:
    """Measure and print the tables."""
    parser = sessions.parser(__doc__, CELLS)
    names = [kind.name for kind in KINDS]
    parser.add_argument("--kinds", nargs="+", choices=names, default=names, metavar="KIND")
    parser.add_argument("--sessions", type=int, default=1, help="Number of sessions of each kind.")
    arguments = parser.parse_args()
    with sessions.folder(arguments) as folder:
        if not arguments.analyze:
            measure(folder, arguments)
        found = {kind.name: sessions.read_sessions(folder, kind.name) for kind in KINDS}
        print(report(judged(found, sessions.records(folder / LOG))))


def measure(folder: Path, arguments: argparse.Namespace) -> None:
    """Measure the sessions of all kinds."""
    networks, cells = sessions.resolve(arguments.cells)
    kinds = [kind for kind in KINDS if kind.name in arguments.kinds]
    if not injection.virtual_machine():
        print("cold-memory: skipped, because this is not a virtual machine.", file=sys.stderr)
        kinds = [kind for kind in kinds if kind.name != "cold-memory"]
    with sessions.prepared(folder, networks, cells) as study:
        turns = [(at, kind) for at in range(1, arguments.sessions + 1) for kind in kinds]
        with progress.steps("disturbances", len(turns)) as step:
            for at, kind in turns:
                step(kind.name)
                injector = Injector(folder / LOG, f"{kind.name}-{at}", kind, cells)
                with injection.normal_priority() if kind.normal_priority else nullcontext():
                    for number in study.rounds():
                        with injector.active(number):
                            study.measure(injector.session, number, injector.report)


@dataclass
class Injector:
    """Disturbs chosen processes of a session, and records which."""

    log: Path
    session: str
    kind: Kind
    cells: Sequence[Cell]
    reports: int = 0
    exposed: frozenset[Cell] = field(init=False)

    def __post_init__(self) -> None:
        """Choose the exposed cells: the same ones if the session is continued."""
        chosen = random.Random(self.session).sample(list(self.cells), len(self.cells) // 2)
        self.exposed = frozenset(chosen)

    @contextmanager
    def active(self, number: int) -> Iterator[None]:
        """Disturb round ``number``, or some of its processes."""
        self.reports = 0
        if self.kind.disturb is None or (self.kind.whole_rounds and number not in COLD_ROUNDS):
            yield
        elif self.kind.whole_rounds:
            with self.kind.disturb(), sessions.around_processes(self._record):
                yield
        else:
            with sessions.around_processes(self._maybe):
                yield

    @contextmanager
    def report(self, _what: str, _total: int, _later: int) -> Iterator[progress.Step]:
        """Count the reports of a round: after the first, it repeats disturbed processes."""
        self.reports += 1
        yield lambda name: None

    @contextmanager
    def _maybe(self, cell: Cell) -> Iterator[None]:
        """Disturb half of the processes of an exposed cell, and repetitions."""
        chosen = self.kind.repetitions if self.reports > 1 else random.random() < 0.5
        if self.kind.disturb is None or cell not in self.exposed or not chosen:
            yield
            return
        with self.kind.disturb(), self._record(cell):
            yield

    @contextmanager
    def _record(self, cell: Cell) -> Iterator[None]:
        """Record that a process is disturbed."""
        started = datetime.now(UTC).isoformat()
        record = {"session": self.session, "model": cell[0], "batch_size": cell[1]}
        sessions.append(self.log, {**record, "started": started})
        yield


@dataclass(frozen=True)
class Judged:
    """A cell of a session: its verdict, and the deviation of its estimates from the truth.

    Deviations are logarithms of ratios. ``first`` is that of the estimate without repetitions.
    """

    kind: str
    exposed: bool
    affected: int
    repeated: int
    verdict: str | None
    reason: str | None
    deviation: float
    first: float


def judged(
    found: Mapping[str, Sequence[Sequence[LatencyLine]]], injections: Sequence[Mapping[str, Any]]
) -> list[Judged]:
    """Return the cells of all sessions, of which ``injections`` are the disturbed processes."""
    started: dict[tuple[str, str, int], list[datetime]] = {}
    for one in injections:
        key = one["session"], one["model"], one["batch_size"]
        started.setdefault(key, []).append(datetime.fromisoformat(one["started"]))

    def injected(line: LatencyLine) -> bool:
        """Return whether a disturbance started with the process."""
        times = started.get((line.session, line.model, line.batch_size), ())
        return any(0 <= (time - line.started).total_seconds() < 0.25 for time in times)

    lines = [line for of in found.values() for session in of for line in session]
    truth = {
        cell: median(_median(line) for line in of if not injected(line))
        for cell, of in sessions.by_cell(lines).items()
        if not all(injected(line) for line in of)
    }
    cells = []
    for kind, of_kind in found.items():
        for session in of_kind:
            estimates, verdicts = sessions.estimates(session), sessions.verdicts(session)
            of_first = sessions.estimates([first_attempt(line) for line in session])
            for cell, of in sessions.by_cell(session).items():
                if cell not in truth:
                    continue
                hit = [line for line in of if injected(line)]
                cells.append(
                    Judged(
                        kind=kind,
                        exposed=(session[0].session, *cell) in started,
                        affected=sum(_median(line) > AFFECTED * truth[cell] for line in hit),
                        repeated=sum(line.first_attempt is not None for line in of),
                        verdict=verdicts[cell].stability,
                        reason=verdicts[cell].reason,
                        deviation=log(estimates[cell].value / truth[cell]),
                        first=log(of_first[cell].value / truth[cell]),
                    )
                )
    return cells


def report(cells: Sequence[Judged]) -> str:
    """Return the tables by kind of disturbance and by verdict."""
    rows = []
    for kind in dict.fromkeys(cell.kind for cell in cells):
        exposed = [cell for cell in cells if cell.kind == kind and cell.exposed]
        affected = [cell for cell in exposed if cell.affected]
        spared = [cell for cell in cells if cell.kind == kind and not cell.exposed]
        rows.append(
            (
                kind,
                len(exposed),
                len(affected),
                sessions.share(_disturbed(affected), len(affected)),
                sessions.share(_disturbed(spared), len(spared)),
                _error(exposed),
                _error(spared),
            )
        )
    header = (
        *("disturbance", "exposed cells", "affected", "affected and `disturbed`"),
        *("not exposed and `disturbed`", "error, exposed", "error, not exposed"),
    )
    by_verdict = {
        verdict: [cell for cell in cells if cell.verdict == verdict]
        for verdict in ("stable", "noisy", "disturbed")
    }
    calm = by_verdict["stable"] + by_verdict["noisy"]
    once = [cell for cell in cells if cell.kind == "stopped-once" and cell.exposed]
    affected = [cell for cell in cells if cell.affected]
    spared = [cell for cell in cells if not cell.exposed]
    return "\n".join(
        (
            sessions.table(header, rows),
            *(
                f"Not exposed and `disturbed`, {cell.kind}: {cell.reason}"
                for cell in spared
                if cell.verdict == "disturbed"
            ),
            "All kinds: affected and `disturbed`"
            f" {sessions.share(_disturbed(affected), len(affected))}; not exposed and `disturbed`"
            f" {sessions.share(_disturbed(spared), len(spared))}.",
            "Median error by verdict: "
            + ", ".join(
                f"{name} {_error(of)} (cells: {len(of)})" for name, of in by_verdict.items()
            )
            + f"; disturbed / others: {_ratio_of_errors(by_verdict['disturbed'], calm)}.",
            f"Bias of exposed cells of stopped-once, of which"
            f" {sum(cell.repeated for cell in once)} processes were repeated: estimate"
            f" {_bias([cell.deviation for cell in once])}, without the repetitions"
            f" {_bias([cell.first for cell in once])}; cells that were not exposed"
            f" {_bias([cell.deviation for cell in spared])}.",
        )
    )


def first_attempt(line: LatencyLine) -> LatencyLine:
    """Return the line as it was before a repetition replaced its samples."""
    if line.first_attempt is None:
        return line
    first = {name: getattr(line.first_attempt, name) for name in ("samples_ms", "disturbance")}
    return line.model_copy(update=first)


def _disturbed(cells: Sequence[Judged]) -> int:
    return sum(cell.verdict == "disturbed" for cell in cells)


def _error(cells: Sequence[Judged]) -> str:
    return f"{median(abs(cell.deviation) for cell in cells):.1%}" if cells else "none"


def _ratio_of_errors(disturbed: Sequence[Judged], others: Sequence[Judged]) -> str:
    if not disturbed or not others:
        return "unknown"
    one, other = (median(abs(cell.deviation) for cell in of) for of in (disturbed, others))
    return f"{one / other:.1f}" if other else "unknown"


def _bias(deviations: Sequence[float]) -> str:
    """Return the mean deviation as a share, with its standard error."""
    if len(deviations) < 2:
        return "unknown"
    error = stdev(deviations) / len(deviations) ** 0.5
    return f"{exp(fmean(deviations)) - 1:+.1%} (standard error {error:.1%})"


def _median(line: LatencyLine) -> float:
    return median(line.samples_ms)


if __name__ == "__main__":
    main()
