"""Exchanged rows and a step along the alphabet: found in tables, and undone in the printed ones."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import log

from dnnbench.findings.place_tables import CORRECTED, MissingError, Tables
from dnnbench.findings.relabelling import Relabelling, best_relabelling, relabelled
from dnnbench.findings.step import Chance, Step, best_step, chance
from dnnbench.records.published_study import TITAN
from dnnbench.stats.proportions import holm


@dataclass(frozen=True)
class Exchanges:
    """The best exchange of rows in each column that could be asked, p corrected for their number.

    ``times`` by device; ``operations`` and ``memory`` are ``None`` where numbers are missing.
    """

    operations: Relabelling | None
    times: Mapping[str, Relabelling]
    memory: Relabelling | None

    @property
    def owners(self) -> dict[str, str]:
        """Label -> network whose operations stand there; empty where no exchange was found."""
        return self.operations.owners if self.operations and self.operations.found else {}


@dataclass(frozen=True)
class MemoryStep:
    """The best step in memory over model size along the alphabet, and how likely by chance.

    It lies between the networks ``before`` and ``behind``.
    """

    step: Step
    chance: Chance
    before: str
    behind: str


def exchanges(place: Tables, counts: Tables, reference: Mapping[str, float]) -> Exchanges:
    """Exchanged rows in operations, in each device's times, and in memory.

    Operations, where the place shows other ones than ``counts``, are held against ``counts``. Times
    are held against ``reference`` (ms by network), the Titan's, and those of the Titan against
    counted operations; memory at batch size 1 against model size.
    """
    labels = place.networks

    def best(rows: list[list[float]], by: Mapping[str, float]) -> Relabelling | None:
        return best_relabelling(labels, rows, [by[key] for key in labels], place.families)

    try:
        known = _logarithms(counts.gmacs())
    except MissingError:
        known = None
    columns: dict[str, Relabelling | None] = {}
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
    """The Titan's printed times at a batch size that keeps it busy, to hold others' against."""
    return {key: printed.machines[TITAN].latency[key, 16] for key in printed.networks}


def memory_step(place: Tables) -> MemoryStep | None:
    """The best step at batch size 1 along the alphabet; ``None`` where numbers are missing."""
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
    """The printed tables as they would be without the anomalies that were found.

    Operations go to their owners, and times where the same exchange was found in them. The step
    comes off the memory of the networks behind it, on every device that carries it.
    """
    owners = found.owners
    counts = {**printed.counts, "gmacs": relabelled(printed.counts["gmacs"], owners)}
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
    """Values in the order of the keys."""
    return [values[key] for key in keys]


def complete(cells: Mapping[tuple[str, int], float], networks: Iterable[str]) -> list[int]:
    """Batch sizes at which every network has a number."""
    names = list(networks)
    sizes = sorted({size for _, size in cells})
    return [size for size in sizes if all((name, size) in cells for name in names)]


def _logarithms(values: Mapping[str, float]) -> dict[str, float]:
    return {key: log(value) for key, value in values.items()}
