"""Status, latency and stability of a cell, from the processes that measured it.

*Status of a cell whose processes disagree*: ``ok`` if more than half of the recorded processes are
ok, else the most common other status.

*Stability* (``stability``, and ``stability_reason`` with numbers):

- ``disturbed``: at least one in ten processes was disturbed (:mod:`dnnbench.stats.disturbance`),
  one failed or is missing, or processes were measured with different code or settings. A missing
  time was probably a slow one, so the median of the rest is too low. Fewer disturbed processes
  hardly move a median, and on a quiet machine one in a hundred exceeds a limit: of cells with
  twenty processes, every fifth would be disturbed. They are only mentioned.
- ``noisy``: none of this, but the half-width of the interval exceeds 5% of the value.
- ``stable``: neither.
- A single process has no stability, unless it was disturbed.

Other programs before a round may have disturbed all its processes. They make a cell ``disturbed``
if this concerns at least half of its processes: otherwise the median still lies between two
undisturbed ones. Several sessions are only mentioned. The interval is meant for one session, but a
relevant shift between two widens it beyond 5%.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from dnnbench.core.formatting import is_wide
from dnnbench.records.base import Status
from dnnbench.records.latency_records import LatencyLine
from dnnbench.records.study_records import Stability
from dnnbench.stats import disturbance
from dnnbench.stats.disturbance import SessionLimits
from dnnbench.stats.intervals import Estimate

# Networks that are closer than this cannot be ranked reliably.
MAX_HALF_WIDTH = 0.05

# Of two equally common statuses, a cell takes the one that is most specific to the network.
_SEVERITY: tuple[Status, ...] = ("oom", "failed", "timeout", "not_measured")
_MOST_NAMED = 3
_SHARE_DISTURBED = 0.1


@dataclass(frozen=True)
class CellTiming:
    """Verdict on the processes of one cell.

    ``time`` (ms per pass) and ``lines`` (the processes it is based on) are set only if ``status``
    is ok.
    """

    status: Status
    session: str | None
    stability: Stability | None
    reason: str | None
    time: Estimate | None = None
    lines: Sequence[LatencyLine] = ()


def cell_timing(
    lines: Sequence[LatencyLine],
    rounds: int,
    time: Estimate | None,
    session_limits: SessionLimits,
) -> CellTiming:
    """Return a cell's status, estimate and verdict from its processes.

    ``rounds`` is the planned number of rounds: the number of processes unless the lines have it.
    ``time`` is the estimate from the successful lines. ``session_limits`` come from
    :func:`dnnbench.stats.disturbance.limits`.
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

    planned = max(line.processes or rounds for line in lines)
    if len(lines) < planned:
        faults.append(f"{len(lines)} of {planned} processes measured")
    faults += _differences(good)
    crowded = [line for line in good if disturbance.round_reasons(line)]
    mostly_crowded = len(crowded) * 2 >= len(good)
    notes: list[str] = []
    disturbed = _disturbed(good, mostly_crowded, session_limits)
    if disturbed:
        enough = len(disturbed) >= _SHARE_DISTURBED * len(good)
        (faults if enough else notes).append(_named(disturbed, len(good)))
    notes += _notes(good, [] if mostly_crowded else crowded, len(sessions))
    if (noise := _noise(time, len(good))) is None and time.half_width is None and not faults:
        notes.insert(0, "single process: the spread between processes is unknown")
        return CellTiming("ok", session, None, "; ".join(notes), time, good)
    stability: Stability = "disturbed" if faults else "noisy" if noise else "stable"
    found = [*faults, *([noise] if noise else []), *notes]
    return CellTiming("ok", session, stability, "; ".join(found) or None, time, good)


def worse(one: Stability | None, other: Stability | None) -> Stability | None:
    """Return the worse of two stabilities; None if neither is bad and one is unknown."""
    worst: tuple[Stability | None, ...] = ("disturbed", "noisy", None)
    return next((stability for stability in worst if stability in (one, other)), "stable")


def _failures(lines: Sequence[LatencyLine]) -> list[str]:
    """Return the number of processes for each status except ok, with the first message."""
    by_status: dict[Status, list[LatencyLine]] = {}
    for line in lines:
        if line.status != "ok":
            by_status.setdefault(line.status, []).append(line)
    texts = []
    for status, failed in by_status.items():
        message = " ".join((failed[0].message or "").split())
        text = f"{len(failed)} of {len(lines)} processes {status}"
        texts.append(f"{text}: {message}" if message else text)
    return texts


def _differences(lines: Sequence[LatencyLine]) -> list[str]:
    """Return how the processes of a cell were measured differently."""
    texts = []
    if len({line.fingerprint for line in lines}) > 1:
        texts.append("processes used different code or settings")
    if len({str(line.built.settings) for line in lines if line.built}) > 1:
        texts.append("processes used different versions or settings of the engine")
    if len({line.scheduling for line in lines}) > 1:
        texts.append("processes ran at different priorities")
    return texts


def _disturbed(
    lines: Sequence[LatencyLine], whole_rounds: bool, session_limits: SessionLimits
) -> list[str]:
    """Return the disturbed processes with the reasons.

    ``whole_rounds`` is whether a disturbance of the whole round counts.
    """
    several = {line.round for line in lines if line.process > 1}
    disturbed = []
    for line in lines:
        reasons = disturbance.reasons(line, session_limits)
        if whole_rounds:
            reasons += disturbance.round_reasons(line)
        if reasons:
            disturbed.append(f"{_process(line, line.round in several)}: {', '.join(reasons)}")
    return disturbed


def _named(disturbed: Sequence[str], processes: int) -> str:
    """Return the number of disturbed processes, and the first ones with their reasons."""
    more = len(disturbed) - _MOST_NAMED
    named = [*disturbed[:_MOST_NAMED], *([f"and {more} more"] if more > 0 else [])]
    verb = "was" if len(disturbed) == 1 else "were"
    return f"{len(disturbed)} of {processes} processes {verb} disturbed ({'; '.join(named)})"


def _process(line: LatencyLine, several: bool) -> str:
    return f"round {line.round}" + (f", process {line.process}" if several else "")


def _noise(time: Estimate, processes: int) -> str | None:
    """Return that the interval is too wide, as text; None if it is not, or with one process."""
    if time.half_width is None:
        return "processes differ too much for an interval" if processes > 1 else None
    if time.half_width <= MAX_HALF_WIDTH:
        return None
    wide = time.low is not None and time.high is not None and is_wide(time.low, time.high)
    extent = (
        "interval is wider than a factor of two"
        if wide
        else f"half-width of the interval is {time.half_width:.1%} of the value"
    )
    return f"{extent}: this machine does not resolve it better in this time"


def _notes(
    lines: Sequence[LatencyLine], crowded: Sequence[LatencyLine], sessions: int
) -> list[str]:
    """Return remarks that do not affect the stability."""
    by_round = {line.round: ", ".join(disturbance.round_reasons(line)) for line in crowded}
    notes = [f"round {number}: {text}" for number, text in by_round.items()]
    repeated = sum(line.first_attempt is not None for line in lines)
    if repeated:
        notes.append(f"{repeated} of {len(lines)} processes repeated after a disturbance")
    if any(line.disturbance and line.disturbance.clocks_locked is False for line in lines):
        notes.append("the GPU's clocks are not locked")
    if sessions > 1:
        notes.append(f"processes from {sessions} sessions")
    return notes
