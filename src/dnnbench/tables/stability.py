"""Status, latency and stability of a cell, from the rounds that measured it.

*Status of a cell whose rounds disagree*: ``ok`` if more than half of the recorded rounds are ok,
else the most common other status. An ``ok`` cell with a failed round is never stable: the missing
time was probably a slow one, so the median of the rest is too low.

*Stability* (``stable``, and ``unstable_reason`` with numbers):

- A cell is unstable if the half-width of the interval exceeds 5% of the value, if at least half of
  the rounds were disturbed (:mod:`dnnbench.stats.disturbance`), if a round failed or is missing, or
  if rounds were measured with different code or settings.
- A minority of disturbed rounds does not make a cell unstable, because the median still lies
  between two undisturbed rounds. ``unstable_reason`` mentions it anyway.
- Several sessions are also only mentioned. The interval is meant for one session, but a relevant
  shift between two widens it beyond 5%.
- With fewer than two processes, stability is unknown (an empty field), unless one was disturbed.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dnnbench.records.base import Status
from dnnbench.records.latency_records import LatencyLine
from dnnbench.records.study_records import Stability
from dnnbench.stats import disturbance, intervals

# Networks that are closer than this cannot be ranked reliably. With five rounds, the noise between
# processes of a quiet machine (2 to 5%) gives a smaller half-width.
MAX_HALF_WIDTH = 0.05

# Of two equally common statuses, a cell takes the one that is most specific to the network.
_SEVERITY: tuple[Status, ...] = ("oom", "failed", "timeout", "not_measured")


@dataclass(frozen=True)
class CellTiming:
    """Verdict on the rounds of one cell.

    ``time`` (ms per pass) and ``lines`` (the rounds it is based on) are set only if ``status`` is
    ok.
    """

    status: Status
    session: str | None
    stability: Stability | None
    reason: str | None
    time: intervals.Estimate | None = None
    lines: Sequence[LatencyLine] = ()


def cell_timing(
    lines: Sequence[LatencyLine],
    rounds: int,
    time: intervals.Estimate | None,
    best: Mapping[str, tuple[float, float]],
) -> CellTiming:
    """Return a cell's status, estimate and verdict from its processes.

    ``rounds`` is the planned number of rounds. ``time`` is the estimate from the successful lines.
    ``best`` has the best times of the reference kernels by session, as returned by
    :func:`dnnbench.stats.disturbance.best_references`.
    """
    lines = [line for line in lines if line.status != "not_measured"]
    if not lines:
        return CellTiming("not_measured", None, None, None)
    good = [line for line in lines if line.status == "ok"]
    sessions = list(dict.fromkeys(line.session for line in lines))
    session = "+".join(sessions)
    faults = _failures(lines)
    if time is None or len(good) * 2 <= len(lines):
        counts = Counter(line.status for line in lines if line.status != "ok")
        status = min(counts, key=lambda status: (-counts[status], _SEVERITY.index(status)))
        return CellTiming(status, session, None, "; ".join(faults))

    notes = []
    if len(lines) < rounds:
        faults.append(f"{len(lines)} of {rounds} rounds measured")
    if len({line.fingerprint for line in good}) > 1:
        faults.append("rounds used different code or settings")
    if len({str(line.built.settings) for line in good if line.built}) > 1:
        faults.append("rounds used different versions or settings of the engine")
    disturbed = _disturbed(good, best)
    if disturbed:
        text = f"{len(disturbed)} of {len(good)} rounds were disturbed ({disturbed[0]})"
        if len(disturbed) * 2 >= len(good):
            faults.append(text)
        else:
            notes.append(f"{text}, too few to affect the median")
    if len(sessions) > 1:
        notes.append(f"rounds from {len(sessions)} sessions")
    stability: Stability | None = "disturbed" if faults else "stable"
    if time.half_width is None:
        if len(good) > 1:
            stability = stability if faults else "noisy"
            faults.append("rounds differ too much for an interval")
        elif not faults:
            stability = None
            notes.append("single process: the spread between processes is unknown")
    elif time.half_width > MAX_HALF_WIDTH:
        stability = stability if faults else "noisy"
        faults.append(f"half-width of the interval is {time.half_width:.1%} of the value")
    return CellTiming("ok", session, stability, "; ".join(faults + notes) or None, time, good)


def _failures(lines: Sequence[LatencyLine]) -> list[str]:
    """Return the number of rounds for each status except ok, with the first message."""
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
    """Return the number of each disturbed round, with the reasons."""
    texts = []
    for line in lines:
        seen = disturbance.relative_to_best(line, best)
        if seen and (found := disturbance.reasons(seen)):
            texts.append(f"round {line.round}: {', '.join(found)}")
    return texts
