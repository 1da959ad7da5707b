"""One round of timing: a visit to every cell, each in a fresh process, in a new random order.

A cell is a model at a batch size. Several rounds spread over a session make an estimate and its
interval (see ``stats.intervals``); a round measures, and says what else went on meanwhile.
"""

from __future__ import annotations

import math
import os
import random
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from dnnbench.config import variants
from dnnbench.config.latency_settings import Passes
from dnnbench.core import isolation, progress, speed_variables
from dnnbench.core.errors import UserError
from dnnbench.devices import backends
from dnnbench.measure import control, latency, oom, retries
from dnnbench.measure.fingerprint import fingerprint
from dnnbench.measure.journal import Journal, Key, key
from dnnbench.measure.latency import Timing
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
    """Other programs use the machine, and the device file says to refuse to time then."""


@dataclass(frozen=True)
class Round:
    """What a round measures, and how.

    ``memory`` is what is known of the networks' memory, for devices that a batch could take down.
    ``variables``: those of the environment that change speed.
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
    variables: Mapping[str, str] = field(default_factory=speed_variables.found)

    def cells(self) -> list[Key]:
        """Every cell of the round, in the study's order."""
        return [
            (self.protocol, name, batch) for name in self.networks for batch in self.batch_sizes
        ]

    def fingerprint(self, network: Network) -> str:
        """Changes with anything but the machine that the network's times depend on."""
        return cell_fingerprint(
            network,
            self.setup,
            self.variant,
            self.protocol,
            self.passes,
            self.threads,
            _wait_policy(),
            self.variables,
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
) -> str:
    """Changes with anything but the machine that a time depends on.

    ``wait_policy`` and ``variables`` as recorded.
    """
    settings = [
        protocol,
        passes.model_dump(exclude={"rounds"}),
        threads,
        None if wait_policy == _OWN_POLICY else wait_policy,
        *speed_variables.compared(variables),
    ]
    return fingerprint(latency, network, setup, variant, settings)


def run(plan: Round, output: Path, report: Report = progress.steps) -> None:
    """Measure the cells that ``output`` lacks, and write it anew with all of them.

    A cell that is there with the same fingerprint is kept, whatever its status; one that failed
    after it was tried once more. Each cell that finishes goes to a journal at once, so that a kill
    loses the cell in hand and no other.
    A batch size larger than one that ran out of memory is not tried, nor one that the device
    refuses.
    The most disturbed cells are measured once more at the end; what the first attempt gave stays
    in the record. ``report`` tells a person how far it is. Raises BusyError and DeviceError before
    anything is measured, and DeviceError where the device is lost, or the machine fails, in
    between.
    """
    journal = Journal(output)
    fresh = journal.unfinished()
    lines = {key(line): line for line in [*journal.finished(), *fresh]}
    prints = {name: plan.fingerprint(network) for name, network in plan.networks.items()}
    valid = {k for k in plan.cells() if _valid(lines.get(k), prints[k[1]], plan)}
    valid -= {k for k in valid if not oom.stands(lines[k], _same(k, [lines[o] for o in valid]))}
    missing = [k for k in plan.cells() if k not in valid]

    groups = _processes(plan, missing)
    busy = _others_busy(plan) if groups else None
    if groups:
        backends.backend(plan.setup).check_clocks(disturbance.MAX_CLOCK_DROP)
        _check_machine(plan)
    broken: set[str] = set()  # Networks, where the machine is not.
    what = f"round {plan.number} of {plan.passes.rounds}"
    with report(what, len(groups), _later(plan, output)) as step:
        for cells in groups:
            step(_name(cells))
            known = [lines[k] for k in valid]
            found = _visit(plan, cells, prints[cells[0][1]], busy, known)
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

    best = disturbance.best_references(lines.values())
    new = {*missing, *map(key, fresh)} & lines.keys()
    repeats = _most_disturbed(
        [_compared(lines[cell], best) for cell in plan.cells() if cell in new]
    )
    with report(f"{what}, disturbed cells again", len(repeats), 0) as step:
        for first in repeats:
            cell = key(first)
            step(_name([cell]))
            (again,) = _measure(plan, [cell], prints[cell[1]], busy)
            if again.status == "ok":
                lines[cell] = again.model_copy(update={"first_attempt": _attempt(first)})
                journal.append(lines[cell])

    best = disturbance.best_references(lines.values())
    order = {cell: place for place, cell in enumerate(plan.cells())}
    # Lines of networks and batch sizes that the study has dropped stay, behind the others.
    kept = sorted(lines.values(), key=lambda line: order.get(key(line), len(order)))
    journal.finish(_compared(line, best) for line in kept)


def _name(cells: list[Key]) -> str:
    return f"{cells[0][1]} x {', '.join(str(batch) for _, _, batch in cells)}"


def _later(plan: Round, output: Path) -> int:
    """Processes that the study's other rounds still need, as far as their files tell."""
    others = (
        paths.in_folder(output.parent, paths.ROUND, round=k)
        for k in range(1, plan.passes.rounds + 1)
    )
    waiting = sum(other != output and not other.exists() for other in others)
    return waiting * len(_processes(plan, plan.cells()))


def _valid(line: LatencyLine | None, fingerprint: str, plan: Round) -> bool:
    """Whether a line may stand for a cell of this plan."""
    if line is None or line.fingerprint != fingerprint:
        return False
    if retries.is_due(line):
        return False
    return line.status != "timeout" or line.cell_timeout_s == plan.cell_timeout_s


def _check_machine(plan: Round) -> None:
    """Raise DeviceError where what fails is the machine, and no network."""
    way = plan.setup, plan.threads, plan.variant
    control.check(
        plan.device, "timed", plan.setup, plan.variant, latency.measure, [1], plan.passes, *way
    )


def _same(cell: Key, lines: list[LatencyLine]) -> list[LatencyLine]:
    """The lines of the cell's network, under its protocol."""
    return [line for line in lines if (line.protocol, line.model) == cell[:2]]


def _processes(plan: Round, cells: list[Key]) -> list[list[Key]]:
    """Cells grouped by the process that measures them, in random order."""
    if plan.passes.one_process == "cell":
        groups = [[cell] for cell in cells]
    else:
        names = dict.fromkeys(name for _, name, _ in cells)
        groups = [[cell for cell in cells if cell[1] == name] for name in names]
    random.shuffle(groups)
    return groups


def _visit(
    plan: Round, cells: list[Key], fingerprint: str, busy: float | None, known: list[LatencyLine]
) -> list[LatencyLine]:
    """Lines of cells of one model, without trying those that cannot fit by what is ``known``."""
    on = backends.backend(plan.setup)
    network, seen = plan.networks[cells[0][1]], plan.memory.get(cells[0][1], [])
    reasons = {
        cell: oom.not_tried(cell[2], _same(cell, known)) or on.refuses(network, cell[2], seen)
        for cell in cells
    }
    skipped = [
        _line(plan, cell, fingerprint, Timing("oom", said), datetime.now(UTC), 0.0, busy)
        for cell, said in reasons.items()
        if said
    ]
    tried = [cell for cell in cells if not reasons[cell]]
    return skipped + (_measure(plan, tried, fingerprint, busy) if tried else [])


def _measure(
    plan: Round, cells: list[Key], fingerprint: str, busy: float | None
) -> list[LatencyLine]:
    """Measure cells of one model in one fresh process; one line each, whatever happens."""
    on = backends.backend(plan.setup)
    on.settle()
    started = datetime.now(UTC)
    outcome = isolation.run(
        latency.measure,
        plan.networks[cells[0][1]],
        [batch for _, _, batch in cells],
        plan.passes,
        plan.setup,
        plan.threads,
        plan.variant,
        timeout_s=(plan.cell_timeout_s + variants.parse(plan.variant).building_s) * len(cells),
        memory_mib=on.allowance_mib(),
    )
    timings = outcome.value or [Timing(outcome.status, outcome.message)] * len(cells)
    if any(retries.failed(timing.status) for timing in timings):
        on.settle()  # Of a device that is gone this would say nothing of the network.
    seconds = outcome.seconds / len(cells)
    return [
        _line(plan, cell, fingerprint, timing, started, seconds, busy)
        for cell, timing in zip(cells, timings, strict=True)
    ]


def _line(
    plan: Round,
    cell: Key,
    fingerprint: str,
    timing: Timing,
    started: datetime,
    seconds: float,
    busy: float | None,
) -> LatencyLine:
    """What a cell's process answered, with what the plan and the machine add."""
    protocol, name, batch_size = cell
    seen, energy = timing.disturbance, timing.energy
    return LatencyLine(
        device=plan.device,
        variant=plan.variant,
        model=name,
        batch_size=batch_size,
        round=plan.number,
        session=plan.session,
        protocol=protocol,
        fingerprint=fingerprint,
        status=timing.status,
        message=timing.message,
        discarded_ms=list(timing.discarded_ms),
        samples_ms=list(timing.samples_ms),
        threads=plan.threads,
        wait_policy=_wait_policy(),
        variables=dict(plan.variables),
        output_ok=timing.output_ok,
        disturbance=seen and seen.model_copy(update={"busy_before": busy}),
        energy_mj=energy.mj if energy else None,
        energy_basis=energy.basis if energy else "not_measured",
        built=timing.built,
        agreement=timing.agreement,
        changes_input=timing.changes_input,
        cell_timeout_s=plan.cell_timeout_s,
        cell_s=seconds,
        started=started,
    )


def _wait_policy() -> str:
    """How OpenMP's threads wait; ``default`` is the runtime's own way."""
    return os.environ.get(speed_variables.WAIT_POLICY, _OWN_POLICY).lower()


def _others_busy(plan: Round) -> float | None:
    share, who = backends.backend(plan.setup).others_busy(_BUSY_WINDOW_S)
    if share is not None and share > disturbance.MAX_BUSY:
        said = f"{plan.device}: others use {share:.0%} of the machine, most of it {who}"
        if plan.when_busy == "refuse":
            raise BusyError(f"{said}; stop them, or set when_busy: flag in the device file")
        print(f"{said}; this round's cells are flagged as unstable", file=sys.stderr, flush=True)
    return share


def _compared(line: LatencyLine, best: Mapping[str, tuple[float, float]]) -> LatencyLine:
    """The line with its reference kernels' times against the best of its session."""
    seen = disturbance.relative_to_best(line, best)
    return line.model_copy(update={"disturbance": seen})


def _most_disturbed(lines: list[LatencyLine]) -> list[LatencyLine]:
    """The cells to measure once more: disturbed, worst first, at most one in twenty of ``lines``.

    Where more are disturbed it is the machine that is noisy, and repeating them would take long
    and help little: the verdict on the cell says so.
    """
    severities = [
        (disturbance.severity(line.disturbance), line)
        for line in lines
        if line.status == "ok" and line.disturbance and line.first_attempt is None
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
