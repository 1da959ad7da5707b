"""Memory measurement of many networks, with each cell in a fresh process.

Finished cells are never measured again. A cell is a network at a batch size. One process imports
the libraries and forks for each cell: starting an interpreter for each network took longer than
the measurements.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from dnnbench.config import variants
from dnnbench.core import isolation, output, progress, speed_variables
from dnnbench.core.storage import read_json, write_json
from dnnbench.devices import backends
from dnnbench.measure import control, memory, oom, retries
from dnnbench.measure.fingerprint import fingerprint
from dnnbench.measure.graphs import BuiltGraphs
from dnnbench.networks.registry import Network
from dnnbench.records import paths
from dnnbench.records.memory_records import MemoryCell, MemoryRecord


@dataclass(frozen=True)
class Plan:
    """The cells to measure and their settings.

    ``graphs``, ``variables`` and ``allocator`` are those of ``round.Round``.
    """

    device: str
    setup: backends.Setup
    variant: str
    networks: Mapping[str, Network]
    batch_sizes: list[int]
    threads: int
    cell_timeout_s: float
    graphs: BuiltGraphs = field(default_factory=BuiltGraphs)
    variables: Mapping[str, str] = field(default_factory=speed_variables.found)
    allocator: Mapping[str, str] = field(default_factory=dict)

    def fingerprint(self, network: Network) -> str:
        """Return a fingerprint of everything but the machine that affects memory."""
        return cell_fingerprint(
            network, self.setup, self.variant, self.threads, self.variables, self.allocator
        )


def cell_fingerprint(
    network: Network,
    setup: backends.Setup,
    variant: str,
    threads: int,
    variables: Mapping[str, str] = MappingProxyType({}),
    allocator: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """Return a fingerprint of everything but the machine that affects memory."""
    settings = [
        threads,
        *speed_variables.compared(variables),
        *speed_variables.compared(allocator),
    ]
    return fingerprint(memory, network, setup, variant, settings)


class Profiles:
    """A plan's records in ``folder``, one file per network, and missing cells.

    A cell with the same fingerprint is kept, with any status; a failed cell is kept after one
    retry. Snakemake deletes new outputs of an interrupted job. Until all cells are measured,
    finished ones are therefore stored in a folder that is not an output.
    """

    def __init__(self, plan: Plan, folder: Path) -> None:
        self._plan = plan
        self._folder = folder
        self._finished = folder / ".finished"
        self._failed: dict[tuple[str, int], MemoryCell] = {}  # Cells to try once more.
        self._records = {name: self._read(name) for name in plan.networks}

    def missing(self) -> dict[str, list[int]]:
        """Return the batch sizes to measure, by network."""
        wanted = {
            name: [
                batch
                for batch in self._plan.batch_sizes
                if record is None or batch not in _by_batch_size(record.cells)
            ]
            for name, record in self._records.items()
        }
        return {name: batch_sizes for name, batch_sizes in wanted.items() if batch_sizes}

    def measure(self) -> None:
        """Measure the missing cells, and move all records to ``folder``."""
        missing = self.missing()
        if missing:
            _check_machine(self._plan)
        with progress.steps("memory", len(missing)) as step:
            for name, batch_sizes in missing.items():
                step(name)
                broken = False
                for batch_size in batch_sizes:
                    cell = _cell(self._plan, name, batch_size, self._cells(name))
                    if retries.failed(cell.status) and not broken:
                        _check_machine(self._plan)
                        broken = True
                    self._keep(name, cell)
        output.check_read()
        waiting = {name: self._file(self._finished, name) for name in self._records}
        waiting = {name: path for name, path in waiting.items() if path.exists()}
        for name in waiting:
            if (finished := self._records[name]) is not None:
                write_json(self._file(self._folder, name), finished)
        # After all writes: a kill between them must not lose records.
        for path in waiting.values():
            path.unlink()
        # The folder may still contain records of networks that have left the study.
        with suppress(OSError):
            self._finished.rmdir()

    def _cells(self, name: str) -> list[MemoryCell]:
        record = self._records[name]
        return record.cells if record else []

    def _keep(self, name: str, cell: MemoryCell) -> None:
        """Add a measured cell to its network's record on disk."""
        plan = self._plan
        before = retries.reason(self._failed.get((name, cell.batch_size)))
        cell = cell.model_copy(update={"failed_before": before})
        cells = _by_batch_size([*self._cells(name), cell])
        record = MemoryRecord(
            device=plan.device,
            variant=plan.variant,
            model=name,
            fingerprint=plan.fingerprint(plan.networks[name]),
            threads=plan.threads,
            variables=dict(plan.variables),
            allocator=dict(plan.allocator),
            cell_timeout_s=plan.cell_timeout_s,
            started=datetime.now(UTC),
            cells=[cells[batch] for batch in sorted(cells)],
        )
        self._records[name] = record
        write_json(self._file(self._finished, name), record)

    @staticmethod
    def _file(folder: Path, name: str) -> Path:
        return paths.in_folder(folder, paths.MEMORY, model=name)

    def _read(self, name: str) -> MemoryRecord | None:
        """Return the record with its valid cells, which need not be measured again."""
        wanted = self._plan.fingerprint(self._plan.networks[name])
        for folder in (self._finished, self._folder):
            path = self._file(folder, name)
            if path.exists():
                record = read_json(path, MemoryRecord)
                if record.fingerprint == wanted:
                    same_limit = record.cell_timeout_s == self._plan.cell_timeout_s
                    again = {
                        (name, cell.batch_size): cell
                        for cell in record.cells
                        if cell.batch_size in self._plan.batch_sizes
                        and (retries.is_due(cell) or (cell.status == "timeout" and not same_limit))
                    }
                    self._failed |= again
                    kept = [c for c in record.cells if (name, c.batch_size) not in again]
                    kept = [c for c in kept if oom.stands(c, kept)]
                    return record.model_copy(update={"cells": kept})
        return None


def _check_machine(plan: Plan) -> None:
    """Raise DeviceError if the machine is at fault rather than a network."""
    convolution = plan.graphs.convolution()
    arguments = 1, plan.setup, plan.threads, plan.variant, convolution, convolution
    control.check(plan.device, "profiled", plan.setup, plan.variant, memory.measure, *arguments)


def _by_batch_size(cells: Iterable[MemoryCell]) -> dict[int, MemoryCell]:
    return {cell.batch_size: cell for cell in cells}


def _activations(plan: Plan, network: Network, batch_size: int) -> dict[str, Any]:
    """Return the activations of a measured cell, or why they are not counted."""
    outcome = isolation.run(
        memory.activations_mib, network, batch_size, plan.variant, timeout_s=plan.cell_timeout_s
    )
    if outcome.status == "ok":
        return {"activations_mib": outcome.value}
    return {"message": f"activations could not be counted: {outcome.message}"}


def _cell(plan: Plan, name: str, batch_size: int, seen: list[MemoryCell]) -> MemoryCell:
    """Measure one cell in a fresh process; a failure is recorded as a status.

    ``seen`` contains the network's other cells. A batch size is not tried if one of these ran out
    of memory at a smaller size, or if the device refuses it because of their memory.
    """
    on, network = backends.backend(plan.setup), plan.networks[name]
    if reason := oom.not_tried(batch_size, seen) or on.refuses(network, batch_size, seen):
        return MemoryCell(batch_size=batch_size, status="oom", message=reason)
    if problem := plan.graphs.problem(name, batch_size):
        return MemoryCell(batch_size=batch_size, status=problem[0], message=problem[1])
    on.settle()
    outcome = isolation.run(
        memory.measure,
        network,
        batch_size,
        plan.setup,
        plan.threads,
        plan.variant,
        plan.graphs.file(name, batch_size),
        plan.graphs.convolution(),
        timeout_s=plan.cell_timeout_s + variants.parse(plan.variant).building_s,
        memory_mib=on.allowance_mib(),
    )
    if retries.failed(outcome.status):
        on.settle()  # Raises if the device is lost, in which case the network is not at fault.
    counted = _activations(plan, network, batch_size) if outcome.status == "ok" else {}
    measured = outcome.value or {}
    if measured.get("built"):
        measured["built"] = plan.graphs.noted(measured["built"], name, batch_size)
    if measured and variants.parse(plan.variant).needs_pictures:
        measured["weights_mib"] = plan.graphs.size_mib(name, batch_size)
    return MemoryCell(
        batch_size=batch_size,
        status=outcome.status,
        cell_s=outcome.seconds,
        **{"message": outcome.message, **measured, **counted},
    )
