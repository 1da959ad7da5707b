"""One round of timing: all cells in random order, each in one or more fresh processes.

A cell is a network at a batch size. A round measures latency, and records the disturbance during
each measurement. Several rounds, spread over a session, yield an estimate and its confidence
interval (see ``stats.intervals``).
"""

from __future__ import annotations

import math
import os
import random
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from dnnbench.config import variants
from dnnbench.config.latency_settings import Passes
from dnnbench.core import isolation, progress, speed_variables
from dnnbench.core.errors import UserError
from dnnbench.devices import backends
from dnnbench.engines import agreement
from dnnbench.measure import allocation, control, latency, oom, retries, round_state
from dnnbench.measure.fingerprint import fingerprint
from dnnbench.measure.graphs import BuiltGraphs
from dnnbench.measure.journal import Cell, Key, cell_of, key
from dnnbench.measure.latency import Timing
from dnnbench.measure.round_state import Here, same_network
from dnnbench.networks.registry import Network
from dnnbench.records import paths
from dnnbench.records.latency_records import Attempt, LatencyLine
from dnnbench.stats import disturbance

if TYPE_CHECKING:
    from dnnbench.records.memory_records import MemoryCell

_BUSY_WINDOW_S = 1.0
_MAX_REPEATED = 0.05
_OWN_POLICY = "default"


Report = Callable[[str, int, int], AbstractContextManager[progress.Step]]


class BusyError(UserError):
    """An error because other programs use the machine and the device file forbids it."""


@dataclass(frozen=True)
class Round:
    """The cells of a round and their settings.

    ``memory`` contains known memory cells of the networks: they decide how many processes measure a
    cell, and whether a large batch could bring the device down. ``graphs`` has what the variant's
    engine reads. ``variables`` are the environment variables that affect speed, and ``allocator``
    those that dnnbench has set for the variant's allocator.
    """

    number: int
    session: str
    device: str
    setup: backends.Setup
    variant: str
    networks: Mapping[str, Network]
    batch_sizes: list[int]
    protocol: str
    passes: Passes
    threads: int
    cell_timeout_s: float
    when_busy: str
    memory: Mapping[str, Sequence[MemoryCell]] = field(default_factory=dict)
    graphs: BuiltGraphs = field(default_factory=BuiltGraphs)
    variables: Mapping[str, str] = field(default_factory=speed_variables.found)
    allocator: Mapping[str, str] = field(default_factory=dict)

    def cells(self) -> list[Cell]:
        """Return every cell of the round, in the study's order."""
        return [
            (self.protocol, name, batch) for name in self.networks for batch in self.batch_sizes
        ]

    def processes(self, cell: Cell, measured: Iterable[LatencyLine]) -> int:
        """Return the number of processes of a cell over all rounds.

        ``measured`` are the cell's lines in this round. If there are any, the number is at most the
        one that they record.
        """
        rounds = self.passes.rounds
        if self.passes.one_process == "model":
            return rounds
        _, name, batch_size = cell
        by_size = {each.batch_size: each for each in self.memory.get(name, ())}
        cost_s = allocation.cost_s(by_size.get(batch_size), self.passes)
        count = allocation.processes(cost_s, rounds)
        recorded = [line.processes or rounds for line in measured]
        return min(count, max(recorded, default=count))

    def fingerprint(self, network: Network) -> str:
        """Return a fingerprint of everything but the machine that affects latency."""
        return cell_fingerprint(
            network,
            self.setup,
            self.variant,
            self.protocol,
            self.passes,
            self.threads,
            _wait_policy(),
            self.variables,
            self.allocator,
        )


def cell_fingerprint(
    network: Network,
    setup: backends.Setup,
    variant: str,
    protocol: str,
    passes: Passes,
    threads: int,
    wait_policy: str,
    variables: Mapping[str, str] = MappingProxyType({}),
    allocator: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """Return a fingerprint of everything but the machine that affects a latency.

    ``wait_policy``, ``variables`` and ``allocator`` are the recorded values.
    """
    settings = [
        protocol,
        passes.model_dump(exclude={"rounds"}),
        threads,
        None if wait_policy == _OWN_POLICY else wait_policy,
        *speed_variables.compared(variables),
        *speed_variables.compared(allocator),
    ]
    return fingerprint(latency, network, setup, variant, settings)


def run(plan: Round, output: Path, report: Report = progress.steps) -> None:
    """Measure the cells that ``output`` lacks, and rewrite it with all cells.

    A process with the same fingerprint is kept, with any status; a failed one is kept after one
    retry. Each finished process is written to a journal immediately, so that a kill loses only the
    current one. A batch size is not tried if a smaller one ran out of memory or the device refuses
    it. The most disturbed processes are measured once more at the end; their first attempt stays in
    the record. ``report`` shows the progress. Raises BusyError and DeviceError before anything is
    measured, and DeviceError if the device is lost, or the machine fails, meanwhile.
    """
    state = round_state.read(plan, output)
    here, journal, lines, valid = state.here, state.journal, state.lines, state.valid
    groups = _processes(plan, state.missing)
    if groups:
        here = replace(here, busy=_others_busy(plan))
        backends.backend(plan.setup).check_clocks(disturbance.MAX_CLOCK_DROP)
        _check_machine(plan)
    broken: set[str] = set()  # Networks that failed although the machine works.
    what = f"round {plan.number} of {plan.passes.rounds}"
    with report(what, len(groups), _later(here, output)) as step:
        for keys in groups:
            step(_name(keys))
            found = _visit(here, keys, [lines[k] for k in valid])
            found.sort(key=lambda line: retries.failed(line.status))
            for line in found:
                if retries.failed(line.status) and line.model not in broken:
                    _check_machine(plan)
                    broken.add(line.model)
                before = lines.get(key(line))
                if before and before.fingerprint == line.fingerprint:
                    line = line.model_copy(update={"failed_before": retries.reason(before)})
                lines[key(line)] = line
                valid.add(key(line))
                journal.append(line)

    limits = disturbance.limits(lines.values())
    new = {*state.missing, *state.fresh} & valid
    repeats = _most_disturbed([lines[k] for k in sorted(new)], limits)
    with report(f"{what}, repeating disturbed cells", len(repeats), 0) as step:
        for first in repeats:
            step(_name([key(first)]))
            (again,) = _measure(here, [key(first)])
            if again.status == "ok":
                lines[key(first)] = again.model_copy(update={"first_attempt": _attempt(first)})
                journal.append(lines[key(first)])

    order = {cell: place for place, cell in enumerate(plan.cells())}
    # Lines of networks and batch sizes that are no longer in the study are kept at the end.
    kept = sorted(
        lines.values(), key=lambda line: (order.get(cell_of(line), len(order)), line.process)
    )
    journal.finish(kept)


def _name(keys: list[Key]) -> str:
    sizes = ", ".join(str(batch) for _, _, batch, _ in keys)
    return f"{keys[0][1]}, batch size{'s' if len(keys) > 1 else ''} {sizes}"


def _later(here: Here, output: Path) -> int:
    """Estimate, from files, how many processes the other rounds still need."""
    plan = here.plan
    others = {
        k: paths.in_folder(output.parent, paths.ROUND, round=k)
        for k in range(1, plan.passes.rounds + 1)
    }
    waiting = [k for k, other in others.items() if other != output and not other.exists()]
    return sum(sum(here.counts(k).values()) for k in waiting)


def _check_machine(plan: Round) -> None:
    """Raise DeviceError if the machine is at fault rather than a network."""
    files = plan.graphs.files(control.NETWORK.key)
    arguments = [1], plan.passes, plan.setup, plan.threads, plan.variant, files
    control.check(plan.device, "timed", plan.setup, plan.variant, latency.measure, *arguments)


def _processes(plan: Round, keys: list[Key]) -> list[list[Key]]:
    """Group keys by process, in random order; processes of a cell are spread over the round."""
    if plan.passes.one_process == "model":
        names = dict.fromkeys(name for _, name, _, _ in keys)
        groups = [[key for key in keys if key[1] == name] for name in names]
        random.shuffle(groups)
        return groups
    waiting: dict[Cell, list[Key]] = {}
    for one in keys:
        waiting.setdefault(one[:3], []).append(one)
    order = allocation.order({one: len(left) for one, left in waiting.items()})
    return [[waiting[one].pop(0)] for one in order]


def _visit(here: Here, keys: list[Key], known: list[LatencyLine]) -> list[LatencyLine]:
    """Return lines for one process of one model; skip cells that ``known`` rules out."""
    plan = here.plan
    on = backends.backend(plan.setup)
    network, seen = plan.networks[keys[0][1]], plan.memory.get(keys[0][1], [])
    reasons = {
        one: oom.not_tried(one[2], same_network(one, known)) or on.refuses(network, one[2], seen)
        for one in keys
    }
    problems = {one: plan.graphs.problem(*one[1:3]) for one in keys}
    problems |= {one: ("oom", reason) for one, reason in reasons.items() if reason}
    skipped = [
        _line(here, one, Timing(*problem), datetime.now(UTC), 0.0)
        for one, problem in problems.items()
        if problem
    ]
    tried = [one for one in keys if not problems[one]]
    return skipped + (_measure(here, tried) if tried else [])


def _measure(here: Here, keys: list[Key]) -> list[LatencyLine]:
    """Measure one model's cells in a fresh process; return a line for each.

    A failed cell has a line too.
    """
    plan = here.plan
    on = backends.backend(plan.setup)
    on.settle()
    started = datetime.now(UTC)
    outcome = isolation.run(
        latency.measure,
        plan.networks[keys[0][1]],
        [batch for _, _, batch, _ in keys],
        plan.passes,
        plan.setup,
        plan.threads,
        plan.variant,
        plan.graphs.files(keys[0][1]),
        # Later rounds time the same network, so they only compare the images that they time.
        agreement.IMAGES if plan.number == 1 else 1,
        timeout_s=(plan.cell_timeout_s + variants.parse(plan.variant).building_s) * len(keys),
        memory_mib=on.allowance_mib(),
    )
    timings = outcome.value or [Timing(outcome.status, outcome.message)] * len(keys)
    if any(retries.failed(timing.status) for timing in timings):
        on.settle()  # Raises if the device is lost, in which case the network is not at fault.
    seconds = outcome.seconds / len(keys)
    return [
        _line(here, one, timing, started, seconds)
        for one, timing in zip(keys, timings, strict=True)
    ]


def _line(here: Here, key: Key, timing: Timing, started: datetime, seconds: float) -> LatencyLine:
    """Combine the result of a cell's process with fields of plan and machine."""
    plan = here.plan
    protocol, name, batch_size, process = key
    seen, energy = timing.disturbance, timing.energy
    return LatencyLine(
        device=plan.device,
        variant=plan.variant,
        model=name,
        batch_size=batch_size,
        round=plan.number,
        process=process,
        processes=here.processes[key[:3]],
        session=plan.session,
        protocol=protocol,
        fingerprint=here.fingerprints[name],
        status=timing.status,
        message=timing.message,
        discarded_ms=list(timing.discarded_ms),
        samples_ms=list(timing.samples_ms),
        threads=plan.threads,
        wait_policy=_wait_policy(),
        variables=dict(plan.variables),
        allocator=dict(plan.allocator),
        output_ok=timing.output_ok,
        disturbance=seen and seen.model_copy(update={"busy_before": here.busy}),
        energy_mj=energy.mj if energy else None,
        energy_basis=energy.basis if energy else "not_measured",
        built=plan.graphs.noted(timing.built, name, batch_size),
        agreement=timing.agreement,
        changes_input=timing.changes_input,
        page_faults=timing.page_faults,
        system_ms=timing.system_ms,
        scheduling=timing.scheduling,
        cell_timeout_s=plan.cell_timeout_s,
        cell_s=seconds,
        started=started,
    )


def _wait_policy() -> str:
    """Return how OpenMP's threads wait; ``default`` means the runtime's default."""
    return os.environ.get(speed_variables.WAIT_POLICY, _OWN_POLICY).lower()


def _others_busy(plan: Round) -> float | None:
    share, who = backends.backend(plan.setup).others_busy(_BUSY_WINDOW_S)
    if share is not None and share > disturbance.MAX_BUSY:
        problem = f"{plan.device}: other programs use {share:.0%} of the machine, mostly {who}"
        if plan.when_busy == "refuse":
            raise BusyError(f"{problem}. Stop them, or set when_busy: flag in the device file.")
        print(f"{problem}. This round's cells may be disturbed.", file=sys.stderr, flush=True)
    return share


def _most_disturbed(
    lines: list[LatencyLine], limits: disturbance.SessionLimits
) -> list[LatencyLine]:
    """Return the disturbed processes to repeat, worst first: at most 5% of ``lines``.

    Latency plays no role: repeating slow processes would bias the estimate. If more processes are
    disturbed, the machine itself is: repeating them would take long and help little.
    """
    severities = [
        (disturbance.severity(line, limits), line)
        for line in lines
        if line.status == "ok" and line.first_attempt is None
    ]
    disturbed = [(severity, line) for severity, line in severities if severity > 1]
    disturbed.sort(key=lambda pair: -pair[0])
    return [line for _, line in disturbed[: math.ceil(len(lines) * _MAX_REPEATED)]]


def _attempt(line: LatencyLine) -> Attempt:
    assert line.disturbance is not None
    return Attempt(
        discarded_ms=line.discarded_ms,
        samples_ms=line.samples_ms,
        disturbance=line.disturbance,
        started=line.started,
    )
