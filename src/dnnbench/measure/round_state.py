"""State of a round's files: valid lines, and the processes that are missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dnnbench.measure import allocation, oom, retries
from dnnbench.measure.journal import Cell, Journal, Key, cell_of, key

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from dnnbench.measure.round import Round
    from dnnbench.records.latency_records import LatencyLine


@dataclass(frozen=True)
class Here:
    """A round's plan, with the planned processes by cell and the fingerprints by network.

    ``busy`` is the share of the device that other programs used before the first process.
    """

    plan: Round
    processes: Mapping[Cell, int]
    fingerprints: Mapping[str, str]
    busy: float | None = None

    def planned(self) -> list[Key]:
        """Return the planned processes of this round."""
        return [
            (*cell, process)
            for cell, count in self.counts(self.plan.number).items()
            for process in range(1, count + 1)
        ]

    def counts(self, number: int) -> dict[Cell, int]:
        """Return the number of processes of each cell in round ``number``."""
        rounds = self.plan.passes.rounds
        return {
            cell: allocation.in_round(count, number, rounds)
            for cell, count in self.processes.items()
        }

    def is_valid(self, line: LatencyLine) -> bool:
        """Return whether a line is a valid result for a cell of this plan."""
        if cell_of(line) not in self.processes or line.fingerprint != self.fingerprints[line.model]:
            return False
        if retries.is_due(line):
            return False
        return line.status != "timeout" or line.cell_timeout_s == self.plan.cell_timeout_s


def _here(plan: Round, lines: Collection[LatencyLine]) -> Here:
    fingerprints = {name: plan.fingerprint(network) for name, network in plan.networks.items()}
    measured: dict[Cell, list[LatencyLine]] = {one: [] for one in plan.cells()}
    for line in lines:
        if cell_of(line) in measured and line.fingerprint == fingerprints[line.model]:
            measured[cell_of(line)].append(line)
    counts = {one: plan.processes(one, known) for one, known in measured.items()}
    return Here(plan, counts, fingerprints)


def same_network(key: Key, lines: Collection[LatencyLine]) -> Iterator[LatencyLine]:
    """Yield the lines of the key's network and protocol."""
    return (line for line in lines if (line.protocol, line.model) == key[:2])


@dataclass(frozen=True)
class State:
    """The lines of a round, those that are valid, and the planned processes without one.

    ``fresh`` has the keys of the lines of an interrupted run.
    """

    here: Here
    journal: Journal
    lines: dict[Key, LatencyLine]
    valid: set[Key]
    missing: list[Key]
    fresh: set[Key]

    @property
    def is_finished(self) -> bool:
        """Whether the round has nothing left to measure."""
        return not self.missing and not self.fresh


def read(plan: Round, output: Path) -> State:
    """Return the state of a round's file and its journal.

    Raises RecordError for a line that is malformed.
    """
    journal = Journal(output)
    fresh = journal.unfinished()
    lines = {key(line): line for line in [*journal.finished(), *fresh]}
    here = _here(plan, lines.values())
    valid = {k for k, line in lines.items() if here.is_valid(line)}
    known = [lines[k] for k in valid]
    valid = {k for k in valid if oom.stands(lines[k], same_network(k, known))}
    missing = [k for k in here.planned() if k not in valid]
    # A process that is neither valid nor planned was measured differently.
    outdated = {k for k in lines.keys() - valid - {*missing} if k[:3] in here.processes}
    lines = {k: line for k, line in lines.items() if k not in outdated}
    return State(here, journal, lines, valid, missing, {key(line) for line in fresh})
