"""Comparison of two networks: hand-computed ratios, simulated noise, and equivalence."""

from collections.abc import Iterable
from math import exp, sqrt
from random import Random

import pytest
from helpers import studies
from helpers.rows import comparison, model_row, row

from dnnbench.queries.compare_networks import Comparison, compare
from dnnbench.records import published_study
from dnnbench.records.comparison_records import ComparisonRow
from dnnbench.records.latency_records import LatencyLine
from dnnbench.records.study_records import StudyRow
from dnnbench.tables import published
from dnnbench.tables.cell_lines import Timings

SESSION = "2026-01-02T03:04"
ROUNDS = (1.0, 1.1, 0.9, 1.3, 1.0)


def own(model: str, **changes: object) -> StudyRow:
    return row(model, session=SESSION, protocol="default", **changes)


def compared(
    rows: Iterable[StudyRow],
    lines: Iterable[LatencyLine] = (),
    tests: Iterable[ComparisonRow] = (),
    **accuracy: dict[str, object],
) -> dict[str, Comparison]:
    """Return the comparison of a with b by quantity, for rows of one batch size."""
    models = {key: model_row(key, **accuracy.get(key, {})) for key in ("a", "b")}
    found = compare(list(rows), models, lambda _: Timings(lines), ("a", "b"), tests)
    return {one.quantity: one for one in found}


def cells(a: Iterable[float], b: Iterable[float], **changes: str) -> list[LatencyLine]:
    return [*studies.timed("a", a), *studies.timed("b", b, **changes)]


def median_of(rounds: int) -> str:
    return (
        f"both networks were timed in each of {rounds} rounds of one session; A vs. B is the"
        f" median of the {rounds} ratios with its 95% confidence interval, and can differ from"
        " column A divided by column B"
    )


def test_the_ratio_is_taken_within_rounds() -> None:
    # The rounds differ by 44%, which does not affect the ratio: b is 1.2 times as fast in each.
    found = compared(
        [own("a"), own("b")], cells([12 * x for x in ROUNDS], [10 * x for x in ROUNDS])
    )
    time = found["time"]
    assert time.difference == pytest.approx(1.2)
    assert (time.low, time.high) == (pytest.approx(1.2), pytest.approx(1.2))
    assert (time.verdict, time.basis) == ("b", median_of(5))


def test_the_interval_of_the_ratio_has_the_values_computed_by_hand() -> None:
    # Logarithms of the ratios -2, -1, 0, 1, 2 hundredths around log(1.05), as in test_estimate:
    # half-width 2.776445 x sqrt(10 / 4) x 0.01 / sqrt(5) = 0.0196325.
    ratios = [1.05 * exp(0.01 * step) for step in (1, -2, 0, 2, -1)]
    time = compared([own("a"), own("b")], cells([10 * r for r in ratios], [10.0] * 5))["time"]
    assert time.difference == pytest.approx(1.05)
    assert time.low == pytest.approx(1.05 * exp(-0.0196325), rel=1e-6)
    assert time.high == pytest.approx(1.05 * exp(0.0196325), rel=1e-6)
    assert time.verdict == "b"


def test_a_ratio_is_equivalent_only_if_its_interval_lies_within_the_margin() -> None:
    # The 90% interval is 0.995 to 1.025: t(4) is 2.132, so the half-width is 1.5%.
    ratios = [1.01 * exp(0.01 * step) for step in (1, -2, 0, 2, -1)]
    rows, lines = [own("a"), own("b")], cells(ratios, [1.0] * 5)
    models = {key: model_row(key) for key in "ab"}
    verdicts = [
        compare(rows, models, lambda _: Timings(lines), ("a", "b"), margin=margin)[0].verdict
        for margin in (0.05, 0.026, 0.024)
    ]
    assert verdicts == ["equivalent", "equivalent", "inconclusive"]


def test_a_significant_difference_within_the_margin_is_equivalent() -> None:
    ratios = [1.02 * exp(0.001 * step) for step in (1, -2, 0, 2, -1)]
    time = compared([own("a"), own("b")], cells(ratios, [1.0] * 5))["time"]
    assert time.low is not None and time.low > 1
    assert time.verdict == "equivalent"


def test_several_processes_of_a_round_count_as_one() -> None:
    more = [
        line.model_copy(update={"process": 2, "samples_ms": [12.0]})
        for line in studies.timed("a", [10.0] * 5)
    ]
    lines = [*cells([10.0] * 5, [10.0] * 5), *more]
    time = compared([own("a"), own("b")], lines)["time"]
    assert time.difference == pytest.approx(1.1)
    assert time.basis == median_of(5)


def test_two_equal_networks_do_not_differ_in_19_of_20_studies_with_noisy_rounds() -> None:
    random, equal = Random(6), 0
    for _ in range(400):
        shared = [random.lognormvariate(2, 0.3) for _ in range(5)]
        a, b = ([x * random.lognormvariate(0, 0.03) for x in shared] for _ in range(2))
        time = compared([own("a"), own("b")], cells(a, b))["time"]
        assert time.low is not None and time.high is not None
        equal += time.low <= 1 <= time.high
        assert (time.verdict in ("a", "b")) <= (not time.low <= 1 <= time.high)
    # 95% of 400, with four standard deviations of a binomial.
    assert abs(equal / 400 - 0.95) < 4 * sqrt(0.95 * 0.05 / 400)


@pytest.mark.parametrize(
    ("lines", "difference", "basis"),
    [
        (cells([12.0] * 5, []), 1.0, "not measured in the same rounds of one session"),
        (
            cells([12.0] * 5, [10.0] * 5, session="2026-01-03T03:04"),
            1.0,
            "not measured in the same rounds of one session",
        ),
        (cells([12.0], [10.0] * 5), 1.2, "no interval from 1 round of one session"),
    ],
)
def test_without_paired_rounds_the_verdict_is_inconclusive(
    lines: list[LatencyLine], difference: float, basis: str
) -> None:
    rows = [own("a"), own("b").model_copy(update={"session": f"{SESSION}+2026-01-03T03:04"})]
    time = compared(rows, lines)["time"]
    assert (time.verdict, time.low, time.high) == ("inconclusive", None, None)
    assert (time.difference, time.basis) == (pytest.approx(difference), basis)


def test_lines_of_other_protocols_and_of_failed_processes_do_not_count() -> None:
    lines = cells([12.0] * 5, [10.0] * 5)
    stray = [
        line.model_copy(update={"protocol": "bianco2018", "samples_ms": [99.0]}) for line in lines
    ]
    failed = lines[0].model_copy(update={"status": "timeout", "samples_ms": [], "round": 6})
    time = compared([own("a"), own("b")], [*stray, *lines, failed])["time"]
    assert (time.difference, time.basis) == (
        pytest.approx(1.2),
        median_of(5),
    )


def test_a_network_that_did_not_run_cannot_be_compared() -> None:
    gone = {"latency_ms": None, "latency_ms_low": None, "latency_ms_high": None}
    rows = [own("a", status="oom", memory_status="oom", memory_mib=None, **gone), own("b")]
    found = compared(rows)
    assert (found["time"].verdict, found["time"].basis) == ("inconclusive", "out of memory")
    assert (found["memory"].verdict, found["memory"].basis) == ("inconclusive", "out of memory")


@pytest.mark.parametrize(
    ("more", "verdict"),
    [(0.0, "equivalent"), (1.9, "equivalent"), (-1.9, "equivalent"), (2.1, "b"), (-2.1, "a")],
)
def test_measured_memory_differs_only_beyond_the_repeatability_of_readings(
    more: float, verdict: str
) -> None:
    memory = compared([own("a", memory_mib=100 + more), own("b")])["memory"]
    assert memory.verdict == verdict
    assert memory.difference == pytest.approx(more)


def test_memory_on_two_bases_is_not_compared() -> None:
    memory = compared([own("a", memory_basis="process"), own("b")])["memory"]
    assert (memory.verdict, memory.difference) == ("inconclusive", None)
    assert memory.basis == "not comparable: whole process and network only"


def test_accuracy_and_costs() -> None:
    found = compared([own("a", top1=70.01), own("b")])
    assert (found["top1"].verdict, found["top1"].difference) == ("a", pytest.approx(0.01))
    assert found["top1"].basis == (
        "published in the 2018 study, Table 3;"
        " the range accounts only for the rounding of the published values"
    )
    assert compared([own("a"), own("b")])["top1"].verdict == "inconclusive"
    assert compared([own("a", top1=None), own("b")])["top1"].basis == "accuracy unknown"
    assert (found["params"].verdict, found["params"].difference) == ("equal", 0)


def test_counts_that_differ_by_one_are_not_equal() -> None:
    found = compared([own("a"), own("b")], a={"macs": 1_000_000_001}, b={"macs": 1_000_000_000})
    assert (found["macs"].difference, found["macs"].verdict) == (1, "b")


def test_the_paired_test_supersedes_the_intervals_of_the_ranked_accuracy() -> None:
    rows = [own(key, top1=70.5, accuracy_source="measured:imagenet") for key in "ab"]
    accuracy: dict[str, dict[str, object]] = {key: {"top1_measured": 70.5} for key in "ab"}
    # The row is b minus a, so 0.5 (0.2 to 0.8) changes sign.
    models = {key: model_row(key, **accuracy[key]) for key in "ab"}
    found = compare(rows, models, lambda _: Timings([]), ("a", "b"), [comparison("b", "a", 0.01)])
    (top1,) = [one for one in found if one.quantity == "top1"]
    assert (top1.difference, top1.low, top1.high) == (-0.5, -0.8, -0.2)
    assert top1.verdict == "b"
    assert "paired test on 50,000 images of imagenet" in top1.basis
    found = compare(rows, models, lambda _: Timings([]), ("a", "b"), [comparison("b", "a", 0.06)])
    assert [one.verdict for one in found if one.quantity == "top1"] == ["inconclusive"]


def test_a_test_on_other_images_is_listed_next_to_the_published_accuracy() -> None:
    models = {key: model_row(key, top1_measured=60.0) for key in "ab"}
    test = comparison("a", "b", 0.01, dataset="imagenette")
    found = compare([own("a"), own("b")], models, lambda _: Timings([]), ("a", "b"), [test])
    assert [(one.a, one.verdict) for one in found if one.quantity == "top1"] == [
        (70.0, "inconclusive"),
        (60.0, "a"),
    ]


def test_published_networks_are_compared_within_their_rounding() -> None:
    rows = published.study_rows(published.read(studies.ROOT / "published" / "bianco2018"))
    titan = [own for own in rows if own.device == published_study.TITAN]
    models = {model.model: model for model in studies.tables()[1]}
    found = compare(titan, models, lambda _: Timings([]), ("resnet50", "densenet121"))
    (time, *_) = found
    assert (time.batch_size, time.basis) == (
        1,
        "the range accounts only for the rounding of the published values",
    )
    a, b = (
        next(o for o in titan if (o.model, o.batch_size) == (key, 1))
        for key in ("resnet50", "densenet121")
    )
    assert a.latency_ms and b.latency_ms and time.low and time.high
    assert time.difference == pytest.approx(a.latency_ms / b.latency_ms)
    assert time.low == pytest.approx((a.latency_ms - 0.005) / (b.latency_ms + 0.005))
    assert time.high == pytest.approx((a.latency_ms + 0.005) / (b.latency_ms - 0.005))
    assert len([one for one in found if one.quantity == "time"]) == 7


def test_each_network_is_compared_in_its_fastest_variant_with_the_same_answers() -> None:
    other = "fp32-onnxruntime"
    changed = {"top1_change": -0.2, "top1_change_low": -0.5, "top1_change_high": 0.1}
    cells = [
        own("a", latency_ms=20.0),
        own("a", variant=other, latency_ms=10.0, top1_change=0.0),
        own("a", variant="int8-onnxruntime", latency_ms=5.0, **changed),
        own("a", variant="bf16-eager", latency_ms=2.0, top1=None),
        own("b", latency_ms=12.0),
        own("b", variant=other, latency_ms=15.0, top1_change=0.0),
        own("b", variant="int8-onnxruntime", status="failed", latency_ms=None),
    ]
    models = {key: model_row(key) for key in "ab"}
    found = compare(cells, models, lambda _: Timings([]), ("a", "b"))
    time = found[0]
    assert (time.variant_a, time.variant_b) == (other, "fp32-eager")
    assert (time.a, time.b) == (10.0, 12.0)
    narrowed = compare(cells, models, lambda _: Timings([]), ("a", "b"), variant="int8-onnxruntime")
    assert (narrowed[0].variant_a, narrowed[0].a, narrowed[0].b) == ("int8-onnxruntime", 5.0, None)
    assert [one.variant_a for one in found if one.quantity == "params"] == [None]
