"""Picks under limits: compared with brute force on random tables, and hand-written cases."""

from collections.abc import Callable, Sequence
from math import log
from typing import Any

import pytest
from helpers import studies
from helpers.rows import (
    DEVICE,
    comparison,
    model_row,
    row,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dnnbench.core.formatting import loosened
from dnnbench.queries import wording
from dnnbench.queries.best_fit import Pick, pick
from dnnbench.records import published_study
from dnnbench.records.comparison_records import ComparisonRow
from dnnbench.records.study_records import ModelRow, StudyRow
from dnnbench.tables import published

MakeRow = Callable[..., StudyRow]
# So few values that numbers meet limits, and each other, often.
TIMES = (5.0, 9.0, 9.9, 10.0, 10.1, 20.0, 20.25, 100.0)
MEMORY = (100.0, 512.0, 1019.0, 1024.0, 1030.0, 2048.0)
TOP1 = (60.0, 69.97, 70.0, 70.01, 70.03, 70.005, 80.0)
PARAMS = (1_000_000, 9_999_999, 10_000_000, 25_000_000)
SOURCES = (
    "published:table3",
    "published:figure",
    "published:library",
    "measured:imagenet",
    "stated:us",
)


def by_key(*rows: ModelRow) -> dict[str, ModelRow]:
    return {row.model: row for row in rows}


# The oracle ----------------------------------------------------------------------------------
#
# Written from the definitions and without the package's code: for every network the interval of
# every limited number, then a sort.

Span = tuple[float, float, bool]
Key = tuple[str, str]
VARIANTS = ("fp32-eager", "fp32-onnxruntime", "int8-onnxruntime")


def oracle_spans(own: StudyRow, model: ModelRow) -> dict[str, Span] | None:
    """Return (low, high, known) of each number that can be limited; ``None`` if it never fits."""
    if own.status != "ok" or own.latency_ms is None or own.top1 is None:
        return None
    time, printed = own.latency_ms, own.source == "published"
    if printed:
        low, high, sure = time - 0.005, time + 0.005, True
    elif own.latency_ms_low is None or own.latency_ms_high is None:
        low, high, sure = time, time, False
    else:
        low, high, sure = own.latency_ms_low, own.latency_ms_high, True
    size = own.batch_size
    spans = {
        "min_fps": (1000 / high, 1000 / low, sure),
        "deadline_ms": (low * size, high * size, sure),
        "max_params_m": (model.params_executed / 1e6, model.params_executed / 1e6, True),
    }
    if own.memory_status == "ok" and own.memory_mib is not None:
        off = 0.005 * 1024 if printed else 0.0
        spans["max_memory_gib"] = (
            (own.memory_mib - off) / 1024,
            (own.memory_mib + off) / 1024,
            True,
        )
    off_by = {"table3": 0.005, "figure": 0.03, "library": 0.005}
    kind, detail = str(own.accuracy_source).split(":")
    if kind == "published":
        spans["min_top1"] = (own.top1 - off_by[detail], own.top1 + off_by[detail], True)
    elif (
        model.top1_source == own.accuracy_source
        and model.top1_low is not None
        and model.top1_high is not None
    ):
        spans["min_top1"] = (model.top1_low, model.top1_high, True)
    else:
        spans["min_top1"] = (own.top1, own.top1, False)
    return spans


def decisive(span: Span) -> bool:
    """Return whether the bounds are known, and at most a factor of two apart."""
    low, high, known = span
    return known and high <= 2 * low


def oracle_verdict(spans: dict[str, Span], limits: dict[str, float]) -> str:
    if any(name not in spans for name in limits):
        return "unknown"
    out = unsure = False
    for name, limit in limits.items():
        low, high, _ = spans[name]
        known = decisive(spans[name])
        if name in ("min_fps", "min_top1"):
            out = out or high < limit
            unsure = unsure or low < limit or not known
        else:
            out = out or low > limit
            unsure = unsure or high > limit or not known
    return "no" if out else "cannot_tell" if unsure else "yes"


def oracle(
    rows: Sequence[StudyRow],
    models: dict[str, ModelRow],
    limits: dict[str, float],
    size: int,
    variant: str | None = None,
) -> tuple[dict[Key, str], list[Key], list[Key]]:
    """Return the verdict on each configuration that can be evaluated, those that fit, and rivals.

    The lists are best first, without the ones that others of the same network beat.
    """
    at_size = {
        (own.model, own.variant): own
        for own in rows
        if (own.device, own.batch_size) == (DEVICE, size) and variant in (None, own.variant)
    }
    verdicts = {}
    for key, own in at_size.items():
        spans = oracle_spans(own, models[own.model])
        if spans is not None:
            verdicts[key] = oracle_verdict(spans, limits)
    judged = {key: verdict for key, verdict in verdicts.items() if verdict != "unknown"}

    def order(key: Key) -> tuple[float, str, float, str]:
        return -(at_size[key].top1 or 0.0), key[0], at_size[key].latency_ms or 0.0, key[1]

    def unbeaten(keys: list[Key]) -> list[Key]:
        def beats(one: Key, other: Key) -> bool:
            faster = (at_size[one].latency_ms or 0.0) <= (at_size[other].latency_ms or 0.0)
            return one[0] == other[0] and faster and order(one) < order(other)

        return sorted((k for k in keys if not any(beats(o, k) for o in keys)), key=order)

    fitting = unbeaten([key for key, verdict in judged.items() if verdict == "yes"])
    least = (at_size[fitting[0]].top1 or 0.0) if fitting else -1.0
    rivals = unbeaten(
        [
            key
            for key, verdict in judged.items()
            if verdict == "cannot_tell" and (at_size[key].top1 or 0.0) > least
        ]
    )
    return judged, fitting, rivals


@st.composite
def cells(
    draw: st.DrawFn, model: str, batch_size: int, top1: float | None, variant: str
) -> StudyRow:
    """Generate one row of a random table, possibly with missing values."""
    published_row = draw(st.booleans())
    status = draw(st.sampled_from(["ok", "ok", "ok", "ok", "oom", "timeout", "not_measured"]))
    memory_status = draw(st.sampled_from(["ok", "ok", "ok", "oom", "not_measured"]))
    time = draw(st.sampled_from(TIMES))
    # The last one is wider than a factor of two.
    spread = draw(st.sampled_from([1.0, 1.01, 1.3, 1.5]))
    bare = published_row or draw(st.integers(0, 4)) == 0
    ran, fitted = status == "ok", memory_status == "ok"
    changes: dict[str, object] = {
        "batch_size": batch_size,
        "variant": variant,
        "source": "published" if published_row else "measured",
        "status": status,
        "latency_ms": time if ran else None,
        "latency_ms_low": time / spread if ran and not bare else None,
        "latency_ms_high": time * spread if ran and not bare else None,
        "memory_status": memory_status,
        "memory_mib": draw(st.sampled_from(MEMORY)) if fitted else None,
        "top1": top1,
        "accuracy_source": draw(st.sampled_from(SOURCES)),
    }
    return row(model, **changes)


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[StudyRow], dict[str, ModelRow]]:
    """Generate up to eight networks at batch sizes 1 and 8, in up to three variants."""
    rows, models = [], {}
    for number in range(draw(st.integers(0, 8))):
        key, top1 = f"net{number}", draw(st.sampled_from([None, *TOP1]))
        for variant in VARIANTS[: draw(st.integers(1, len(VARIANTS)))]:
            other = variant.startswith("int8")
            own = draw(st.sampled_from([None, *TOP1])) if other else top1
            changed = {} if own is None or not other else _changes(own - (top1 or 70.0))
            found = [draw(cells(key, size, own, variant)) for size in (1, 8)]
            rows += [one.model_copy(update=changed) for one in found]
        accuracy: dict[str, object] = {"top1_source": "measured:imagenet"}
        if top1 is not None and draw(st.booleans()):
            accuracy |= {"top1_low": top1 - 0.5, "top1_high": top1 + 0.5}
        models[key] = model_row(key, draw(st.sampled_from(PARAMS)), **accuracy)
    return draw(st.permutations(rows)), models


def _changes(change: float) -> dict[str, float]:
    ends = {"top1_change_low": change - 0.5, "top1_change_high": change + 0.5}
    return {"top1_change": change, **ends}


LIMITS = st.fixed_dictionaries(
    {},
    optional={
        "max_memory_gib": st.sampled_from([0.05, 0.5, 1.0, 1.001, 4.0]),
        "min_fps": st.sampled_from([1.0, 50.0, 99.0, 100.0, 500.0]),
        "deadline_ms": st.sampled_from([5.0, 10.0, 80.0, 400.0]),
        "max_params_m": st.sampled_from([0.5, 9.999999, 10.0, 30.0]),
        "min_top1": st.sampled_from([50.0, 70.0, 70.005, 79.0, 90.0]),
    },
)
# The same examples in every run: a landing must not fail by chance for what it did not change.
EXAMPLES = settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)


@EXAMPLES
@given(
    tables(),
    LIMITS,
    st.sampled_from([1, 8]),
    st.integers(1, 9),
    st.sampled_from([None, None, "int8-onnxruntime"]),
)
def test_a_pick_equals_the_result_of_brute_force(
    table: tuple[list[StudyRow], dict[str, ModelRow]],
    limits: dict[str, float],
    size: int,
    top: int,
    variant: str | None,
) -> None:
    rows, models = table
    answer = pick(rows, models, DEVICE, limits, size, top, variant=variant)
    judged, fitting, rivals = oracle(rows, models, limits, size, variant)
    assert [(entry.model, entry.variant) for entry in answer.entries] == fitting[:top]
    assert [(entry.model, entry.variant) for entry in answer.inconclusive] == rivals[:top]
    assert answer.might_be_better == len(rivals)
    for entry in [*answer.entries, *answer.inconclusive]:
        assert (entry.model, entry.variant) == [*fitting, *rivals][entry.rank - 1]
        assert bool(entry.settled_by) == bool(entry.undecided) == (entry.fits == "cannot_tell")
    verdicts = list(judged.values())
    assert (answer.configurations, answer.fit) == (len(judged), verdicts.count("yes"))
    assert answer.networks == len({model for model, _ in judged})
    assert answer.cannot_tell == verdicts.count("cannot_tell")
    best = fitting[0] if fitting else (None, None)
    assert (answer.best, answer.best_variant) == (answer.best_certain, best[1]) == best
    at_size = {
        (own.model, own.variant)
        for own in rows
        if own.batch_size == size and variant in (None, own.variant)
    }
    assert {(one.model, one.variant) for one in answer.left_out} == at_size - judged.keys()


@EXAMPLES
@given(tables(), LIMITS)
def test_the_needed_limits_admit_a_miss_and_tighter_ones_do_not(
    table: tuple[list[StudyRow], dict[str, ModelRow]], limits: dict[str, float]
) -> None:
    rows, models = table
    answer = pick(rows, models, DEVICE, limits, top=99)
    at_one = {(own.model, own.variant): own for own in rows if own.batch_size == 1}
    assert len({miss.model for miss in answer.nearest}) == len(answer.nearest)
    for miss in [*answer.nearest, *(binding.miss for binding in answer.binding)]:
        spans = oracle_spans(at_one[miss.model, miss.variant], models[miss.model])
        assert spans is not None
        assert oracle_verdict(spans, limits) == "no"
        wider = limits | {give.limit: give.needed for give in miss.gives}
        assert oracle_verdict(spans, wider) == "yes"
        for give in miss.gives:
            # Slightly tighter limits straddle the bounds, or exclude them.
            short = give.needed * (1 + 1e-9 if give.limit.startswith("min_") else 1 - 1e-9)
            assert oracle_verdict(spans, wider | {give.limit: short}) != "yes"
            assert give.given == limits[give.limit]
            assert log(give.factor) == pytest.approx(abs(log(give.needed / give.given)))
    assert [miss.factor for miss in answer.nearest] == sorted(m.factor for m in answer.nearest)


@EXAMPLES
@given(tables(), LIMITS)
def test_a_limit_is_binding_if_relaxing_it_alone_makes_a_better_network_fit(
    table: tuple[list[StudyRow], dict[str, ModelRow]], limits: dict[str, float]
) -> None:
    rows, models = table
    answer = pick(rows, models, DEVICE, limits)
    bound = {binding.limit: binding.miss for binding in answer.binding}
    at_one = {(own.model, own.variant): own for own in rows if own.batch_size == 1}
    spans = {key: oracle_spans(own, models[key[0]]) for key, own in at_one.items()}
    judged, fitting, _ = oracle(rows, models, limits, 1)
    for name in limits:
        others = {key: limit for key, limit in limits.items() if key != name}
        let_in = [
            key
            for key, verdict in oracle(rows, models, others, 1)[0].items()
            if verdict == "yes" and judged.get(key) == "no" and decisive((spans[key] or {})[name])
        ]
        better = [
            key for key in let_in if not fitting or clearly_better(at_one, spans, key, fitting[0])
        ]
        assert (name in bound) == bool(better)
        if name in bound:
            assert (bound[name].model, bound[name].variant) in better


def clearly_better(
    rows: dict[Key, StudyRow], spans: dict[Key, dict[str, Span] | None], one: Key, other: Key
) -> bool:
    """Return whether ``one`` is more accurate, and the bounds show it."""
    a, b = rows[one], rows[other]
    if (a.top1 or 0.0) <= (b.top1 or 0.0):
        return False
    if one[0] == other[0]:
        # The difference of two variants of a network has a separate interval.
        return change(a)[0] >= change(b)[1] - 1e-9
    (low, *_), (_, high, _) = (spans[one] or {})["min_top1"], (spans[other] or {})["min_top1"]
    # The bounds are further apart than rounding errors.
    return low >= high - 1e-9


def change(own: StudyRow) -> tuple[float, float]:
    low, high = own.top1_change_low, own.top1_change_high
    return (0.0, 0.0) if low is None or high is None else (low, high)


@EXAMPLES
@given(tables(), LIMITS, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(
    table: tuple[list[StudyRow], dict[str, ModelRow]], limits: dict[str, float], random: Any
) -> None:
    rows, models = table
    shuffled = list(rows)
    random.shuffle(shuffled)
    answers = [pick(these, models, DEVICE, limits) for these in (rows, shuffled)]
    # The variants are in the order of the rows.
    assert sorted(answers[0].variants) == sorted(answers[1].variants)
    assert answers[0] == answers[1].model_copy(update={"variants": answers[0].variants})


@EXAMPLES
@given(st.floats(1e-4, 1e7), st.booleans())
def test_a_limit_is_rounded_to_the_side_on_which_more_fits(limit: float, minimum: bool) -> None:
    shown = float(loosened(limit, minimum))
    assert shown <= limit if minimum else shown >= limit
    assert shown == pytest.approx(limit, rel=0.011)


# By hand -------------------------------------------------------------------------------------


def answer(rows: Sequence[StudyRow], **limits: float) -> Pick:
    models = by_key(*(model_row(own.model) for own in rows))
    return pick(rows, models, DEVICE, limits)


def test_an_empty_table_has_an_empty_answer() -> None:
    empty = pick([], {}, DEVICE, {"min_fps": 30})
    assert (empty.networks, empty.entries, empty.nearest, empty.binding) == (0, [], [], [])
    assert empty.best is None


def test_without_limits_all_networks_that_ran_are_ranked() -> None:
    rows = [
        row("a", top1=60.0),
        row("b", memory_status="not_measured", memory_mib=None),
        row("c", status="oom", latency_ms=None, latency_ms_low=None, latency_ms_high=None),
        row("d", top1=None, accuracy_source=None),
    ]
    found = answer(rows)
    assert [(entry.model, entry.fits) for entry in found.entries] == [("b", "yes"), ("a", "yes")]
    assert reasons(found) == {"c": "oom", "d": "accuracy unknown"}
    assert reasons(answer(rows, max_memory_gib=1)) == {
        "b": "memory: not_measured",
        "c": "oom",
        "d": "accuracy unknown",
    }


def reasons(found: Pick) -> dict[str, str]:
    return {one.model: one.reason for one in found.left_out}


def test_a_network_without_a_row_in_models_has_no_parameters() -> None:
    found = pick([row("a")], {}, DEVICE, {"max_params_m": 10})
    assert (found.entries, reasons(found)) == ([], {"a": "parameters unknown"})


def test_a_deadline_applies_to_the_batch_and_throughput_to_images() -> None:
    rows = [row("a", batch_size=8, latency_ms=10.0, latency_ms_low=9.9, latency_ms_high=10.1)]
    models = by_key(model_row("a"))
    for limits, fits in (
        ({"deadline_ms": 80.9}, ["yes"]),
        ({"deadline_ms": 80}, ["cannot_tell"]),
        ({"deadline_ms": 79}, []),
        ({"min_fps": 99}, ["yes"]),
        ({"min_fps": 102}, []),
    ):
        found = pick(rows, models, DEVICE, limits, batch_size=8)
        assert [entry.fits for entry in [*found.entries, *found.inconclusive]] == fits
    assert pick(rows, models, DEVICE, {}, batch_size=8).entries[0].batch_ms == 80.0


def test_inconclusive_limits_are_named() -> None:
    rows = [row("a", top1=70.0)]
    (entry,) = answer(rows, min_fps=100, min_top1=70, max_memory_gib=1).inconclusive
    assert (entry.fits, entry.undecided) == ("cannot_tell", "min_fps+min_top1")
    (entry,) = answer(rows, min_fps=90, max_memory_gib=1).entries
    assert (entry.fits, entry.undecided) == ("yes", None)


def test_an_entry_is_compared_with_the_next() -> None:
    rows = [
        row("a", top1=71.5, latency_ms=20.0, latency_ms_low=19.0, latency_ms_high=21.0),
        row("b", memory_mib=150.0),
        row("c", top1=60.0, latency_ms=10.2, latency_ms_low=9.0, latency_ms_high=11.0),
    ]
    models = by_key(model_row("a", 30_000_000), model_row("b", 10_000_000), model_row("c"))
    found = pick(rows, models, DEVICE, {}, top=2)
    first, second = found.entries
    assert (first.next_model, first.next_top1_more) == ("b", 1.5)
    assert (first.next_time_ratio, first.next_time) == (2.0, "different")
    assert (first.next_memory_more_mib, first.next_params_more) == (-50.0, 20_000_000)
    # The network after the last entry is not listed.
    assert (second.next_model, second.next_time) == ("c", "inconclusive")


def test_misses_are_ordered_by_their_largest_factor() -> None:
    rows = [
        row("far", memory_mib=4096.0),
        row("near", memory_mib=1536.0, latency_ms=20.0, latency_ms_low=19.0, latency_ms_high=25.0),
        row("fast", memory_mib=1843.2, top1=80.0),
    ]
    found = answer(rows, max_memory_gib=1, min_fps=50)
    assert [miss.model for miss in found.nearest] == ["near", "fast", "far"]
    near = found.nearest[0]
    # The interval of near straddles 20 ms, so it needs a limit of 40 images/s.
    assert [(give.limit, give.needed, give.fits) for give in near.gives] == [
        ("max_memory_gib", 1.5, "no"),
        ("min_fps", 40.0, "cannot_tell"),
    ]
    # Relaxing the memory alone leaves near inconclusive, and fast needs a smaller change than far.
    (binding,) = found.binding
    assert (binding.limit, binding.miss.model) == ("max_memory_gib", "fast")


def test_no_limit_is_binding_if_two_exclude_each_better_network() -> None:
    slow = {"latency_ms": 100.0, "latency_ms_low": 99.0, "latency_ms_high": 101.0}
    rows = [row("a", top1=60.0), row("b", top1=90.0, memory_mib=4096.0, **slow)]
    found = answer(rows, max_memory_gib=1, min_fps=50)
    assert (found.best, found.better, found.binding) == ("a", 1, [])


# Inconclusive networks -----------------------------------------------------------------------


def test_the_best_that_certainly_fits_comes_before_better_ones_that_are_inconclusive() -> None:
    straddling = {"latency_ms_low": 9.0, "latency_ms_high": 11.5}
    rows = [
        row("certain", top1=70.0, latency_ms=9.0, latency_ms_low=8.9, latency_ms_high=9.1),
        row("worse", top1=60.0, **straddling),
        row("better", top1=80.0, **straddling),
        row("best", top1=90.0, **straddling),
    ]
    found = answer(rows, min_fps=100)
    assert (found.best, [entry.model for entry in found.entries]) == ("certain", ["certain"])
    assert [entry.model for entry in found.inconclusive] == ["best", "better"]
    assert (found.fit, found.cannot_tell, found.might_be_better) == (1, 3, 2)


@pytest.mark.parametrize("low", [1.0, 4.9])
def test_an_interval_wider_than_a_factor_of_two_never_shows_that_a_limit_is_met(low: float) -> None:
    wide = row("wide", top1=80.0, latency_ms=6.0, latency_ms_low=low, latency_ms_high=9.9)
    found = answer([wide, row("certain", latency_ms_high=9.9)], min_fps=100)
    assert found.best == "certain"
    (entry,) = found.inconclusive
    assert (entry.model, entry.settled_by) == ("wide", "again")
    # No limit would make it fit for certain, but it can be excluded.
    assert answer([wide], min_fps=2000).nearest == []
    narrow = row("narrow", top1=80.0, latency_ms=6.0, latency_ms_low=5.0, latency_ms_high=9.9)
    assert answer([narrow, row("certain")], min_fps=100).best == "narrow"


@pytest.mark.parametrize(
    ("changes", "limits", "settled_by", "rounds"),
    [
        # Half-width 10%, limit at 5% from the center: four times as many rounds.
        ({"latency_ms_low": 10 / 1.1, "latency_ms_high": 11.0}, 1000 / 10 / 1.1**0.5, "rounds", 15),
        ({"latency_ms_low": 9.9, "latency_ms_high": 10.1}, 1000 / 10.0999, "rounds", 1),
        ({"latency_ms_low": 9.0, "latency_ms_high": 10 / 0.9}, 100.0, "too_close", None),
        ({"stability": "disturbed"}, 99.0, "again", None),
        ({"latency_ms_low": None, "latency_ms_high": None}, 99.0, "two_rounds", None),
        ({"source": "published"}, 100.0, "measurement", None),
        ({"source": "predicted"}, 98.0, "measurement", None),
    ],
)
def test_an_inconclusive_network_has_what_would_settle_it(
    changes: dict[str, object], limits: float, settled_by: str, rounds: int | None
) -> None:
    (entry,) = answer([row("a", rounds=5, **changes)], min_fps=limits).inconclusive
    assert (entry.settled_by, entry.more_rounds) == (settled_by, rounds)


# Ties ----------------------------------------------------------------------------------------


def groups(rows: Sequence[StudyRow], *tests: ComparisonRow, **accuracy: Any) -> list[int]:
    models = by_key(*(model_row(own.model, **accuracy.get(own.model, {})) for own in rows))
    found = pick(rows, models, DEVICE, {}, top=99, comparisons=tests)
    return [entry.tie_group for entry in found.entries]


def test_published_numbers_are_tied_if_their_roundings_overlap() -> None:
    printed = [row("a", top1=70.02), row("b", top1=70.01), row("c", top1=70.01)]
    assert groups(printed) == [1, 2, 2]
    figure = "published:figure"
    read_off = [row("a", top1=70.05, accuracy_source=figure), row("b"), row("c", top1=69.98)]
    # 70.05 +- 0.03 excludes 70.00, but 70.03 +- 0.03 would not.
    assert groups(read_off) == [1, 2, 3]
    assert groups([row("a", top1=70.03, accuracy_source=figure), row("b")]) == [1, 1]


def test_measured_numbers_are_tied_unless_the_paired_test_separates_them() -> None:
    measured = "measured:imagenet"
    rows = [
        row(key, top1=top1, accuracy_source=measured)
        for key, top1 in zip("abc", (71.0, 70.5, 70.0), strict=True)
    ]
    tests = [comparison("b", "a", 0.2), comparison("b", "c", 0.3), comparison("a", "c", 0.01)]
    # b is tied with both, but a only with b, so c starts a new group.
    assert groups(rows, *tests) == [1, 1, 2]
    # A test on other images does not apply to this accuracy.
    elsewhere = [comparison("a", "b", 0.2, dataset="imagenette")]
    assert groups(rows, *elsewhere) == [1, 2, 3]


def test_without_a_test_measured_numbers_are_tied_if_intervals_overlap() -> None:
    rows = [row("a", top1=71.0, accuracy_source="measured:imagenet"), row("b", top1=70.5)]
    wide = {"top1_source": "measured:imagenet", "top1_low": 70.4, "top1_high": 71.6}
    assert groups(rows, a=wide) == [1, 1]
    assert groups(rows, a=wide | {"top1_low": 70.6}) == [1, 2]


def test_a_limit_is_not_binding_for_a_network_tied_with_the_best() -> None:
    figure = {"accuracy_source": "published:figure"}
    rows = [row("a", **figure), row("b", top1=70.03, memory_mib=2048.0, **figure)]
    assert answer(rows, max_memory_gib=1).binding == []
    rows[1] = row("b", top1=70.07, memory_mib=2048.0, **figure)
    (binding,) = answer(rows, max_memory_gib=1).binding
    assert binding.miss.model == "b"


# The published study -------------------------------------------------------------------------


def test_the_published_study_alone_reproduces_table_3() -> None:
    rows = published.study_rows(published.read(studies.ROOT / "published" / "bianco2018"))
    models = by_key(*studies.tables()[1])
    table_3 = published.read_best(studies.ROOT / "published" / "bianco2018")
    assert len(table_3) == 79
    cells = {(entry.device, entry.max_memory_gb, entry.min_fps) for entry in table_3}
    for device, gib, fps in cells:
        found = pick(rows, models, device, {"max_memory_gib": gib, "min_fps": fps})
        listed = [
            entry.model
            for entry in table_3
            if (entry.device, entry.max_memory_gb, entry.min_fps) == (device, gib, fps)
        ]
        # One of them is inconclusive: its memory was printed as 1.00 GB.
        certain = [model for model in listed if (gib, model) != (1.0, "se_resnext50_32x4d")]
        assert [entry.model for entry in found.entries][: len(certain)] == certain


def test_the_networks_with_80_28_percent_are_one_group_of_ties() -> None:
    rows = published.study_rows(published.read(studies.ROOT / "published" / "bianco2018"))
    found = pick(rows, by_key(*studies.tables()[1]), published_study.TITAN, {}, top=99)
    same = [entry for entry in found.entries if entry.top1 == 80.28]
    assert len(same) > 1
    assert len({entry.tie_group for entry in same}) == 1


# Variants ------------------------------------------------------------------------------------


def quantized(model: str, top1: float, change: float, half: float, **changes: object) -> StudyRow:
    ends = {"top1_change_low": change - half, "top1_change_high": change + half}
    source = {"accuracy_source": "published+measured:folder"}
    interval = {"top1_low": top1 - 1, "top1_high": top1 + 1}
    fields = {"variant": "int8-onnxruntime", "top1": top1, "top1_change": change}
    return row(model, **fields, **ends, **source, **interval, **changes)


def time(ms: float) -> dict[str, float]:
    return {"latency_ms": ms, "latency_ms_low": 0.99 * ms, "latency_ms_high": 1.01 * ms}


def test_the_answer_names_the_fastest_variant_of_the_most_accurate_network() -> None:
    rows = [
        row("a", top1=76.0, **time(40)),
        row("a", top1=76.0, top1_change=0.0, variant="fp32-onnxruntime", **time(20)),
        quantized("a", 75.5, -0.5, 0.3, **time(10)),
        row("b", top1=70.0, **time(5)),
    ]
    found = answer(rows)
    listed = [(entry.model, entry.variant) for entry in found.entries]
    assert listed == [
        ("a", "fp32-onnxruntime"),
        ("a", "int8-onnxruntime"),
        ("b", "fp32-eager"),
    ]
    assert (found.best, found.best_variant) == ("a", "fp32-onnxruntime")
    assert (found.networks, found.configurations, found.fit) == (2, 4, 4)
    first, second, _ = found.entries
    assert (first.next_model, first.next_variant) == ("a", "int8-onnxruntime")
    # The paired difference shows that they differ, although the intervals of top-1 overlap.
    assert first.tie_group != second.tie_group


def test_a_limit_leaves_the_variants_that_meet_it() -> None:
    rows = [
        row("a", top1=76.0, **time(40)),
        quantized("a", 75.5, -0.5, 0.3, **time(10)),
        row("b", top1=70.0, **time(12)),
    ]
    found = answer(rows, min_fps=50)
    assert [(entry.model, entry.variant) for entry in found.entries] == [
        ("a", "int8-onnxruntime"),
        ("b", "fp32-eager"),
    ]
    (binding,) = found.binding
    assert (binding.miss.model, binding.miss.variant) == ("a", "fp32-eager")


def test_variants_of_a_network_are_tied_unless_their_difference_is_certain() -> None:
    rows = [row("a", top1=76.0, **time(40)), quantized("a", 75.9, -0.1, 0.3, **time(10))]
    assert len({entry.tie_group for entry in answer(rows).entries}) == 1


def test_a_variant_of_unknown_accuracy_is_not_ranked_and_says_so() -> None:
    rows = [row("a"), row("a", variant="bf16-eager", top1=None, accuracy_source=None)]
    found = answer(rows)
    assert [entry.variant for entry in found.entries] == ["fp32-eager"]
    assert [(one.variant, one.reason) for one in found.left_out] == [
        ("bf16-eager", "accuracy unknown until it is measured on images")
    ]


def test_latencies_of_two_variants_are_compared_as_independent_estimates() -> None:
    # Within one variant, what both share in a session cancels.
    fields = {"session": "s", "latency_df": 4.0, "latency_within_se": 0.001}
    fields |= {"latency_within_df": 4.0}
    near = {"latency_ms": 9.8, "latency_ms_low": 9.3, "latency_ms_high": 10.3}
    same = [row("a", top1=76.0, **fields), row("b", **fields, **near)]
    apart = [same[0], row("b", **fields, **near, variant="fp32-onnxruntime")]
    assert answer(same).entries[0].next_time == "equivalent"
    assert answer(apart).entries[0].next_time == "inconclusive"


def test_an_allocator_is_named_with_the_environment_that_chooses_it() -> None:
    rows = [row("a", variant="fp32-eager-kept", top1_change=0.0), row("b", top1=60.0)]
    kept, plain = answer(rows).entries
    assert kept.environment == "MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=-1"
    assert plain.environment is None
    assert wording.environments([kept, plain]) == [
        "For fp32-eager-kept, set in the environment: " + kept.environment
    ]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("published:table3", "tied_rounding"),
        ("published+measured:folder", "tied"),
        ("measured:imagenet", "tied"),
    ],
)
def test_only_published_numbers_are_tied_by_rounding(source: str, said: str) -> None:
    rows = [row(name, top1=70.0, accuracy_source=source) for name in ("a", "b")]
    assert wording.tied(answer(rows).entries) == wording.text(said)


def test_a_number_of_threads_leaves_the_rows_with_it() -> None:
    rows = [
        row("a", threads=2),
        row("a", variant="fp32-eager-threads1", threads=1, top1_change=0.0, **time(5)),
    ]
    models = by_key(model_row("a"))
    for threads, best in ((None, "fp32-eager-threads1"), (2, "fp32-eager")):
        assert pick(rows, models, DEVICE, {}, threads=threads).best_variant == best


def test_the_answer_names_a_batch_size_at_which_a_better_network_fits() -> None:
    # Latency per image by batch size. At batch size 4, the better network is too slow as well.
    times = {("small", 60.0): {1: 10.0, 4: 9.0, 8: 8.0}, ("large", 80.0): {1: 40.0, 4: 35, 8: 15}}
    rows = [
        row(model, batch_size=size, top1=top1, **exactly(time))
        for (model, top1), by_size in times.items()
        for size, time in by_size.items()
    ]
    models = by_key(model_row("small"), model_row("large"))
    answer = pick(rows, models, DEVICE, {"min_fps": 50.0})
    (other,) = answer.other_batch_sizes
    assert (answer.best, other.batch_size, other.model, other.top1) == ("small", 8, "large", 80.0)
    said = "At batch size 8, LARGE would fit (80.00% top-1)."
    assert wording.better_batch_sizes(answer, {"large": "LARGE"}) == [said]
    # A deadline is for the whole batch.
    assert not pick(rows, models, DEVICE, {"deadline_ms": 50.0}).other_batch_sizes
    # The other way round: at batch size 8, nothing fits.
    answer = pick(rows, models, DEVICE, {"deadline_ms": 39.0}, 8)
    assert (answer.best, [one.batch_size for one in answer.other_batch_sizes]) == (None, [1, 4])


def exactly(time: float) -> dict[str, float]:
    return {"latency_ms": time, "latency_ms_low": 0.99 * time, "latency_ms_high": 1.01 * time}
