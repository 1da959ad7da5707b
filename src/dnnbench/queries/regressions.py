"""Regressions from one run to another, for a gate in continuous integration.

A gate fails if a cell exceeds a limit, such as 5% slower, so it must rarely fail by chance.

*Slower*: one-sided t tests of "the ratio exceeds 1 + limit". Holm's method corrects their p values
for the number of tests, so that the chance of any false alarm in a comparison is at most 5%.
Sessions on one machine differ in ways that their intervals do not cover. A gate therefore separates
two kinds of change:

- *One cell against the others.* The limit applies to the ratio relative to the change that all
  cells have in common (the median, see :func:`changes.common_change`), so the variance that cells
  of a session share does not count. If they have become faster,
  the ratio itself has to exceed 1 as well: a cell that took as long as before is not slower.
- *All cells.* The common change itself is a test. It has to exceed the limit in addition to the
  change of the reference kernels, and its standard error includes ``SESSION_SPREAD`` per session.

With fewer than ``changes.MIN_CELLS`` cells, the common change is unknown. Each cell is then tested
as "all cells" is. A cell passes if the same test without ``SESSION_SPREAD`` shows, at 5%, that its
ratio is below 1 + limit. Otherwise it is inconclusive.

*Memory*: readings repeat within ``bounds.MEMORY_REPEATS_MIB``, so a cell is a regression if it
exceeds the limit by more than that.

A cell that was measured before and now fails is a regression of each metric.
"""

from collections.abc import Mapping
from math import sqrt
from typing import Literal

from dnnbench.core.formatting import STATUS_WORDS, significant, span
from dnnbench.queries.bounds import MEMORY_REPEATS_MIB
from dnnbench.queries.changes import Cell, CellChange, DeviceChange, RunComparison
from dnnbench.records.base import BatchSize, DeviceName, ModelName, Positive, Record, Status
from dnnbench.stats import equivalence
from dnnbench.stats.intervals import Estimate
from dnnbench.stats.proportions import holm

# Standard deviation of the change that the cells of a session have in common. Two recorded sessions
# differ by 4% in the median, so by 3% each.
SESSION_SPREAD = 0.03
# Chance of any false alarm in a comparison.
LEVEL = 0.05
_FAILED: tuple[Status, ...] = ("oom", "timeout", "failed")

Metric = Literal["slower", "memory"]
Outcome = Literal["regression", "inconclusive", "pass", "new"]
METRICS: tuple[Metric, ...] = ("slower", "memory")
_ORDER: tuple[Outcome, ...] = ("regression", "inconclusive", "pass", "new")


class Check(Record):
    """One metric of one cell, or of all cells of a device, and whether it exceeds its limit.

    ``variant``, ``model`` and ``batch_size`` are ``None`` for all cells. ``before`` and ``after``
    are in ms per image or MiB. ``limit`` is a share. ``p`` is corrected for the number of tests. A
    ``new`` cell was not measured before.
    """

    device: DeviceName
    variant: str | None
    model: ModelName | None
    batch_size: BatchSize | None
    metric: Metric
    limit: float
    before: float | None = None
    after: float | None = None
    ratio: Positive | None = None
    low: Positive | None = None
    high: Positive | None = None
    p: float | None = None
    outcome: Outcome
    reason: str


class Gate(Record):
    """The outcome of a comparison, and its checks: regressions first, the slowest first."""

    limits: dict[Metric, float]
    outcome: Literal["regression", "inconclusive", "pass"]
    checks: list[Check]

    def count(self, outcome: Outcome) -> int:
        """Return the number of checks with an outcome."""
        return sum(check.outcome == outcome for check in self.checks)


def judge(found: RunComparison, limits: Mapping[Metric, float]) -> Gate:
    """Return the outcome for limits such as ``{"slower": 0.05}``; at least one is needed."""
    checks = _slower(found, limits["slower"]) if "slower" in limits else []
    checks += _memory(found, limits["memory"]) if "memory" in limits else []
    checks.sort(key=lambda check: (_ORDER.index(check.outcome), -(check.ratio or 0)))
    outcomes = {check.outcome for check in checks}
    if "regression" in outcomes:
        outcome: Literal["regression", "inconclusive", "pass"] = "regression"
    else:
        outcome = "inconclusive" if "inconclusive" in outcomes or not outcomes else "pass"
    return Gate(limits=dict(limits), outcome=outcome, checks=checks)


# Latency -------------------------------------------------------------------------------------


def _slower(found: RunComparison, limit: float) -> list[Check]:
    tests: list[tuple[Check, float | None]] = []
    for device in found.devices:
        cells = [cell for cell in found.cells if cell.device == device.device]
        tests += [_cell_test(cell, device, limit) for cell in cells]
        if device.common is not None and device.common_se is not None:
            tests.append(_common_test(device, device.common, device.common_se, len(cells), limit))
    known = [p for _, p in tests if p is not None]
    corrected = iter(holm(known) if known else ())
    checks = [_decided(check, None if p is None else next(corrected)) for check, p in tests]
    checks += [
        _check(cell, "slower", limit, "pass", "the same measurement in both runs")
        for cell in found.repeated
    ]
    for change in found.statuses:
        if told := _status(change.before, change.after):
            checks.append(_check(change, "slower", limit, *told))
    return checks


def _cell_test(cell: CellChange, device: DeviceChange, limit: float) -> tuple[Check, float | None]:
    """Return a cell's check as if its test did not fail, and the p value of that test."""
    ratio, reason = cell.estimate, _ratio(cell.estimate)
    if device.common is None:
        bar, machine = 1 + limit, device.own[1]
        p = equivalence.p_above(ratio, bar * machine, sqrt(2) * SESSION_SPREAD)
        if machine > 1:
            reason += f"; the machine changed by up to x {significant(machine)}"
    else:
        bar = max(1.0, (1 + limit) * device.common)
        ratio = cell.relative if bar > 1.0 else ratio
        p = equivalence.p_above(ratio, bar, device.common_se or 0.0)
        reason += f"; the median cell changed by x {significant(device.common)}"
    passed = equivalence.p_above(ratio, bar)
    check = _check(
        cell,
        "slower",
        limit,
        *_unless_slower(passed, reason),
        before=cell.before_ms,
        after=cell.after_ms,
        ratio=ratio.value,
        low=ratio.low,
        high=ratio.high,
    )
    return check, p


def _common_test(
    device: DeviceChange, common: float, common_se: float, cells: int, limit: float
) -> tuple[Check, float | None]:
    """Return the check of the change that all cells have in common, and its p value."""
    ratio = Estimate(common, None, None, common_se, cells - 1)
    low, high = ratio.interval(0.95) or (None, None)
    kernels = device.own[1]
    p = equivalence.p_above(ratio, (1 + limit) * kernels, sqrt(2) * SESSION_SPREAD)
    passed = equivalence.p_above(ratio, 1 + limit)
    reason = _ratio(Estimate(common, low, high))
    if kernels > 1:
        reason += f"; the reference kernels explain x {significant(kernels)}"
    outcome, reason = _unless_slower(passed, reason)
    check = Check(
        device=device.device,
        variant=None,
        model=None,
        batch_size=None,
        metric="slower",
        limit=limit,
        ratio=common,
        low=low,
        high=high,
        outcome=outcome,
        reason=reason,
    )
    return check, p


def _unless_slower(above: float | None, reason: str) -> tuple[Outcome, str]:
    """Return the outcome of a cell for which no regression is shown."""
    if above is None:
        return "inconclusive", f"{reason}; no interval, which needs the records of two processes"
    return ("pass" if 1 - above < LEVEL else "inconclusive"), reason


def _decided(check: Check, p: float | None) -> Check:
    """Return a check with its corrected p value, as a regression if that is below 5%."""
    regression: dict[str, object] = {"outcome": "regression"} if p is not None and p < LEVEL else {}
    return check.model_copy(update={"p": p, **regression})


def _ratio(ratio: Estimate) -> str:
    interval = span(ratio.low, ratio.high)
    return f"x {significant(ratio.value)}" + (f" ({interval})" if interval else "")


# Memory and statuses -------------------------------------------------------------------------


def _memory(found: RunComparison, limit: float) -> list[Check]:
    checks = []
    for change in found.memory:
        before, after = change.before_mib, change.after_mib
        if told := _status(change.before, change.after):
            checks.append(_check(change, "memory", limit, *told))
        elif before is None or after is None:
            continue
        elif not change.same_basis:
            reason = "measured on two memory bases"
            checks.append(_check(change, "memory", limit, "inconclusive", reason))
        else:
            over = after - before * (1 + limit) > MEMORY_REPEATS_MIB
            outcome: Outcome = "regression" if over else "pass"
            reason = f"{significant(before)} MiB before, {significant(after)} MiB after"
            ratio = after / before if before and after else None
            numbers = {"before": before, "after": after, "ratio": ratio}
            checks.append(_check(change, "memory", limit, outcome, reason, **numbers))
    return checks


def _status(before: Status | None, after: Status | None) -> tuple[Outcome, str] | None:
    """Return the outcome for a cell that lacks a value; ``None`` if none or both have one."""
    if before != "ok":
        return ("new", "not measured before") if after == "ok" else None
    if after == "ok":
        return None
    if after in _FAILED:
        return "regression", f"measured before, {STATUS_WORDS[after]} after"
    return "inconclusive", "not measured after" if after else "not in the study after"


def _check(
    cell: Cell,
    metric: Metric,
    limit: float,
    outcome: Outcome,
    reason: str,
    **numbers: float | None,
) -> Check:
    return Check(
        device=cell.device,
        variant=cell.variant,
        model=cell.model,
        batch_size=cell.batch_size,
        metric=metric,
        limit=limit,
        outcome=outcome,
        reason=reason,
        **numbers,
    )
