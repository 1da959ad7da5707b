"""The numbers that claims are held against, arranged alike whatever place they come from.

A place is the study as printed, the same without the anomalies found in it, the networks as counted
here, or a measured device. Its tables have the networks of the 2018 study only, variant
``fp32-eager``. A claim that asks for a number that they lack cannot be tested there:
:class:`MissingError` says what would be needed.
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
    """A number that a claim needs and tables lack; the text says what is needed."""


@dataclass(frozen=True)
class Machine:
    """Times (ms an image) and memory (MiB) by (network, batch size) on one device."""

    device: str
    latency: Cells
    memory: Cells
    basis: str | None

    def fps(self, networks: Iterable[str]) -> dict[str, float]:
        """Images a second at batch size 1, of all these networks, or MissingError."""
        times = _all("times at batch size 1", networks, lambda key: self.latency.get((key, 1)))
        return {key: 1000 / time for key, time in times.items()}

    def memory_at(self, networks: Iterable[str], batch_size: int = 1) -> dict[str, float]:
        """MiB at a batch size, of all these networks, or MissingError."""
        return _all(
            f"memory at batch size {batch_size}",
            networks,
            lambda key: self.memory.get((key, batch_size)),
        )


@dataclass(frozen=True)
class Tables:
    """The numbers of one place, by name and network; accuracy in per cent.

    ``counts``: ``gmacs`` (10^9), ``params_m`` (10^6), ``size_mib``; where counted also
    ``input_size`` (pixels) and ``plotted_gmacs``. ``table_3`` is what the study's Table 3 lists,
    whatever the place.
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
        """Keys of the published study's networks, in the alphabet's order."""
        return sorted(self.names)

    def top1(self, networks: Iterable[str] | None = None) -> dict[str, float]:
        """Top-1 of these networks, by default all, or MissingError."""
        return self._numbers("top1", networks)

    def top5(self) -> dict[str, float]:
        """Top-5 of all networks, or MissingError."""
        return self._numbers("top5", None)

    def gmacs(self, networks: Iterable[str] | None = None) -> dict[str, float]:
        """Multiply-adds of the convolutions, 10^9, or MissingError."""
        return self._numbers("gmacs", networks)

    def params_m(self, networks: Iterable[str] | None = None) -> dict[str, float]:
        """Parameters that run in a forward pass, 10^6, or MissingError."""
        return self._numbers("params_m", networks)

    def plotted_gmacs(self, networks: Iterable[str] | None = None) -> dict[str, float]:
        """Operations as the published figures show them, beside counts; or MissingError."""
        return self._numbers("plotted_gmacs", networks)

    def size_mib(self, networks: Iterable[str] | None = None) -> dict[str, float]:
        """Size of the model, MiB, or MissingError."""
        return self._numbers("size_mib", networks)

    def input_size(self, networks: Iterable[str]) -> dict[str, float]:
        """Side of the input, pixels, or MissingError."""
        return self._numbers("input_size", networks)

    def machine(self, device: str | None = None) -> Machine:
        """This device's numbers, or those of the only machine there is."""
        if device is not None and device in self.machines:
            return self.machines[device]
        if len(self.machines) != 1:
            raise MissingError("times and memory measured on a device")
        return next(iter(self.machines.values()))

    def of_families(self, families: Iterable[str]) -> list[str]:
        """Keys of the networks of these families."""
        wanted = set(families)
        return [key for key in self.networks if self.families[key] in wanted]

    def _numbers(self, name: str, networks: Iterable[str] | None) -> dict[str, float]:
        source = self.accuracy if name in ("top1", "top5") else self.counts
        return _all(
            _WORDS[name],
            self.networks if networks is None else networks,
            lambda key: source.get(name, {}).get(key),
        )


_WORDS = {
    "top1": "the top-1 accuracy",
    "top5": "the top-5 accuracy",
    "gmacs": "the counted operations",
    "params_m": "the counted parameters",
    "plotted_gmacs": "the counted operations",
    "size_mib": "the model size",
    "input_size": "the input size",
}


def _all(
    what: str, networks: Iterable[str], number: Callable[[str], float | None]
) -> dict[str, float]:
    numbers = {key: number(key) for key in networks}
    lacking = [key for key, value in numbers.items() if value is None]
    if lacking:
        shown = ", ".join(lacking) if len(lacking) <= 3 else f"{len(lacking)} networks"
        raise MissingError(f"{what} of {shown}")
    return {key: value for key, value in numbers.items() if value is not None}


# Making them ---------------------------------------------------------------------------------


def printed(study: Published, best: Sequence[BestEntry], families: Mapping[str, str]) -> Tables:
    """The published tables and figures as they are printed; ``families`` by network."""
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
            # Files of weights were not all readable off the figure; parameters were.
            "size_mib": {
                entry.model: entry.params_m_figure * 1e6 * BYTES_PER_PARAMETER / 2**20
                for entry in models
            },
        },
        table_3=best,
        machines={device: _machine(device, rows) for device in dict.fromkeys(_devices(rows))},
    )


def counted(models: Iterable[ModelRow], like: Tables) -> Tables:
    """What the study at hand knows of the published networks on any machine."""
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
    """A number of the networks of which it is known, in a unit, by network."""
    found = ((row.model, number(row)) for row in rows)
    return {model: value / unit for model, value in found if value is not None}


def measured(study: Iterable[StudyRow], like: Tables) -> list[Tables]:
    """The measured devices, each with the counts and the accuracy of ``like``."""
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
