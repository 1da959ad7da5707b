"""Status, time and stability of a cell of study.csv, from the rounds that timed it.

*Status of a cell whose rounds disagree*: ``ok`` if more than half of the recorded rounds are, else
the commonest other status. An ``ok`` cell with a round that was not is never stable: the missing
time was probably a slow one, so the median of the rest is too low.

*Stability* (``stable``, and ``unstable_reason`` with numbers):

- unstable where the interval's half-width exceeds 5 % of the value, where half the rounds or more
  were disturbed (:mod:`dnnbench.stats.disturbance`), where a round failed or is missing, or where
  rounds were measured by different code or settings;
- a minority of disturbed rounds does not make a cell unstable, because the median then still
  lies between two undisturbed rounds; ``unstable_reason`` mentions it all the same;
- so are several sessions only mentioned: the interval was made for one, but a shift between two
  that matters widens it past the 5 %;
- with fewer than two processes nothing can be said (an empty field), unless it was disturbed.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from dnnbench.records.base import Status
from dnnbench.records.latency_records import LatencyLine
from dnnbench.records.published_study import STUDY
from dnnbench.stats import disturbance, intervals

# A comparison of two networks closer than this is a matter of luck; the noise between processes
# of a quiet machine (2 to 5 %) gives less with five rounds.
MAX_HALF_WIDTH = 0.05

# Which of two equally common statuses a cell takes: the one that says most about the network.
_SEVERITY: tuple[Status, ...] = ("oom", "failed", "timeout", "not_measured")


@dataclass(frozen=True)
class CellTiming:
    """Verdict on the rounds of one cell.

    ``time``, ms a pass, and ``lines``, the rounds that it rests on, are there only if ``status`` is
    ok.
    """

    status: Status
    session: str | None
    stable: bool | None
    reason: str | None
    time: intervals.Estimate | None = None
    lines: Sequence[LatencyLine] = ()


def cell_timing(
    lines: Sequence[LatencyLine],
    rounds: int,
    protocol: str,
    best: Mapping[str, tuple[float, float]],
) -> CellTiming:
    """Return status, estimate and verdict of a cell from its lines, at most one a round.

    ``rounds``: how many were planned. ``best``: best times of the reference kernels by session, as
    :func:`dnnbench.stats.disturbance.best_references` gives them.
    """
    lines = [line for line in lines if line.status != "not_measured"]
    if not lines:
        return CellTiming("not_measured", None, None, None)
    good = [line for line in lines if line.status == "ok"]
    sessions = list(dict.fromkeys(line.session for line in lines))
    session = "+".join(sessions)
    faults = _failures(lines)
    if len(good) * 2 <= len(lines):
        counts = Counter(line.status for line in lines if line.status != "ok")
        status = min(counts, key=lambda status: (-counts[status], _SEVERITY.index(status)))
        return CellTiming(status, session, None, "; ".join(faults))

    value = (
        intervals.single_process(good[0].samples_ms)
        if protocol == STUDY
        else intervals.interval([median(line.samples_ms) for line in good])
    )
    notes = []
    if len(lines) < rounds:
        faults.append(f"{len(lines)} of {rounds} rounds measured")
    if len({line.fingerprint for line in good}) > 1:
        faults.append("rounds measured by different code or settings")
    if len({str(line.built.settings) for line in good if line.built}) > 1:
        faults.append("rounds of different versions or settings of the engine")
    if value.half_width is not None and value.half_width > MAX_HALF_WIDTH:
        faults.append(f"half-width {value.half_width:.1%} of the value")
    disturbed = _disturbed(good, best)
    if disturbed:
        text = f"{len(disturbed)} of {len(good)} rounds disturbed ({disturbed[0]})"
        if len(disturbed) * 2 >= len(good):
            faults.append(text)
        else:
            notes.append(f"{text}, which the median withstands")
    if len(sessions) > 1:
        notes.append(f"rounds from {len(sessions)} sessions")
    if value.half_width is None and len(good) > 1 and protocol != STUDY:
        faults.append("rounds too far apart for an interval")
    stable: bool | None = not faults
    if stable and value.half_width is None:
        stable = None
        notes.append("one process: the spread between processes is not known")
    return CellTiming("ok", session, stable, "; ".join(faults + notes) or None, value, good)


def _failures(lines: Sequence[LatencyLine]) -> list[str]:
    """Return for each status but ok how many rounds had it, and the message of the first."""
    by_status: dict[Status, list[LatencyLine]] = {}
    for line in lines:
        if line.status != "ok":
            by_status.setdefault(line.status, []).append(line)
    texts = []
    for status, failed in by_status.items():
        message = " ".join((failed[0].message or "").split())
        text = f"{len(failed)} of {len(lines)} rounds {status}"
        texts.append(f"{text}: {message}" if message else text)
    return texts


def _disturbed(lines: Sequence[LatencyLine], best: Mapping[str, tuple[float, float]]) -> list[str]:
    """Return for each disturbed round its number and what disturbed it."""
    texts = []
    for line in lines:
        seen = disturbance.relative_to_best(line, best)
        if seen and (found := disturbance.reasons(seen)):
            texts.append(f"round {line.round}: {', '.join(found)}")
    return texts
