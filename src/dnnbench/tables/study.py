"""The study's tables, which join complexity, latency, memory and accuracy.

The tables have exactly the listed networks at the planned batch sizes and variants. File names are
derived from that plan and never globbed, because files of dropped networks may remain. A planned
cell without a record becomes a row with status ``not_measured``. The tables take a single pass over
the records.

:mod:`dnnbench.tables.stability` judges each cell, and :mod:`dnnbench.tables.accuracy_ranking`
chooses the accuracy that a network is ranked by.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from statistics import median

from dnnbench.config import variants
from dnnbench.core.errors import UserError
from dnnbench.core.storage import RecordError, each_row
from dnnbench.networks.registry import Network
from dnnbench.records.base import SCHEMA_VERSION
from dnnbench.records.comparison_records import AccuracyRow, VariantAccuracyRow
from dnnbench.records.complexity_records import Complexity
from dnnbench.records.latency_records import LatencyLine
from dnnbench.records.memory_records import MemoryCell, MemoryRecord
from dnnbench.records.plan import Plan
from dnnbench.records.set_aside_records import SetAside
from dnnbench.records.study_records import ModelRow, StudyRow
from dnnbench.stats import disturbance, intervals, session
from dnnbench.tables.accuracy_ranking import Accuracy, ranked_accuracy, variant_accuracy
from dnnbench.tables.published import Published, study_rows
from dnnbench.tables.sound_records import SoundRecords
from dnnbench.tables.stability import CellTiming, cell_timing


class NothingMeasuredError(UserError):
    """Error of a study without any measurement.

    It names a device and the most common reason.
    """


@dataclass(frozen=True)
class Measurements:
    """Records of one device.

    ``memory`` is by (variant, model); ``aside`` has excluded records.
    """

    plan: Plan
    latency: Sequence[LatencyLine]
    memory: Mapping[tuple[str, str], MemoryRecord]
    aside: Sequence[SetAside] = ()


# Reading -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Counted:
    """Rows of complexity.csv by model; ``aside`` has the excluded rows."""

    rows: Mapping[str, Complexity]
    aside: Sequence[SetAside] = ()


def read_complexity(path: Path, networks: Mapping[str, Network]) -> Counted:
    """Read ``complexity.csv``, excluding invalid rows.

    Raises RecordError if one of ``networks`` has no row at all.
    """
    if not path.exists():
        raise RecordError(f"{path}: no such file. Run the complexity stage.")
    rows: dict[str, Complexity] = {}
    aside = []
    for number, row in each_row(path, Complexity):
        problem: object
        if isinstance(row, RecordError):
            problem = row
        elif row.model in rows:
            problem = f"a second row for {row.model}; the first one counts"
        elif not (row.grouped_macs or 0) <= (row.conv_macs or 0) <= (row.macs or 0):
            counts = f"{row.grouped_macs}, {row.conv_macs}, {row.macs}"
            problem = f"grouped_macs, conv_macs, macs: {counts}: expected ascending counts"
        else:
            rows[row.model] = row
            continue
        aside.append(SetAside.of(problem, path, line=number))
    for model, network in networks.items():
        if model not in rows:
            if not aside:
                raise RecordError(
                    f"{path}: model: {model!r}: no row. Run the complexity stage for it."
                )
            rows[model] = Complexity(
                model=model,
                spec=network.spec,
                input_size=network.input_size,
                complexity_status="not_measured",
                complexity_message=f"excluded: {aside[0]}",
            )
    return Counted(rows, aside)


def read_measurements(results: Path, plan: Plan, models: Iterable[str]) -> Measurements:
    """Read all records of a device; missing files are skipped.

    Records that are malformed, have another version, or do not match their path are excluded.
    """
    records = SoundRecords(results, plan.device)
    rounds = range(1, plan.rounds + 1)
    latency = [line for variant in plan.variants for line in records.latency(variant, rounds)]
    found = {
        (variant, model): records.memory(variant, model)
        for variant in plan.variants
        for model in models
    }
    memory = {key: record for key, record in found.items() if record}
    records.environment()  # Validates it, and may exclude it.
    return Measurements(plan, latency, memory, records.aside)


# Joining -------------------------------------------------------------------------------------


def aggregate(
    models: Sequence[str],
    complexity: Mapping[str, Complexity],
    accuracy: Mapping[str, Accuracy],
    measured: Iterable[Measurements],
    published: Published | None,
    accuracy_rows: Iterable[AccuracyRow] = (),
    predicted: Collection[str] = (),
    stated: Mapping[str, Accuracy] | None = None,
    variant_rows: Iterable[VariantAccuracyRow] = (),
) -> tuple[list[StudyRow], list[ModelRow]]:
    """Return the rows of study.csv and of models.csv for exactly these ``models``.

    study.csv has the measured devices as given, then the published ones; within a device, rows are
    ordered by variant, network and batch size. Published devices only have the published cells, so
    a network outside the 2018 study has no row there. models.csv has one row per network, in order.

    ``complexity`` and ``accuracy`` (the published one) need an entry for each network (KeyError).
    ``accuracy_rows`` has the measured accuracies, ``variant_rows`` those of variants, ``stated``
    those that replace published ones. Networks in ``predicted`` have no rows for measured devices.
    """
    tried = {row.model: row for row in accuracy_rows if row.model in models}
    known = {model: (stated or {}).get(model, accuracy[model]) for model in models}
    ranked = ranked_accuracy(known, tried)
    timed = [model for model in models if model not in predicted]
    in_variants = {(row.device, row.variant, row.model): row for row in variant_rows}
    rows = [
        row
        for measurements in measured
        for row in _device_rows(
            timed, _by_variant(timed, ranked, measurements, in_variants), measurements
        )
    ]
    if published is not None:
        rows += study_rows(published, models)
    return rows, [
        model_row(complexity[model], ranked[model], accuracy[model], tried.get(model))
        for model in models
    ]


def check_measured(
    rows: Iterable[StudyRow], models: Iterable[ModelRow], aside: Sequence[SetAside] = ()
) -> None:
    """Raise NothingMeasuredError if networks were attempted, and none gave a number.

    Excluded records (``aside``) count as attempts.
    """
    cells = [row for row in rows if row.source == "measured"]
    statuses = Counter(status for row in cells for status in (row.status, row.memory_status))
    known = statuses["ok"] or any(row.top1_measured is not None for row in models)
    tried = [row for row in cells if {row.status, row.memory_status} != {"not_measured"}]
    if tried and not known:
        reasons = Counter(row.stability_reason or row.memory_status for row in tried)
        (reason, _), *_ = reasons.most_common(1)
        attempted = f"all {len(tried)} cells" if len(tried) > 1 else "the only cell"
        raise NothingMeasuredError(
            f"{tried[0].device}: {attempted} failed to give latency or memory: {reason}."
            f" See logs/{tried[0].device} for the causes. The next run retries failed cells once."
        )
    if aside and not known:
        count = f"all {len(aside)} records are" if len(aside) > 1 else "the only record is"
        raise NothingMeasuredError(f"no usable measurements: {count} excluded: {aside[0]}")


def _by_variant(
    models: Sequence[str],
    ranked: Mapping[str, Accuracy],
    measured: Measurements,
    variant_rows: Mapping[tuple[str, str, str], VariantAccuracyRow],
) -> dict[tuple[str, str], Accuracy]:
    """Return the accuracy by variant and model."""
    checked = [line for line in measured.latency if line.agreement]
    agreeing = {(line.variant, line.model) for line in checked}
    agreeing -= {(line.variant, line.model) for line in checked if line.status != "ok"}
    return {
        (variant, model): variant_accuracy(
            variant,
            ranked[model],
            (variant, model) in agreeing,
            variant_rows.get((measured.plan.device, variants.parse(variant).computes, model)),
        )
        for variant in measured.plan.variants
        for model in models
    }


def _device_rows(
    models: Sequence[str], accuracy: Mapping[tuple[str, str], Accuracy], measured: Measurements
) -> list[StudyRow]:
    plan = measured.plan
    # One line per process.
    lines: dict[tuple[str, str, int], dict[tuple[int, int], LatencyLine]] = {}
    for line in measured.latency:
        if line.protocol == plan.protocol:
            cell = (line.variant, line.model, line.batch_size)
            lines.setdefault(cell, {})[line.round, line.process] = line
    memory = {
        (variant, model, cell.batch_size): cell
        for (variant, model), record in measured.memory.items()
        for cell in record.cells
    }
    session_limits = disturbance.limits(measured.latency)
    fits = {
        variant: session.fit(
            line
            for (own, _, _), processes in lines.items()
            if own == variant
            for line in processes.values()
        )
        for variant in plan.variants
    }
    rows = []
    for variant, model, batch_size in product(plan.variants, models, plan.batch_sizes):
        cell = variant, model, batch_size
        processes = list(lines.get(cell, {}).values())
        time = fits[variant].get((model, batch_size))
        timing = cell_timing(processes, plan.rounds, time, session_limits)
        own = accuracy[variant, model]
        known = [line.threads for line in processes]
        if record := measured.memory.get((variant, model)):
            known.append(record.threads)
        threads = known[0] if known else variants.parse(variant).threads
        rows.append(_measured_row(plan, cell, threads, timing, memory.get(cell), own))
    return rows


def _measured_row(
    plan: Plan,
    key: tuple[str, str, int],
    threads: int | None,
    timing: CellTiming,
    memory: MemoryCell | None,
    accuracy: Accuracy,
) -> StudyRow:
    variant, model, batch_size = key
    value, lines = timing.time, timing.lines
    samples = [sample for line in lines for sample in line.samples_ms]
    medians = [median(line.samples_ms) for line in lines]
    memory = memory or MemoryCell(batch_size=batch_size, status="not_measured")
    within = (value.within if value else None) or (None, None)

    def per_image(pass_ms: float | None) -> float | None:
        return None if pass_ms is None else pass_ms / batch_size

    return StudyRow(
        device=plan.device,
        model=model,
        variant=variant,
        batch_size=batch_size,
        threads=threads,
        protocol=plan.protocol,
        session=timing.session,
        schema_version=SCHEMA_VERSION,
        source="measured",
        status=timing.status,
        latency_ms=per_image(value.value if value else None),
        latency_ms_low=per_image(value.low if value else None),
        latency_ms_high=per_image(value.high if value else None),
        latency_df=value.df if value else None,
        latency_within_se=within[0],
        latency_within_df=within[1],
        latency_quiet_ms=per_image(intervals.quiet(medians) if medians else None),
        latency_p95_ms=per_image(intervals.p95(samples)),
        batch_ms=value.value if value else None,
        fps=1000 * batch_size / value.value if value else None,
        rounds=len({line.round for line in lines}) or None,
        processes=len(lines) or None,
        stability=timing.stability,
        stability_reason=timing.reason,
        page_faults=_median(line.page_faults for line in lines),
        system_ms=_median(line.system_ms for line in lines),
        memory_status=memory.status,
        memory_mib=memory.memory_mib,
        memory_basis=memory.memory_basis,
        memory_net_mib=memory.memory_net_mib,
        memory_runtime_mib=memory.memory_runtime_mib,
        weights_mib=memory.weights_mib,
        activations_mib=memory.activations_mib,
        energy_mj=_median(line.energy_mj for line in lines),
        **accuracy.columns(),
    )


def _median(numbers: Iterable[float | None]) -> float | None:
    known = [number for number in numbers if number is not None]
    return median(known) if known else None


def model_row(
    complexity: Complexity,
    ranked: Accuracy,
    published: Accuracy,
    measured: AccuracyRow | None = None,
) -> ModelRow:
    """Return a row of models.csv: cost; ranked, published and measured accuracy."""
    return ModelRow(
        **complexity.model_dump(),
        top1=ranked.top1,
        top1_low=ranked.top1_low,
        top1_high=ranked.top1_high,
        top1_source=ranked.top1_source,
        top1_measured=measured.top1 if measured else None,
        top1_published=published.top1,
        top5=ranked.top5,
        top5_low=ranked.top5_low,
        top5_high=ranked.top5_high,
        top5_source=ranked.top5_source,
        top5_measured=measured.top5 if measured else None,
        top5_published=published.top5,
    )
