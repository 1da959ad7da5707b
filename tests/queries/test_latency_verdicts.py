import pytest
from helpers.rows import row

from dnnbench.queries.latency_verdicts import verdict
from dnnbench.queries.selection import Candidate, candidates


def timed(latency_ms: float, factor: float, **changes: object) -> Candidate:
    """Return a network whose interval reaches up to ``factor`` times its latency."""
    low, high = latency_ms / factor, latency_ms * factor
    bounds = {"latency_ms_low": low, "latency_ms_high": high, "latency_df": 4.0}
    one = row("a", latency_ms=latency_ms, **{**bounds, **changes})
    (candidate,) = candidates([one])[one.device]
    return candidate


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (timed(10.1, 1.02), "equivalent"),
        (timed(10.1, 1.1), "inconclusive"),
        (timed(10.6, 1.02), "different"),
        # Their intervals overlap, but not the interval of the ratio and 1.
        (timed(10.6, 1.03), "different"),
    ],
)
def test_two_measured_latencies_are_compared_by_the_interval_of_their_ratio(
    other: Candidate, expected: str
) -> None:
    one = timed(10.0, 1.03)
    assert verdict(one, other) == verdict(other, one) == expected


def test_latencies_of_one_session_are_compared_without_what_its_cells_share() -> None:
    within = {"latency_within_se": 0.005, "latency_within_df": 20.0}
    one, other = (timed(ms, 1.1, session="night", **within) for ms in (10.0, 10.6))
    assert verdict(one, other) == "different"
    assert verdict(one, timed(10.6, 1.1, session="day", **within)) == "inconclusive"
    assert verdict(one, timed(10.0, 1.1, session="night", **within)) == "equivalent"


@pytest.mark.parametrize(
    "unknown",
    [
        {"latency_ms_low": None, "latency_ms_high": None, "latency_df": None},
        {"source": "predicted", "latency_df": None},
    ],
    ids=["single process", "predicted"],
)
def test_a_latency_without_a_standard_error_is_never_equivalent(unknown: dict[str, object]) -> None:
    assert verdict(timed(10.0, 1.001), timed(10.0, 1.001, **unknown)) == "inconclusive"


def test_published_latencies_differ_if_their_rounding_does_not_overlap() -> None:
    one, near, far = (timed(ms, 1, source="published") for ms in (10.0, 10.005, 10.02))
    assert (verdict(one, near), verdict(one, far)) == ("inconclusive", "different")
