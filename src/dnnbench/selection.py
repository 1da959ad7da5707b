"""Which networks fit a budget of memory and speed, best first.

Only what a person would run frame by frame is compared: batch size 1, variant ``fp32-eager``. A
number is known within bounds, and an entry is listed unless its bounds lie outside a limit:

- ``yes``: the bounds are inside both limits;
- ``cannot_tell``: they straddle a limit. It is listed, at the rank that its accuracy gives it,
  whichever side of the limit the number itself is on.

The bounds of a measured time are its interval. Without one (a single process) nothing is known
of them: the number decides whether the entry is listed, and it is ``cannot_tell``. Measured memory
repeats within about 2 MiB and is taken as it is. Bounds of published numbers are their rounding.
A network that did not run, or whose time, memory or accuracy is not known, never fits.

With these rules the published devices give the 2018 study's Table 3. None of its entries is there
on the strength of straddling alone: SE-ResNeXt-50, printed as 1.00 GB against a limit of 1.0, is
the only one that straddles, and Table 3 lists it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from dnnbench.published import LATENCY_ROUNDING_MS, MEMORY_ROUNDING_MIB, MIB_PER_GIB
from dnnbench.records import SelectionRow, StudyRow

BATCH_SIZE = 1
VARIANT = "fp32-eager"


@dataclass(frozen=True)
class _Candidate:
    """A network that ran: bounds (low, high) of its time in ms and of its memory in MiB.

    Where it is not ``bounded``, the bounds are the bare numbers.
    """

    model: str
    top1: float
    latency_ms: tuple[float, float]
    memory_mib: tuple[float, float]
    bounded: bool

    def fits(self, max_memory_gib: float, min_fps: float) -> Literal["yes", "cannot_tell"] | None:
        """Whether it is within both limits; ``None`` if it is certainly not."""
        pairs = [
            (self.latency_ms, 1000 / min_fps),
            (self.memory_mib, max_memory_gib * MIB_PER_GIB),
        ]
        if any(low > limit for (low, _), limit in pairs):
            return None
        inside = self.bounded and all(high <= limit for (_, high), limit in pairs)
        return "yes" if inside else "cannot_tell"


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
            top1=candidate.top1,
            fits=fits,
        )
        for device, candidates in _ranked(rows).items()
        for gib in max_memory_gib
        for fps in min_fps
        for rank, (candidate, fits) in enumerate(_fitting(candidates, gib, fps, top), start=1)
    ]


def best(
    rows: Iterable[StudyRow], max_memory_gib: float, min_fps: float
) -> dict[str, SelectionRow]:
    """The first-ranked network under one pair of budgets, by device.

    A device on which no network fits has no entry. ``fits`` says whether the entry is certain.
    """
    chosen = select(rows, [max_memory_gib], [min_fps], top=1)
    return {row.device: row for row in chosen}


def _fitting(
    candidates: Iterable[_Candidate], max_memory_gib: float, min_fps: float, top: int
) -> list[tuple[_Candidate, Literal["yes", "cannot_tell"]]]:
    found: list[tuple[_Candidate, Literal["yes", "cannot_tell"]]] = []
    for candidate in candidates:
        if len(found) == top:
            break
        if fits := candidate.fits(max_memory_gib, min_fps):
            found.append((candidate, fits))
    return found


def _ranked(rows: Iterable[StudyRow]) -> dict[str, list[_Candidate]]:
    """Candidates of each device, best first."""
    devices: dict[str, list[_Candidate]] = {}
    for row in rows:
        if row.batch_size == BATCH_SIZE and row.variant == VARIANT:
            candidates = devices.setdefault(row.device, [])
            if candidate := _candidate(row):
                candidates.append(candidate)
    for candidates in devices.values():
        candidates.sort(key=lambda candidate: (-candidate.top1, candidate.model))
    return devices


def _candidate(row: StudyRow) -> _Candidate | None:
    if row.status != "ok" or row.memory_status != "ok":
        return None
    time, memory, top1 = row.latency_ms, row.memory_mib, row.top1
    if time is None or memory is None or top1 is None:
        return None
    if row.source == "published":
        return _Candidate(
            row.model,
            top1,
            (time - LATENCY_ROUNDING_MS, time + LATENCY_ROUNDING_MS),
            (memory - MEMORY_ROUNDING_MIB, memory + MEMORY_ROUNDING_MIB),
            bounded=True,
        )
    low, high = row.latency_ms_low, row.latency_ms_high
    if low is None or high is None:
        return _Candidate(row.model, top1, (time, time), (memory, memory), bounded=False)
    return _Candidate(row.model, top1, (low, high), (memory, memory), bounded=True)
