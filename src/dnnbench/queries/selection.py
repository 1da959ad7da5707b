"""Configurations that fit limits, best first; inconclusive ones apart.

A configuration is a network in a variant at a batch size.

Every number lies within bounds (:mod:`dnnbench.queries.bounds`). The verdict on a configuration is:

- ``yes``: the bounds are inside all limits.
- ``cannot_tell`` (shown as "inconclusive"): the bounds straddle a limit, or the number is inside
  but its bounds are unknown or very uncertain.
- ``no``: the bounds are outside a limit.

The answer is a configuration that fits for certain. An inconclusive one never comes before it, no
matter on which side of the limit its number is. Of one network, the answer lists only the
configurations that no other listed one of that network beats in both accuracy and latency.

A configuration never fits if it did not run, or if its accuracy or a limited number is unknown.
Only one batch size is compared at a time. results/selection.csv has batch size 1, which is typical
for processing frame by frame.

With these rules, the published devices reproduce Table 3 of the 2018 study. The only inconclusive
network is SE-ResNeXt-50 (printed as 1.00 GB, with a limit of 1.0), and Table 3 lists it.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from dnnbench.queries import bounds
from dnnbench.queries.bounds import Bounds
from dnnbench.queries.limits import Limits, Verdict, given, numbers
from dnnbench.records.study_records import Fits, ModelRow, SelectionRow, StudyRow

BATCH_SIZE = 1


@dataclass(frozen=True)
class Candidate:
    """A configuration that ran and has a known accuracy.

    ``numbers`` are the ones limits apply to.
    """

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

    @property
    def key(self) -> tuple[str, str]:
        """The network's key and the variant."""
        return self.row.model, self.row.variant

    def known(self, limits: Limits) -> bool:
        """Return whether every limited number is known."""
        return all(limit.name in self.numbers for limit, _ in given(limits))

    def verdicts(self, limits: Limits) -> dict[str, Verdict]:
        """Return the verdict for each limit. Raises KeyError unless ``known``."""
        return {
            limit.name: limit.verdict(self.numbers[limit.name], value)
            for limit, value in given(limits)
        }

    def fits(self, limits: Limits) -> Verdict:
        """Return the verdict for all limits together. Raises KeyError unless ``known``."""
        verdicts = set(self.verdicts(limits).values())
        return "no" if "no" in verdicts else "cannot_tell" if "cannot_tell" in verdicts else "yes"


def candidates(
    rows: Iterable[StudyRow],
    models: Mapping[str, ModelRow] | None = None,
    batch_size: int = BATCH_SIZE,
    variant: str | None = None,
) -> dict[str, list[Candidate]]:
    """Return each device's configurations at a batch size, sorted by :func:`order`.

    ``variant`` is the only one to return; None: all. ``models`` are the rows of models.csv by key.
    Without them, parameters and the interval of a measured accuracy are unknown. A device of
    ``rows`` without candidates has an empty list.
    """
    devices: dict[str, list[Candidate]] = {}
    for row in rows:
        if row.batch_size == batch_size and variant in (None, row.variant):
            found = devices.setdefault(row.device, [])
            if candidate := _candidate(row, (models or {}).get(row.model)):
                found.append(candidate)
    for found in devices.values():
        found.sort(key=order)
    return devices


def order(candidate: Candidate) -> tuple[float, str, float, str]:
    """Return the sorting key of the ranking: top-1 accuracy, network, latency, variant."""
    return -candidate.top1.value, candidate.model, candidate.time.value, candidate.row.variant


@dataclass(frozen=True)
class Found:
    """The candidates that fit for certain and the inconclusive ones, each best first.

    ``listed`` are those of ``certain`` that no other one of the same network beats in both accuracy
    and latency.
    """

    certain: list[Candidate]
    inconclusive: list[Candidate]
    listed: list[Candidate]

    @property
    def best(self) -> Candidate | None:
        """The most accurate candidate that fits for certain."""
        return self.listed[0] if self.listed else None

    def rivals(self, top: int = 1) -> list[Candidate]:
        """Return the inconclusive candidates that would be among the ``top`` if they fit.

        Those that another one of the same network beats are left out.
        """
        if len(self.listed) < top:
            better = self.inconclusive
        else:
            least = self.listed[top - 1].top1.value
            better = [one for one in self.inconclusive if one.top1.value > least]
        reached = {one.model: one.top1.value for one in reversed(self.certain)}
        return _undominated(
            one for one in better if one.top1.value > reached.get(one.model, -math.inf)
        )


def fitting(ranked: Iterable[Candidate], limits: Limits) -> Found:
    """Return the candidates that fit or are inconclusive, each in the order given."""
    verdicts = [(one, one.fits(limits)) for one in ranked if one.known(limits)]
    certain = [one for one, fits in verdicts if fits == "yes"]
    inconclusive = [one for one, fits in verdicts if fits == "cannot_tell"]
    return Found(certain, inconclusive, _undominated(certain))


def _undominated(ranked: Iterable[Candidate]) -> list[Candidate]:
    """Return the candidates, best first, that are faster than all better ones of their network."""
    fastest: dict[str, float] = {}
    found = []
    for one in ranked:
        if one.time.value < fastest.get(one.model, math.inf):
            fastest[one.model] = one.time.value
            found.append(one)
    return found


def select(
    rows: Iterable[StudyRow],
    max_memory_gib: Sequence[float],
    min_fps: Sequence[float],
    top: int = 5,
) -> list[SelectionRow]:
    """Return the ``top`` configurations for each pair of budgets and each device.

    Those that fit for certain come first. Up to ``top`` inconclusive ones follow, which would be
    among them if they fit. The rows are ordered by
    device (as in ``rows``), memory limit and throughput limit (as given), and rank.
    """
    chosen = []
    for device, ranked in candidates(rows).items():
        for gib, fps in product(max_memory_gib, min_fps):
            found = fitting(ranked, {"max_memory_gib": gib, "min_fps": fps})
            listed: list[tuple[Candidate, Fits]] = [
                *((one, "yes") for one in found.listed[:top]),
                *((one, "cannot_tell") for one in found.rivals(top)[:top]),
            ]
            chosen += [
                SelectionRow(
                    device=device,
                    max_memory_gib=gib,
                    min_fps=fps,
                    rank=rank,
                    model=candidate.model,
                    variant=candidate.row.variant,
                    top1=candidate.top1.value,
                    fits=fits,
                )
                for rank, (candidate, fits) in enumerate(listed, start=1)
            ]
    return chosen


def _candidate(row: StudyRow, model: ModelRow | None) -> Candidate | None:
    time, memory, top1 = bounds.latency_ms(row), bounds.memory_mib(row), bounds.top1(row, model)
    if time is None or top1 is None:
        return None
    params = model.params_executed if model else None
    return Candidate(row, params, top1, time, memory, numbers(row, model))
