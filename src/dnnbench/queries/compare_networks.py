"""Comparison of two networks on one device, number by number.

*Variants*: unless a variant is given, each network is compared in its fastest variant that gives
the answers of fp32-eager, at each batch size.

*Latency*: the ratio within rounds. A round measures both networks on the same machine within
minutes, so anything that slows the whole round (a neighbor, the clock) cancels. The ratios give a
value and a 95% interval in the same way as process medians
(:func:`dnnbench.stats.intervals.interval`). Only rounds of the same session are paired. With fewer
than two pairs, the ratio has no interval.

*Memory*: measured readings repeat within ``bounds.MEMORY_REPEATS_MIB``; closer ones are equivalent.

*Accuracy*: see :mod:`dnnbench.queries.accuracy_ties`.

Published numbers have their rounding as bounds, which does not cover how they would vary.

Two latencies are equivalent if they are shown to differ by no more than a margin
(:mod:`dnnbench.stats.equivalence`). Exact counts are equal or differ. Otherwise, if the interval
includes "no difference" or is unknown, the verdict is ``inconclusive``.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

from dnnbench.core.formatting import several
from dnnbench.queries import bounds, wording
from dnnbench.queries.bounds import MEMORY_REPEATS_MIB, Bounds
from dnnbench.records import labels
from dnnbench.records.base import REFERENCE, Record
from dnnbench.records.comparison_records import ComparisonRow
from dnnbench.records.study_records import ModelRow, StudyRow
from dnnbench.stats import equivalence, intervals
from dnnbench.tables.cell_lines import Timings

Verdict = Literal["a", "b", "equal", "equivalent", "inconclusive"]
Quantity = Literal["time", "memory", "top1", "params", "macs"]

_ROUNDED = "the range accounts only for the rounding of the published values"
_INTERVALS = "the range combines the confidence intervals of both"


class Comparison(Record):
    """One quantity of two networks, ``a`` and ``b``, and their difference.

    Latency and memory have one row per batch size.
    """

    quantity: Quantity
    """``time`` (latency, ms per image), ``memory`` (MiB), ``top1`` (percent), ``params``, or
    ``macs`` (multiply-adds)."""
    batch_size: int | None
    """Images per forward pass; empty if the quantity does not depend on it."""
    variant_a: str | None
    """Variant of the first network; empty if the quantity does not depend on it."""
    variant_b: str | None
    """Variant of the second network."""
    a: float | None
    """Number of the first network."""
    b: float | None
    """Number of the second network."""
    difference: float | None
    """a / b for ``time``, and a - b for the others."""
    low: float | None
    """Lower end of the interval of ``difference``."""
    high: float | None
    """Upper end of that interval."""
    verdict: Verdict
    """The better of the two (faster, smaller, or more accurate): ``a`` or ``b``; ``equal``;
    ``equivalent`` within a margin; or ``inconclusive``."""
    basis: str
    """How the difference and its interval were obtained."""


def compare(
    rows: Iterable[StudyRow],
    models: Mapping[str, ModelRow],
    timings: Callable[[str], Timings],
    pair: tuple[str, str],
    comparisons: Iterable[ComparisonRow] = (),
    margin: float = equivalence.MARGIN,
    variant: str | None = None,
) -> list[Comparison]:
    """Compare ``pair`` on the device that the rows and timings belong to.

    ``timings`` returns those of a variant. ``variant`` is that of both networks; None: see above.
    Differences in latency up to ``margin``, a share, do not matter.

    Return latency and memory at every batch size for which both have a row, then accuracy, then
    parameters and multiply-adds. ``models`` (by key) and ``comparisons`` are those of
    ``best_fit.pick``.
    """
    cells = [_cells([row for row in rows if row.model == model], variant) for model in pair]
    both = [(cells[0][size], cells[1][size]) for size in sorted(cells[0].keys() & cells[1].keys())]
    found = [_time(a, b, timings, margin) for a, b in both] + [_memory(a, b) for a, b in both]
    paired = [
        _paired_top1(row, pair, models)
        for row in comparisons
        if {row.model_a, row.model_b} == {*pair}
    ]
    # A paired test supersedes the intervals of the same two accuracies.
    if both and not any((c.a, c.b) == (both[0][0].top1, both[0][1].top1) for c in paired):
        found.append(_top1(*both[0], models))
    found += paired
    if pair[0] in models and pair[1] in models:
        found += _costs(models[pair[0]], models[pair[1]])
    return found


def _cells(rows: Iterable[StudyRow], variant: str | None) -> dict[int, StudyRow]:
    """Return the cell of a network to compare, by batch size."""
    by_size: dict[int, list[StudyRow]] = {}
    for row in rows:
        if variant in (None, row.variant):
            by_size.setdefault(row.batch_size, []).append(row)
    return {size: min(found, key=_preference) for size, found in by_size.items()}


def _preference(row: StudyRow) -> tuple[bool, bool, float, bool]:
    """Return a key that is least for the cell to compare."""
    changes = row.variant != REFERENCE and row.top1_change != 0
    changes = changes or row.top1_change_low is not None
    time = bounds.latency_ms(row)
    return time is None, changes, time.value if time else 0.0, row.variant != REFERENCE


def _time(a: StudyRow, b: StudyRow, timings: Callable[[str], Timings], margin: float) -> Comparison:
    values = a.latency_ms, b.latency_ms
    one, other = bounds.latency_ms(a), bounds.latency_ms(b)
    if one is None or other is None:
        return _unknown("time", (a, b), values, _status(a.status, b.status))
    if "predicted" in (a.source, b.source):
        ratio = one.value / other.value
        return _unknown("time", (a, b), values, "predicted, not compared", ratio)
    if "published" in (a.source, b.source):
        change = Bounds(one.value / other.value, one.low / other.high, one.high / other.low)
        return _bounded("time", (a, b), values, change, 1, _ROUNDED, "inconclusive")
    rounds_a, rounds_b = timings(a.variant).medians(a), timings(b.variant).medians(b)
    ratios = [rounds_a[key] / rounds_b[key] for key in rounds_a if key in rounds_b]
    if not ratios:
        basis = "not measured in the same rounds of one session"
        return _unknown("time", (a, b), values, basis, one.value / other.value)
    found = intervals.interval(ratios)
    rounds = len(ratios)
    if found.low is None or found.high is None:
        basis = f"no interval from {several(rounds, 'round')} of one session"
        return _unknown("time", (a, b), values, basis, found.value)
    change = Bounds(found.value, found.low, found.high)
    basis = (
        f"both networks were timed in each of {rounds} rounds of one session; A vs. B is the"
        f" median of the {rounds} ratios with its 95% confidence interval, and can differ from"
        " column A divided by column B"
    )
    compared = _bounded("time", (a, b), values, change, 1, basis, "inconclusive")
    if equivalence.within(found, margin):
        return compared.model_copy(update={"verdict": "equivalent"})
    return compared


def _memory(a: StudyRow, b: StudyRow) -> Comparison:
    values = a.memory_mib, b.memory_mib
    one, other = bounds.memory_mib(a), bounds.memory_mib(b)
    if one is None or other is None:
        return _unknown("memory", (a, b), values, _status(a.memory_status, b.memory_status))
    if a.memory_basis != b.memory_basis:
        bases = " and ".join(labels.memory_basis(row.memory_basis) for row in (a, b))
        basis = f"not comparable: {bases}"
        return _unknown("memory", (a, b), values, basis)
    difference = _minus(one, other)
    alike: Verdict = "inconclusive"
    basis = f"{labels.memory_basis(a.memory_basis)}; {_ROUNDED}"
    if a.source == "measured":
        value, alike = difference.value, "equivalent"
        difference = Bounds(value, value - MEMORY_REPEATS_MIB, value + MEMORY_REPEATS_MIB)
        basis = (
            f"{labels.memory_basis(a.memory_basis)};"
            f" repeated readings differ by at most {MEMORY_REPEATS_MIB:g} MiB"
        )
    return _bounded("memory", (a, b), values, difference, 0, basis, alike)


def _top1(a: StudyRow, b: StudyRow, models: Mapping[str, ModelRow]) -> Comparison:
    one, other = bounds.top1(a, models.get(a.model)), bounds.top1(b, models.get(b.model))
    if one is None or other is None:
        return _unknown("top1", None, (a.top1, b.top1), "accuracy unknown")
    sources = [labels.accuracy_source(row.accuracy_source) for row in (a, b)]
    basis = " and ".join(dict.fromkeys(sources))
    if not (one.certain and other.certain):
        return _unknown("top1", None, (a.top1, b.top1), basis, one.value - other.value)
    rounded = "rounding" in (one.kind, other.kind)
    basis += f"; {_ROUNDED if rounded else _INTERVALS}"
    values = a.top1, b.top1
    return _bounded("top1", None, values, _minus(one, other), 0, basis, "inconclusive")


def _paired_top1(
    row: ComparisonRow, pair: tuple[str, str], models: Mapping[str, ModelRow]
) -> Comparison:
    """Return the test of results/comparisons.csv, corrected for the number of pairs."""
    low, high, difference = row.low, row.high, row.top1_diff
    if row.model_a != pair[0]:
        low, high, difference = -high, -low, -difference
    better: Verdict = "a" if difference > 0 else "b"
    return Comparison(
        quantity="top1",
        **_place(None),
        a=models[pair[0]].top1_measured if pair[0] in models else None,
        b=models[pair[1]].top1_measured if pair[1] in models else None,
        difference=difference,
        low=low,
        high=high,
        verdict=better if row.separates else "inconclusive",
        basis=f"paired test on {row.n:,} images of {row.dataset}, protocol {row.protocol};"
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
    basis = "exact counts for one forward pass"
    return _bounded(quantity, None, (a, b), bounds.exact(a - b), 0, basis, "equal")


def _bounded(
    quantity: Quantity,
    cells: tuple[StudyRow, StudyRow] | None,
    values: tuple[float | None, float | None],
    difference: Bounds,
    same: float,
    basis: str,
    alike: Verdict,
) -> Comparison:
    """Return a difference with bounds.

    ``cells`` are those of both networks, for a quantity that depends on them. ``same`` is the
    difference between equals, and ``alike`` the verdict if the bounds include it.
    """
    a_better = (difference.value > same) == (quantity == "top1")
    overlap = difference.overlaps(bounds.exact(same))
    return Comparison(
        quantity=quantity,
        **_place(cells),
        a=values[0],
        b=values[1],
        difference=difference.value,
        low=difference.low,
        high=difference.high,
        verdict=alike if overlap else "a" if a_better else "b",
        basis=basis,
    )


def _unknown(
    quantity: Quantity,
    cells: tuple[StudyRow, StudyRow] | None,
    values: tuple[float | None, float | None],
    basis: str,
    difference: float | None = None,
) -> Comparison:
    return Comparison(
        quantity=quantity,
        **_place(cells),
        a=values[0],
        b=values[1],
        difference=difference,
        low=None,
        high=None,
        verdict="inconclusive",
        basis=basis,
    )


def _place(cells: tuple[StudyRow, StudyRow] | None) -> dict[str, Any]:
    """Return the batch size and the variants that a quantity depends on, if it does."""
    if cells is None:
        return {"batch_size": None, "variant_a": None, "variant_b": None}
    a, b = cells
    return {"batch_size": a.batch_size, "variant_a": a.variant, "variant_b": b.variant}


def _minus(a: Bounds, b: Bounds) -> Bounds:
    return Bounds(a.value - b.value, a.low - b.high, a.high - b.low)


def _status(a: str, b: str) -> str:
    failed = dict.fromkeys(wording.reason(status) for status in (a, b) if status != "ok")
    return " and ".join(failed)
