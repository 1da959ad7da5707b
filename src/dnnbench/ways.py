"""Ways of running each network against fp32-eager: results/variants.csv.

The ratio of two times is taken within rounds, as in :mod:`dnnbench.comparing`: the variants take
turns, round by round, so that what drifts over a session cancels.
"""

from collections.abc import Iterable

from dnnbench import estimate
from dnnbench.records import LatencyLine, StudyRow, VariantRow
from dnnbench.study import Measurements
from dnnbench.timings import Timings
from dnnbench.variants import REFERENCE


def compare(rows: Iterable[StudyRow], measured: Iterable[Measurements]) -> list[VariantRow]:
    """A row for every measured cell of ``rows`` whose device ran the reference at its batch size.

    ``measured``: what the rows rest on. In the order of ``rows``.
    """
    cells = {(r.device, r.variant, r.model, r.batch_size): r for r in rows}
    by_way: dict[tuple[str, str], list[LatencyLine]] = {}
    for one in measured:
        for line in one.latency:
            by_way.setdefault((one.plan.device, line.variant), []).append(line)
    timings = {way: Timings(lines) for way, lines in by_way.items()}
    none = Timings([])
    found = []
    for row in cells.values():
        reference = cells.get((row.device, REFERENCE, row.model, row.batch_size))
        if row.variant != REFERENCE and reference and row.source == "measured":
            own = timings.get((row.device, row.variant), none)
            found.append(_row(row, reference, own, timings.get((row.device, REFERENCE), none)))
    return found


def _row(row: StudyRow, reference: StudyRow, own: Timings, others: Timings) -> VariantRow:
    mine, theirs = own.medians(row), others.medians(reference)
    ratios = [mine[key] / theirs[key] for key in mine if key in theirs]
    ratio = estimate.interval(ratios) if ratios and row.status == "ok" else None
    lines = own.tried(row)
    agreements = [line.agreement for line in lines if line.agreement]
    memory, other = row.memory_mib, reference.memory_mib
    return VariantRow(
        device=row.device,
        model=row.model,
        variant=row.variant,
        batch_size=row.batch_size,
        status=row.status,
        message=None if row.status == "ok" else row.unstable_reason,
        rounds=len(ratios),
        time_ratio=ratio.value if ratio else None,
        time_ratio_low=ratio.low if ratio else None,
        time_ratio_high=ratio.high if ratio else None,
        memory_more_mib=None if memory is None or other is None else memory - other,
        built_ms=max((line.built.ms for line in lines if line.built), default=None),
        largest_difference=max((one.largest_difference for one in agreements), default=None),
        top1_same=min((one.top1 for one in agreements), default=None),
    )
