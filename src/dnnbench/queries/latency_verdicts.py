"""Verdicts on the latencies of two configurations on one device, from the study's tables alone.

Measured latencies with intervals are compared as estimates, independent ones unless they share a
session and a variant (:mod:`dnnbench.stats.equivalence`). All others only have bounds: published
numbers their rounding, predicted ones their prediction interval. They are ``different`` if the
bounds do not overlap.
"""

from math import log

from dnnbench.queries.selection import Candidate
from dnnbench.records.study_records import StudyRow
from dnnbench.stats import equivalence, intervals
from dnnbench.stats.equivalence import Verdict


def verdict(a: Candidate, b: Candidate) -> Verdict:
    """Return whether two latencies are different, equivalent within 5%, or neither."""
    one, other = _estimate(a.row), _estimate(b.row)
    if one and other:
        same = a.row.session is not None and _place(a) == _place(b)
        ratio = intervals.ratio_within if same else intervals.ratio
        return equivalence.verdict(ratio(one, other))
    return "different" if a.time.apart(b.time) else "inconclusive"


def _place(candidate: Candidate) -> tuple[str | None, str]:
    return candidate.row.session, candidate.row.variant


def _estimate(row: StudyRow) -> intervals.Estimate | None:
    """Return a measured latency with its standard error; ``None`` without an interval."""
    value, low, high = row.latency_ms, row.latency_ms_low, row.latency_ms_high
    if row.source != "measured" or value is None or not (low and high and row.latency_df):
        return None
    se = log(high / low) / 2 / intervals.t_quantile(row.latency_df)
    within = row.latency_within_se, row.latency_within_df
    known = None if within[0] is None or within[1] is None else (within[0], within[1])
    return intervals.Estimate(value, low, high, se, row.latency_df, known)
