"""Which networks fit limits of memory, speed, parameters and accuracy, best first.

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
from typing import Literal, get_args

from dnnbench.queries import bounds
from dnnbench.queries.bounds import Bounds
from dnnbench.records.base import Positive, Record
from dnnbench.records.study_records import ModelRow, SelectionRow, StudyRow
from dnnbench.tables.published import MIB_PER_GIB

BATCH_SIZE = 1
VARIANT = "fp32-eager"

Verdict = Literal["yes", "cannot_tell", "no"]
# A limit, by the field of Limits.
Name = Literal["max_memory_gib", "min_fps", "deadline_ms", "max_params_m", "min_top1"]
NAMES: tuple[Name, ...] = get_args(Name)


class Limits(Record):
    """What a network has to keep to; ``None``: no limit.

    ``min_fps`` is images a second, ``deadline_ms`` the time of a whole pass: at a batch size
    above 1 a request waits for the pass. ``max_params_m`` is millions of parameters that run in a
    forward pass, ``min_top1`` per cent.
    """

    max_memory_gib: Positive | None = None
    min_fps: Positive | None = None
    deadline_ms: Positive | None = None
    max_params_m: Positive | None = None
    min_top1: Positive | None = None

    def given(self) -> dict[Name, float]:
        """The limits that there are."""
        return {name: limit for name in NAMES if (limit := getattr(self, name)) is not None}


def is_minimum(name: Name) -> bool:
    """Whether a number has to reach the limit; else it must not exceed it."""
    return name.startswith("min_")


@dataclass(frozen=True)
class Candidate:
    """A network that ran and whose accuracy is known; ``numbers``: what limits are held against."""

    row: StudyRow
    params: int | None
    top1: Bounds
    time: Bounds
    memory: Bounds | None
    numbers: Mapping[Name, Bounds]

    @property
    def model(self) -> str:
        """The network's key."""
        return self.row.model

    def known(self, limits: Limits) -> bool:
        """Whether every limited number is."""
        return limits.given().keys() <= self.numbers.keys()

    def verdicts(self, limits: Limits) -> dict[Name, Verdict]:
        """For each limit whether the network keeps to it. KeyError unless ``known``."""
        return {
            name: _verdict(self.numbers[name], limit, is_minimum(name))
            for name, limit in limits.given().items()
        }

    def fits(self, limits: Limits) -> Verdict:
        """Whether the network keeps to all limits. KeyError unless ``known``."""
        verdicts = set(self.verdicts(limits).values())
        return "no" if "no" in verdicts else "cannot_tell" if "cannot_tell" in verdicts else "yes"


def candidates(
    rows: Iterable[StudyRow],
    models: Mapping[str, ModelRow] | None = None,
    batch_size: int = BATCH_SIZE,
    variant: str = VARIANT,
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


def fitting(
    ranked: Iterable[Candidate], limits: Limits
) -> Iterator[tuple[Candidate, Literal["yes", "cannot_tell"]]]:
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
            islice(fitting(ranked, Limits(max_memory_gib=gib, min_fps=fps)), top), start=1
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
    numbers: dict[Name, Bounds] = {
        "min_fps": time.inverse(1000),
        "deadline_ms": time.times(row.batch_size),
        "min_top1": top1,
    }
    if memory is not None:
        numbers["max_memory_gib"] = memory.times(1 / MIB_PER_GIB)
    if model is not None:
        numbers["max_params_m"] = bounds.exact(model.params_executed / 1e6)
    return Candidate(row, model.params_executed if model else None, top1, time, memory, numbers)


def _verdict(number: Bounds, limit: float, minimum: bool) -> Verdict:
    worst, best = (number.low, number.high) if minimum else (-number.high, -number.low)
    limit = limit if minimum else -limit
    if best < limit:
        return "no"
    return "yes" if number.certain and worst >= limit else "cannot_tell"
