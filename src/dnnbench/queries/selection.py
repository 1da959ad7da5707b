"""Which networks fit limits, best first.

A number is known within bounds (:mod:`dnnbench.queries.bounds`), and a network is listed unless its
bounds lie outside a limit:

- ``yes``: the bounds are inside every limit;
- ``cannot_tell``: they straddle a limit. It is listed, at the rank that its accuracy gives it,
  whichever side of the limit the number itself is on. So is a number whose bounds are not known,
  where it is inside;
- ``no``: the bounds are outside a limit.

A network that did not run, or whose accuracy or limited numbers are not known, never fits. Only one
batch size and variant are compared at a time; results/selection.csv is about batch size 1, what a
person would run frame by frame.

With these rules the published devices give the 2018 study's Table 3. None of its entries is there
on the strength of straddling alone: SE-ResNeXt-50, printed as 1.00 GB against a limit of 1.0, is
the only one that straddles, and Table 3 lists it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from dnnbench.config.variants import REFERENCE
from dnnbench.queries import bounds
from dnnbench.queries.bounds import Bounds
from dnnbench.queries.limits import Limits, Verdict, given, numbers
from dnnbench.records.study_records import Fits, ModelRow, SelectionRow, StudyRow

BATCH_SIZE = 1


@dataclass(frozen=True)
class Candidate:
    """A network that ran and whose accuracy is known; ``numbers``: what limits are held against."""

    row: StudyRow
    params: int | None
    top1: Bounds
    time: Bounds
    memory: Bounds | None
    numbers: Mapping[str, Bounds]

    @property
    def model(self) -> str:
        """The network's key."""
        return self.row.model

    def known(self, limits: Limits) -> bool:
        """Whether every limited number is."""
        return all(limit.name in self.numbers for limit, _ in given(limits))

    def verdicts(self, limits: Limits) -> dict[str, Verdict]:
        """For each limit whether the network keeps to it. KeyError unless ``known``."""
        return {
            limit.name: limit.verdict(self.numbers[limit.name], value)
            for limit, value in given(limits)
        }

    def fits(self, limits: Limits) -> Verdict:
        """Whether the network keeps to all limits. KeyError unless ``known``."""
        verdicts = set(self.verdicts(limits).values())
        return "no" if "no" in verdicts else "cannot_tell" if "cannot_tell" in verdicts else "yes"


def candidates(
    rows: Iterable[StudyRow],
    models: Mapping[str, ModelRow] | None = None,
    batch_size: int = BATCH_SIZE,
    variant: str = REFERENCE,
) -> dict[str, list[Candidate]]:
    """The networks of each device that ran at a batch size, best first: by top-1, then by key.

    Without ``models``, the rows of models.csv by key, parameters and the interval of a measured
    accuracy are not known. A device of ``rows`` that has none keeps its place, with an empty list.
    """
    devices: dict[str, list[Candidate]] = {}
    for row in rows:
        if row.batch_size == batch_size and row.variant == variant:
            found = devices.setdefault(row.device, [])
            if candidate := _candidate(row, (models or {}).get(row.model)):
                found.append(candidate)
    for found in devices.values():
        found.sort(key=lambda candidate: (-candidate.top1.value, candidate.model))
    return devices


def fitting(ranked: Iterable[Candidate], limits: Limits) -> Iterator[tuple[Candidate, Fits]]:
    """Those that keep to the limits, or may, in the order given."""
    for candidate in ranked:
        if candidate.known(limits) and (fits := candidate.fits(limits)) != "no":
            yield candidate, fits


def select(
    rows: Iterable[StudyRow],
    max_memory_gib: Sequence[float],
    min_fps: Sequence[float],
    top: int = 5,
) -> list[SelectionRow]:
    """The ``top`` networks under every pair of budgets, on every device of ``rows``.

    Ranked by top-1 accuracy, ties by key. Ordered by device (as they come in ``rows``), memory
    limit and speed limit (as given) and rank.
    """
    return [
        SelectionRow(
            device=device,
            max_memory_gib=gib,
            min_fps=fps,
            rank=rank,
            model=candidate.model,
            top1=candidate.top1.value,
            fits=fits,
        )
        for device, ranked in candidates(rows).items()
        for gib in max_memory_gib
        for fps in min_fps
        for rank, (candidate, fits) in enumerate(
            islice(fitting(ranked, {"max_memory_gib": gib, "min_fps": fps}), top), start=1
        )
    ]


def best(
    rows: Iterable[StudyRow], max_memory_gib: float, min_fps: float
) -> dict[str, SelectionRow]:
    """The first-ranked network under one pair of budgets, by device.

    A device on which no network fits has no entry. ``fits`` says whether the entry is certain.
    """
    chosen = select(rows, [max_memory_gib], [min_fps], top=1)
    return {row.device: row for row in chosen}


def _candidate(row: StudyRow, model: ModelRow | None) -> Candidate | None:
    time, memory, top1 = bounds.latency_ms(row), bounds.memory_mib(row), bounds.top1(row, model)
    if time is None or top1 is None:
        return None
    params = model.params_executed if model else None
    return Candidate(row, params, top1, time, memory, numbers(row, model))
