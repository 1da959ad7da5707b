"""Variants of each network compared with fp32-eager: results/variants.csv.

The ratio of two latencies is taken within rounds, as in :mod:`dnnbench.queries.compare_networks`.
The variants alternate round by round, so that drifts over a session cancel. If a variant was added
to an existing study, or if a session was interrupted, rounds cannot be paired. The ratio is then
that of two sessions, as between two runs.
"""

from collections.abc import Iterable

from dnnbench.config.variants import REFERENCE
from dnnbench.records.latency_records import LatencyLine
from dnnbench.records.memory_records import MemoryCell
from dnnbench.records.study_records import StudyRow, VariantRow
from dnnbench.stats import intervals
from dnnbench.tables.cell_lines import Timings
from dnnbench.tables.stability import worse
from dnnbench.tables.study import Measurements


def compare(rows: Iterable[StudyRow], measured: Iterable[Measurements]) -> list[VariantRow]:
    """Return one row per cell with a reference on the same device and batch size.

    ``measured`` has the records behind ``rows``. The order is that of ``rows``.
    """
    cells = {(r.device, r.variant, r.model, r.batch_size): r for r in rows}
    by_variant: dict[tuple[str, str], list[LatencyLine]] = {}
    memory: dict[tuple[str, str, str, int], MemoryCell] = {}
    for one in measured:
        device = one.plan.device
        for line in one.latency:
            by_variant.setdefault((device, line.variant), []).append(line)
        for (variant, model), record in one.memory.items():
            memory |= {(device, variant, model, cell.batch_size): cell for cell in record.cells}
    timings = {key: Timings(lines) for key, lines in by_variant.items()}
    none = Timings([])
    found = []
    for key, row in cells.items():
        reference = cells.get((row.device, REFERENCE, row.model, row.batch_size))
        if row.variant != REFERENCE and reference and row.source == "measured":
            own = timings.get((row.device, row.variant), none)
            others = timings.get((row.device, REFERENCE), none)
            found.append(_row(row, reference, own, others, memory.get(key)))
    return found


def _row(
    row: StudyRow, reference: StudyRow, own: Timings, others: Timings, cell: MemoryCell | None
) -> VariantRow:
    mine, theirs = own.medians(row), others.medians(reference)
    ratios = [mine[key] / theirs[key] for key in mine if key in theirs]
    ratio = None
    if row.status == "ok" and ratios:
        ratio = intervals.interval(ratios)
    elif row.status == "ok" and mine and theirs:
        ratio = intervals.ratio(own.estimate(row), others.estimate(reference))
    lines = own.tried(row)
    # If an engine caches its builds, only the first stage took long.
    reports = [*(line.built for line in lines), cell.built if cell else None]
    built = [each.ms + (each.graph_ms or 0.0) for each in reports if each]
    agreements = [line.agreement for line in lines if line.agreement]
    memory_mib, other_mib = row.memory_mib, reference.memory_mib
    return VariantRow(
        device=row.device,
        model=row.model,
        variant=row.variant,
        batch_size=row.batch_size,
        status=row.status,
        stability=worse(row.stability, reference.stability),
        message=row.stability_reason,
        rounds=len(ratios),
        time_ratio=ratio.value if ratio else None,
        time_ratio_low=ratio.low if ratio else None,
        time_ratio_high=ratio.high if ratio else None,
        memory_more_mib=None if memory_mib is None or other_mib is None else memory_mib - other_mib,
        built_ms=max(built, default=None),
        largest_difference=max((one.largest_difference for one in agreements), default=None),
        top1_same=min((one.top1 for one in agreements), default=None),
        top1_change=row.top1_change,
        top1_change_low=row.top1_change_low,
        top1_change_high=row.top1_change_high,
    )
