"""Corrections of printed tables: exchanged rows and a memory step are undone."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import log

from dnnbench.findings.place_tables import CORRECTED, MissingError, Tables
from dnnbench.findings.relabeling import Relabeling, best_relabeling, relabeled
from dnnbench.findings.step import Chance, Step, best_step, chance
from dnnbench.records.published_study import TITAN
from dnnbench.stats.proportions import holm


@dataclass(frozen=True)
class Exchanges:
    """The best exchange of rows in each testable column.

    p is corrected for the number of columns.

    ``times`` maps devices to exchanges. ``operations`` and ``memory`` are ``None`` if numbers are
    missing.
    """

    operations: Relabeling | None
    times: Mapping[str, Relabeling]
    memory: Relabeling | None

    @property
    def owners(self) -> dict[str, str]:
        """Label -> network whose operations are in its row; empty without an exchange."""
        return self.operations.owners if self.operations and self.operations.found else {}


@dataclass(frozen=True)
class MemoryStep:
    """The best step in memory over size along the alphabet, with its p values.

    The step is between the networks ``before`` and ``behind``.
    """

    step: Step
    chance: Chance
    before: str
    behind: str


def exchanges(place: Tables, counts: Tables, reference: Mapping[str, float]) -> Exchanges:
    """Find exchanged rows in operations, in each device's latencies, and in memory.

    Operations that differ from ``counts`` are compared with ``counts``. Latencies are compared with
    ``reference`` (the Titan's, ms by network), and those of the Titan with counted operations.
    Memory at batch size 1 is compared with model size.
    """
    labels = place.networks

    def best(rows: list[list[float]], by: Mapping[str, float]) -> Relabeling | None:
        return best_relabeling(labels, rows, [by[key] for key in labels], place.families)

    try:
        known = _logarithms(counts.gmacs())
    except MissingError:
        known = None
    columns: dict[str, Relabeling | None] = {}
    if known and place.counts["gmacs"] != counts.counts["gmacs"]:
        shown = _logarithms(place.gmacs())
        columns["operations"] = best([[shown[key]] for key in labels], known)
    for device, machine in place.machines.items():
        by = known if device == TITAN else _logarithms(reference)
        sizes = complete(machine.latency, labels)
        if by and sizes:
            rows = [[log(machine.latency[key, size]) for size in sizes] for key in labels]
            columns[device] = best(rows, by)
    try:
        taken = place.machine(TITAN).memory_at(labels)
        columns["memory"] = best([[taken[key]] for key in labels], place.size_mib())
    except MissingError:
        pass
    asked = {name: column for name, column in columns.items() if column}
    corrected_p = holm([column.p for column in asked.values()])
    found = {
        name: replace(column, p=p)
        for (name, column), p in zip(asked.items(), corrected_p, strict=True)
    }
    return Exchanges(
        operations=found.pop("operations", None), memory=found.pop("memory", None), times=found
    )


def reference_times(printed: Tables) -> dict[str, float]:
    """Return the Titan's printed latencies at batch size 16, where it is busy."""
    return {key: printed.machines[TITAN].latency[key, 16] for key in printed.networks}


def memory_step(place: Tables) -> MemoryStep | None:
    """Return the best step at batch size 1, or ``None`` if numbers are missing."""
    try:
        memory = place.machine(TITAN).memory_at(place.networks)
        size = place.size_mib()
    except MissingError:
        return None
    keys = place.networks
    x, y = column(size, keys), column(memory, keys)
    found, luck = best_step(x, y), chance(x, y, [place.families[key] for key in keys])
    if found is None or luck is None:
        return None
    return MemoryStep(found, luck, keys[found.place - 1], keys[found.place])


def corrected(printed: Tables, found: Exchanges, jump: MemoryStep | None) -> Tables:
    """Return the printed tables without the anomalies that were found.

    Operations move to their owners, and so do latencies if the same exchange was found in them. The
    step is subtracted from the memory of the networks behind it, on every device with memory.
    """
    owners = found.owners
    counts = {**printed.counts, "gmacs": relabeled(printed.counts["gmacs"], owners)}
    machines = dict(printed.machines)
    for device, exchange in found.times.items():
        if exchange.found and exchange.owners == owners:
            latency = {
                (owners.get(key, key), size): time
                for (key, size), time in machines[device].latency.items()
            }
            machines[device] = replace(machines[device], latency=latency)
    if jump and jump.chance.found:
        for device, machine in machines.items():
            memory = {
                (key, size): value - (jump.step.size if key >= jump.behind else 0.0)
                for (key, size), value in machine.memory.items()
            }
            machines[device] = replace(machine, memory=memory)
    return replace(printed, place=CORRECTED, counts=counts, machines=machines)


def column(values: Mapping[str, float], keys: Iterable[str]) -> list[float]:
    """Return the values in the order of the keys."""
    return [values[key] for key in keys]


def complete(cells: Mapping[tuple[str, int], float], networks: Iterable[str]) -> list[int]:
    """Return the batch sizes at which every network has a number."""
    names = list(networks)
    sizes = sorted({size for _, size in cells})
    return [size for size in sizes if all((name, size) in cells for name in names)]


def _logarithms(values: Mapping[str, float]) -> dict[str, float]:
    return {key: log(value) for key, value in values.items()}
