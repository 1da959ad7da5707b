"""Two networks on one device: what each number says, and whether it tells them apart.

*Time*: the ratio within rounds. A round times both networks on the same machine within minutes of
each other, so what slows a whole round (a neighbour, the clock) cancels. The ratios of the rounds
make a value and a 95 % interval as process medians do (:func:`dnnbench.stats.intervals.interval`).
Only rounds of one session pair; with fewer than two pairs there is a ratio without an interval.

*Memory*: measured readings repeat within ``bounds.MEMORY_REPEATS_MIB``. *Accuracy*: as in
:mod:`dnnbench.queries.accuracy_ties`. Published numbers lie within their rounding, which says
nothing of how they would vary.

A difference that its interval does not bear is a ``tie``; without an interval it is
``cannot_tell``.
"""

from collections.abc import Iterable, Mapping
from typing import Literal

from dnnbench.config.variants import REFERENCE
from dnnbench.queries import bounds
from dnnbench.queries.bounds import MEMORY_REPEATS_MIB, Bounds
from dnnbench.records.base import Record
from dnnbench.records.comparison_records import ComparisonRow
from dnnbench.records.study_records import ModelRow, StudyRow
from dnnbench.stats import intervals
from dnnbench.tables.cell_lines import Timings

Verdict = Literal["a", "b", "tie", "cannot_tell"]
Quantity = Literal["time", "memory", "top1", "params", "macs"]


class Comparison(Record):
    """One number of two networks, ``a`` and ``b``, and how they differ.

    ``difference`` is a / b for ``time`` (ms an image), else a - b: MiB, percentage points, counts.
    ``verdict``: which of the two is better (faster, smaller, more accurate). ``basis`` says in
    words what the difference and its interval rest on.
    """

    quantity: Quantity
    batch_size: int | None
    a: float | None
    b: float | None
    difference: float | None
    low: float | None
    high: float | None
    verdict: Verdict
    basis: str


def compare(
    rows: Iterable[StudyRow],
    models: Mapping[str, ModelRow],
    timings: Timings,
    pair: tuple[str, str],
    comparisons: Iterable[ComparisonRow] = (),
) -> list[Comparison]:
    """What tells ``pair`` apart on the device whose rows and timings are given.

    Time and memory at every batch size that both have a row for, then accuracy, then what the
    architectures cost. ``models`` (by key) and ``comparisons``: as for ``best_fit.pick``.
    """
    cells = [
        {row.batch_size: row for row in rows if row.model == model and row.variant == REFERENCE}
        for model in pair
    ]
    both = [(cells[0][size], cells[1][size]) for size in sorted(cells[0].keys() & cells[1].keys())]
    found = [_time(a, b, timings) for a, b in both] + [_memory(a, b) for a, b in both]
    paired = [
        _paired_top1(row, pair, models)
        for row in comparisons
        if {row.model_a, row.model_b} == {*pair}
    ]
    # A paired test of the accuracy that both are ranked by says all that is known of it.
    if both and not any((c.a, c.b) == (both[0][0].top1, both[0][1].top1) for c in paired):
        found.append(_top1(*both[0], models))
    found += paired
    if pair[0] in models and pair[1] in models:
        found += _costs(models[pair[0]], models[pair[1]])
    return found


def _time(a: StudyRow, b: StudyRow, timings: Timings) -> Comparison:
    values = a.latency_ms, b.latency_ms
    one, other = bounds.latency_ms(a), bounds.latency_ms(b)
    if one is None or other is None:
        return _unknown("time", a.batch_size, values, _status(a.status, b.status))
    if "predicted" in (a.source, b.source):
        return _unknown("time", a.batch_size, values, "predicted", one.value / other.value)
    if "published" in (a.source, b.source):
        ratio = Bounds(one.value / other.value, one.low / other.high, one.high / other.low)
        return _told("time", a.batch_size, values, ratio, 1, "rounding of the published times")
    rounds_a, rounds_b = timings.medians(a), timings.medians(b)
    ratios = [rounds_a[key] / rounds_b[key] for key in rounds_a if key in rounds_b]
    if not ratios:
        basis = "not timed in the same rounds of one session"
        return _unknown("time", a.batch_size, values, basis, one.value / other.value)
    found = intervals.interval(ratios)
    rounds = f"{len(ratios)} round{'s' if len(ratios) > 1 else ''} of one session"
    if found.low is None or found.high is None:
        return _unknown("time", a.batch_size, values, rounds, found.value)
    ratio = Bounds(found.value, found.low, found.high)
    return _told("time", a.batch_size, values, ratio, 1, f"ratio within {rounds}")


def _memory(a: StudyRow, b: StudyRow) -> Comparison:
    values = a.memory_mib, b.memory_mib
    one, other = bounds.memory_mib(a), bounds.memory_mib(b)
    if one is None or other is None:
        return _unknown("memory", a.batch_size, values, _status(a.memory_status, b.memory_status))
    if a.memory_basis != b.memory_basis:
        basis = f"not comparable: {a.memory_basis} and {b.memory_basis}"
        return _unknown("memory", a.batch_size, values, basis)
    difference = _minus(one, other)
    basis = f"{a.memory_basis}; rounding of the published values"
    if a.source == "measured":
        value = difference.value
        difference = Bounds(value, value - MEMORY_REPEATS_MIB, value + MEMORY_REPEATS_MIB)
        basis = f"{a.memory_basis}; readings repeat within {MEMORY_REPEATS_MIB:g} MiB"
    return _told("memory", a.batch_size, values, difference, 0, basis)


def _top1(a: StudyRow, b: StudyRow, models: Mapping[str, ModelRow]) -> Comparison:
    one, other = bounds.top1(a, models.get(a.model)), bounds.top1(b, models.get(b.model))
    if one is None or other is None:
        return _unknown("top1", None, (a.top1, b.top1), "accuracy not known")
    basis = " and ".join(dict.fromkeys(str(row.accuracy_source) for row in (a, b)))
    if not (one.certain and other.certain):
        return _unknown("top1", None, (a.top1, b.top1), basis, one.value - other.value)
    published = basis.startswith("published")
    basis += "; rounding of each, sampling not known" if published else "; interval of each"
    return _told("top1", None, (a.top1, b.top1), _minus(one, other), 0, basis)


def _paired_top1(
    row: ComparisonRow, pair: tuple[str, str], models: Mapping[str, ModelRow]
) -> Comparison:
    """The test of results/comparisons.csv; its verdict is corrected for the number of pairs."""
    low, high, difference = row.low, row.high, row.top1_diff
    if row.model_a != pair[0]:
        low, high, difference = -high, -low, -difference
    better: Verdict = "a" if difference > 0 else "b"
    return Comparison(
        quantity="top1",
        batch_size=None,
        a=models[pair[0]].top1_measured if pair[0] in models else None,
        b=models[pair[1]].top1_measured if pair[1] in models else None,
        difference=difference,
        low=low,
        high=high,
        verdict=better if row.separates else "tie",
        basis=f"paired on {row.n:,} images of {row.dataset}, protocol {row.protocol};"
        f" corrected p {row.holm_p:.2g}",
    )


def _costs(a: ModelRow, b: ModelRow) -> list[Comparison]:
    return [
        _counted("params", a.params_executed, b.params_executed),
        _counted("macs", a.macs, b.macs),
    ]


def _counted(quantity: Quantity, a: int | None, b: int | None) -> Comparison:
    if a is None or b is None:
        return _unknown(quantity, None, (a, b), "not counted")
    return _told(quantity, None, (a, b), bounds.exact(a - b), 0, "counted: exact")


def _told(
    quantity: Quantity,
    batch_size: int | None,
    values: tuple[float | None, float | None],
    difference: Bounds,
    same: float,
    basis: str,
) -> Comparison:
    """A difference with bounds; ``same`` is what it is between equals."""
    a_better = (difference.value > same) == (quantity == "top1")
    tied = difference.overlaps(bounds.exact(same))
    return Comparison(
        quantity=quantity,
        batch_size=batch_size,
        a=values[0],
        b=values[1],
        difference=difference.value,
        low=difference.low,
        high=difference.high,
        verdict="tie" if tied else "a" if a_better else "b",
        basis=basis,
    )


def _unknown(
    quantity: Quantity,
    batch_size: int | None,
    values: tuple[float | None, float | None],
    basis: str,
    difference: float | None = None,
) -> Comparison:
    return Comparison(
        quantity=quantity,
        batch_size=batch_size,
        a=values[0],
        b=values[1],
        difference=difference,
        low=None,
        high=None,
        verdict="cannot_tell",
        basis=basis,
    )


def _minus(a: Bounds, b: Bounds) -> Bounds:
    return Bounds(a.value - b.value, a.low - b.high, a.high - b.low)


def _status(a: str, b: str) -> str:
    return " and ".join(dict.fromkeys(status for status in (a, b) if status != "ok"))
