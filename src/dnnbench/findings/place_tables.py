"""The numbers that claims are tested on, in the same form for every place.

A place is the study as printed, the corrected study, the networks as counted here, or a measured
device. Its tables have only the networks of the 2018 study, variant ``fp32-eager``. A claim that
needs a missing number cannot be tested there: :class:`MissingError` names it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from dnnbench.config.variants import REFERENCE
from dnnbench.records.study_records import ModelRow, StudyRow
from dnnbench.tables.published import BestEntry, Published, study_rows

BYTES_PER_PARAMETER = 4
PRINTED, CORRECTED, COUNTED = "published", "corrected", "counted"

Cells = dict[tuple[str, int], float]


class MissingError(Exception):
    """A number that a claim needs is missing; the text names it."""


@dataclass(frozen=True)
class Machine:
    """Latency (ms per image) and memory (MiB) by (network, batch size) on one device."""

    device: str
    latency: Cells
    memory: Cells
    basis: str | None

    def fps(self, networks: Iterable[str]) -> dict[str, float]:
        """Return images per second at batch size 1. Raises MissingError."""
        times = _all("latency at batch size 1", networks, lambda key: self.latency.get((key, 1)))
        return {key: 1000 / time for key, time in times.items()}

    def memory_at(self, networks: Iterable[str], batch_size: int = 1) -> dict[str, float]:
        """Return MiB at a batch size. Raises MissingError."""
        return _all(
            f"memory at batch size {batch_size}",
            networks,
            lambda key: self.memory.get((key, batch_size)),
        )


@dataclass(frozen=True)
class Tables:
    """The numbers of one place, by quantity and network; accuracy in percent.

    ``counts``: ``gmacs`` (10^9), ``params_m`` (10^6), ``size_mib``; if counted here, also
    ``input_size`` (pixels) and ``plotted_gmacs``. ``table_3`` is Table 3 of the study, in every
    place.
    """

    place: str
    names: Mapping[str, str]
    families: Mapping[str, str]
    accuracy: Mapping[str, Mapping[str, float]]
    counts: Mapping[str, Mapping[str, float]]
    table_3: Sequence[BestEntry] = ()
    machines: Mapping[str, Machine] = field(default_factory=dict)

    @property
    def networks(self) -> list[str]:
        """Keys of the published study's networks, in alphabetical order."""
        return sorted(self.names)

    def top1(self, networks: Iterable[str] | None = None) -> dict[str, float]:
        """Return top-1 of these networks (default: all). Raises MissingError."""
        return self._numbers("top1", networks)

    def top5(self) -> dict[str, float]:
        """Return top-5 of all networks. Raises MissingError."""
        return self._numbers("top5", None)

    def gmacs(self, networks: Iterable[str] | None = None) -> dict[str, float]:
        """Return multiply-adds of convolutions, in 10^9. Raises MissingError."""
        return self._numbers("gmacs", networks)

    def params_m(self, networks: Iterable[str] | None = None) -> dict[str, float]:
        """Return parameters used in a forward pass, in 10^6. Raises MissingError."""
        return self._numbers("params_m", networks)

    def plotted_gmacs(self, networks: Iterable[str] | None = None) -> dict[str, float]:
        """Return operations as plotted in the study. Raises MissingError."""
        return self._numbers("plotted_gmacs", networks)

    def size_mib(self, networks: Iterable[str] | None = None) -> dict[str, float]:
        """Return the model size in MiB. Raises MissingError."""
        return self._numbers("size_mib", networks)

    def input_size(self, networks: Iterable[str]) -> dict[str, float]:
        """Return the side of the input in pixels. Raises MissingError."""
        return self._numbers("input_size", networks)

    def machine(self, device: str | None = None) -> Machine:
        """Return this device's numbers, or the only machine's. Raises MissingError."""
        if device is not None and device in self.machines:
            return self.machines[device]
        if len(self.machines) != 1:
            raise MissingError("latency and memory measured on a device")
        return next(iter(self.machines.values()))

    def of_families(self, families: Iterable[str]) -> list[str]:
        """Return the keys of the networks in these families."""
        wanted = set(families)
        return [key for key in self.networks if self.families[key] in wanted]

    def _numbers(self, name: str, networks: Iterable[str] | None) -> dict[str, float]:
        source = self.accuracy if name in ("top1", "top5") else self.counts
        return _all(
            _QUANTITIES[name],
            self.networks if networks is None else networks,
            lambda key: source.get(name, {}).get(key),
        )


_QUANTITIES = {
    "top1": "the top-1 accuracy",
    "top5": "the top-5 accuracy",
    "gmacs": "the counted operations",
    "params_m": "the counted parameters",
    "plotted_gmacs": "the counted operations",
    "size_mib": "the model size",
    "input_size": "the input size",
}


def _all(
    quantity: str, networks: Iterable[str], number: Callable[[str], float | None]
) -> dict[str, float]:
    numbers = {key: number(key) for key in networks}
    lacking = [key for key, value in numbers.items() if value is None]
    if lacking:
        shown = ", ".join(lacking) if len(lacking) <= 3 else f"{len(lacking)} networks"
        raise MissingError(f"{quantity} of {shown}")
    return {key: value for key, value in numbers.items() if value is not None}


# Construction --------------------------------------------------------------------------------


def printed(study: Published, best: Sequence[BestEntry], families: Mapping[str, str]) -> Tables:
    """Return the published tables and figures as printed; ``families`` by network."""
    models = study.models
    rows = study_rows(study)
    return Tables(
        place=PRINTED,
        names={entry.model: entry.name for entry in models},
        families={entry.model: families.get(entry.model, entry.model) for entry in models},
        accuracy={
            "top1": {entry.model: entry.top1 for entry in models},
            "top5": {entry.model: entry.top5 for entry in models},
        },
        counts={
            "gmacs": {entry.model: entry.conv_gmacs_figure for entry in models},
            "params_m": {entry.model: entry.params_m_figure for entry in models},
            # Parameters were readable off the figure for all networks, file sizes only for some.
            "size_mib": {
                entry.model: entry.params_m_figure * 1e6 * BYTES_PER_PARAMETER / 2**20
                for entry in models
            },
        },
        table_3=best,
        machines={device: _machine(device, rows) for device in dict.fromkeys(_devices(rows))},
    )


def counted(models: Iterable[ModelRow], like: Tables) -> Tables:
    """Return the numbers of this study that do not depend on a machine."""
    rows = [row for row in models if row.model in like.names]
    top1, top5 = _known(rows, lambda row: row.top1, 1), _known(rows, lambda row: row.top5, 1)
    return replace(
        like,
        place=COUNTED,
        accuracy={"top1": top1, "top5": top5},
        counts={
            "gmacs": _known(rows, lambda row: row.conv_macs, 1e9),
            "params_m": _known(rows, lambda row: row.params_executed, 1e6),
            "size_mib": _known(rows, lambda row: row.weights_mib, 1),
            "input_size": {row.model: row.input_size for row in rows},
            "plotted_gmacs": like.counts["gmacs"],
        },
        machines={},
    )


def _known(
    rows: Iterable[ModelRow], number: Callable[[ModelRow], float | None], unit: float
) -> dict[str, float]:
    """Return the known numbers by network, divided by ``unit``."""
    found = ((row.model, number(row)) for row in rows)
    return {model: value / unit for model, value in found if value is not None}


def measured(study: Iterable[StudyRow], like: Tables) -> list[Tables]:
    """Return the measured devices, each with the counts and the accuracy of ``like``."""
    rows = [row for row in study if row.source == "measured" and row.model in like.names]
    return [
        replace(like, place=device, machines={device: _machine(device, rows)})
        for device in dict.fromkeys(_devices(rows))
    ]


def _devices(rows: Iterable[StudyRow]) -> list[str]:
    return [row.device for row in rows]


def _machine(device: str, study: Sequence[StudyRow]) -> Machine:
    rows = [row for row in study if row.device == device and row.variant == REFERENCE]
    bases = {row.memory_basis for row in rows if row.memory_basis}
    return Machine(
        device=device,
        latency={
            (row.model, row.batch_size): row.latency_ms
            for row in rows
            if row.status == "ok" and row.latency_ms is not None
        },
        memory={
            (row.model, row.batch_size): row.memory_mib
            for row in rows
            if row.memory_status == "ok" and row.memory_mib is not None
        },
        basis=bases.pop() if len(bases) == 1 else None,
    )
