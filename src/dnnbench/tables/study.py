"""Join complexity, inference time, memory and accuracy into the study's tables.

The tables hold exactly the listed networks at the planned batch sizes and variants. Files are
named from that list and never globbed, since files of dropped networks may lie about; a planned
cell without a record is a row with status ``not_measured``. Everything is one pass over the
records: the work grows with their number.

*Status of a cell whose rounds disagree*: ``ok`` if more than half of the recorded rounds are, else
the commonest other status. An ``ok`` cell with a round that was not is never stable: the missing
time was probably a slow one, so the median of the rest is too low.

*Stability* (``stable``, and ``unstable_reason`` with numbers):

- unstable where the interval's half-width exceeds 5 % of the value, where half the rounds or more
  were disturbed (:mod:`dnnbench.stats.disturbance`), where a round failed or is missing, or where
  rounds were measured by different code or settings;
- a minority of disturbed rounds does not make a cell unstable, because the median then still
  lies between two undisturbed rounds; ``unstable_reason`` mentions it all the same;
- so are several sessions only mentioned: the interval was made for one, but a shift between two
  that matters widens it past the 5 %;
- with fewer than two processes nothing can be said (an empty field), unless it was disturbed.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from dnnbench.core.storage import RecordError, check_place, read_json, read_lines, read_rows
from dnnbench.networks.registry import Network
from dnnbench.records import paths
from dnnbench.records.base import SCHEMA_VERSION, Status
from dnnbench.records.comparison_records import AccuracyRow
from dnnbench.records.complexity_records import Complexity
from dnnbench.records.latency_records import LatencyLine
from dnnbench.records.memory_records import MemoryCell, MemoryRecord
from dnnbench.records.plan import Plan
from dnnbench.records.study_records import ModelRow, StudyRow
from dnnbench.stats import disturbance, intervals
from dnnbench.tables.published import PROTOCOL, Published, study_rows

# A comparison of two networks closer than this is a matter of luck; the noise between processes
# of a quiet machine (2 to 5 %) gives less with five rounds.
MAX_HALF_WIDTH = 0.05

# The data set that published accuracy rests on, by the name of its layout.
VALIDATION_SET = "imagenet"
VALIDATION_IMAGES = 50_000

# Which of two equally common statuses a cell takes: the one that says most about the network.
_SEVERITY: tuple[Status, ...] = ("oom", "failed", "timeout", "not_measured")


@dataclass(frozen=True)
class Measurements:
    """The records of one device; ``memory`` by (variant, model)."""

    plan: Plan
    latency: Sequence[LatencyLine]
    memory: Mapping[tuple[str, str], MemoryRecord]


@dataclass(frozen=True)
class Accuracy:
    """Accuracy of a network in per cent, and where it comes from; ``None`` where unknown."""

    top1: float | None = None
    top1_source: str | None = None
    top5: float | None = None
    top5_source: str | None = None
    top1_low: float | None = None
    top1_high: float | None = None
    top5_low: float | None = None
    top5_high: float | None = None


def ranked_accuracy(
    published: Mapping[str, Accuracy], measured: Mapping[str, AccuracyRow]
) -> dict[str, Accuracy]:
    """The accuracy that each network of ``published`` is ranked by.

    One ranking rests on one data set and one protocol. The published numbers are those of the
    50,000 validation images, by the protocol of 2018; a measured one takes the place of a published
    one where it is of these. Measured by another protocol they replace all or none.
    """
    full = {model: row for model, row in measured.items() if _on_all_images(row)}
    if {row.protocol for row in full.values()} - {PROTOCOL} and full.keys() < published.keys():
        full = {}
    return {
        model: _measured_accuracy(full[model]) if model in full else accuracy
        for model, accuracy in published.items()
    }


def _on_all_images(row: AccuracyRow) -> bool:
    whole = (VALIDATION_SET, VALIDATION_IMAGES, 0)
    return row.status == "ok" and (row.dataset, row.n, row.skipped) == whole


def _measured_accuracy(row: AccuracyRow) -> Accuracy:
    source = f"measured:{row.dataset}"
    return Accuracy(
        row.top1,
        source,
        row.top5,
        source,
        row.top1_low,
        row.top1_high,
        row.top5_low,
        row.top5_high,
    )


def published_accuracy(network: Network) -> Accuracy:
    """The published accuracy: of the 2018 study, else of the first weights that state one."""
    study = network.published
    if study:
        return Accuracy(
            study.top1,
            f"published:{study.top1_source}",
            study.top5,
            f"published:{study.top5_source}",
        )
    for weights in network.weights:
        if weights.top1 is not None:
            top5_source = None if weights.top5 is None else "published:library"
            return Accuracy(weights.top1, "published:library", weights.top5, top5_source)
    return Accuracy()


# Reading -------------------------------------------------------------------------------------


def read_complexity(path: Path, models: Iterable[str]) -> dict[str, Complexity]:
    """Rows of ``complexity.csv`` by model. Raises RecordError where one of ``models`` has none."""
    if not path.exists():
        raise RecordError(f"{path}: no such file; run the complexity stage")
    rows = {row.model: row for row in read_rows(path, Complexity)}
    for model in models:
        if model not in rows:
            raise RecordError(f"{path}: model: {model!r}: no row; run the complexity stage for it")
    return rows


def read_measurements(results: Path, plan: Plan, models: Iterable[str]) -> Measurements:
    """All records of a device. A file that does not exist holds no record.

    Raises RecordError for a record that is malformed, that another version wrote, or that does
    not belong where it lies.
    """
    names = list(models)
    latency: list[LatencyLine] = []
    memory: dict[tuple[str, str], MemoryRecord] = {}
    for variant in plan.variants:
        place: dict[str, str | int] = {"device": plan.device, "variant": variant}
        for number in range(1, plan.rounds + 1):
            path = paths.under(results, paths.ROUND, **place, round=number)
            if path.exists():
                for at, line in enumerate(read_lines(path, LatencyLine), start=1):
                    remedy = "remove the line to measure its cell again"
                    check_place(f"{path}:{at}", line, place | {"round": number}, remedy)
                    latency.append(line)
        for model in names:
            path = paths.under(results, paths.MEMORY, **place, model=model)
            if path.exists():
                record = read_json(path, MemoryRecord)
                remedy = "remove it to measure again"
                check_place(str(path), record, place | {"model": model}, remedy)
                memory[variant, model] = record
    return Measurements(plan, latency, memory)


# Joining -------------------------------------------------------------------------------------


def aggregate(
    models: Sequence[str],
    complexity: Mapping[str, Complexity],
    accuracy: Mapping[str, Accuracy],
    measured: Iterable[Measurements],
    published: Published | None,
    accuracy_rows: Iterable[AccuracyRow] = (),
    predicted: Collection[str] = (),
) -> tuple[list[StudyRow], list[ModelRow]]:
    """The rows of study.csv and of models.csv for exactly these ``models``.

    study.csv: measured devices as given, then the published ones; within a device by variant,
    network and batch size. The published devices have the cells that were published, so a network
    that is not in the 2018 study has no row there. models.csv: one row a network, as listed.
    ``complexity`` and ``accuracy``, the published one, need an entry for each of them (KeyError);
    ``accuracy_rows`` say what was measured. Networks that are only ``predicted`` have no row of a
    measured device.
    """
    tried = {row.model: row for row in accuracy_rows if row.model in models}
    ranked = ranked_accuracy({model: accuracy[model] for model in models}, tried)
    timed = [model for model in models if model not in predicted]
    rows = [row for measurements in measured for row in _device_rows(timed, ranked, measurements)]
    if published is not None:
        rows += study_rows(published, models)
    return rows, [
        model_row(complexity[model], ranked[model], accuracy[model], tried.get(model))
        for model in models
    ]


def _device_rows(
    models: Sequence[str], accuracy: Mapping[str, Accuracy], measured: Measurements
) -> list[StudyRow]:
    plan = measured.plan
    # One line a round: of two, the later one was written over the earlier.
    lines: dict[tuple[str, str, int], dict[int, LatencyLine]] = {}
    for line in measured.latency:
        if line.protocol == plan.protocol:
            cell = (line.variant, line.model, line.batch_size)
            lines.setdefault(cell, {})[line.round] = line
    memory = {
        (variant, model, cell.batch_size): cell
        for (variant, model), record in measured.memory.items()
        for cell in record.cells
    }
    # A line's own ratios are against the best time known when it was written; now the whole session
    # is known.
    best = disturbance.best_references(measured.latency)
    return [
        _measured_row(
            plan,
            (variant, model, batch_size),
            _timing(list(lines.get((variant, model, batch_size), {}).values()), plan, best),
            memory.get((variant, model, batch_size)),
            accuracy[model],
        )
        for variant in plan.variants
        for model in models
        for batch_size in plan.batch_sizes
    ]


@dataclass(frozen=True)
class _Timing:
    """What the rounds of one cell say; from ``time`` on ``None`` unless ok.

    ``time`` and below are ms a pass, ``energy`` is mJ an image.
    """

    status: Status
    session: str | None
    stable: bool | None
    reason: str | None
    time: intervals.Estimate | None = None
    quiet: float | None = None
    p95: float | None = None
    energy: float | None = None


def _timing(
    lines: Sequence[LatencyLine], plan: Plan, best: Mapping[str, tuple[float, float]]
) -> _Timing:
    """Status, estimate and verdict of a cell from its lines, at most one a round."""
    lines = [line for line in lines if line.status != "not_measured"]
    if not lines:
        return _Timing("not_measured", None, None, None)
    good = [line for line in lines if line.status == "ok"]
    sessions = list(dict.fromkeys(line.session for line in lines))
    session = "+".join(sessions)
    faults = _failures(lines)
    if len(good) * 2 <= len(lines):
        counts = Counter(line.status for line in lines if line.status != "ok")
        status = min(counts, key=lambda status: (-counts[status], _SEVERITY.index(status)))
        return _Timing(status, session, None, "; ".join(faults))

    medians = [median(line.samples_ms) for line in good]
    energies = [line.energy_mj for line in good if line.energy_mj is not None]
    value = (
        intervals.single_process(good[0].samples_ms)
        if plan.protocol == "bianco2018"
        else intervals.interval(medians)
    )
    notes = []
    if len(lines) < plan.rounds:
        faults.append(f"{len(lines)} of {plan.rounds} rounds measured")
    if len({line.fingerprint for line in good}) > 1:
        faults.append("rounds measured by different code or settings")
    if len({str(line.built.settings) for line in good if line.built}) > 1:
        faults.append("rounds of different versions or settings of the engine")
    if value.half_width is not None and value.half_width > MAX_HALF_WIDTH:
        faults.append(f"half-width {value.half_width:.1%} of the value")
    disturbed = _disturbed(good, best)
    if disturbed:
        text = f"{len(disturbed)} of {len(good)} rounds disturbed ({disturbed[0]})"
        if len(disturbed) * 2 >= len(good):
            faults.append(text)
        else:
            notes.append(f"{text}, which the median withstands")
    if len(sessions) > 1:
        notes.append(f"rounds from {len(sessions)} sessions")
    stable: bool | None = not faults
    if stable and value.half_width is None:
        stable = None
        notes.append("one process: the spread between processes is not known")
    return _Timing(
        "ok",
        session,
        stable,
        "; ".join(faults + notes) or None,
        value,
        intervals.quiet(medians),
        intervals.p95([sample for line in good for sample in line.samples_ms]),
        median(energies) if energies else None,
    )


def _failures(lines: Sequence[LatencyLine]) -> list[str]:
    """For each status but ok: how many rounds had it, and the message of the first."""
    by_status: dict[Status, list[LatencyLine]] = {}
    for line in lines:
        if line.status != "ok":
            by_status.setdefault(line.status, []).append(line)
    texts = []
    for status, failed in by_status.items():
        message = " ".join((failed[0].message or "").split())
        text = f"{len(failed)} of {len(lines)} rounds {status}"
        texts.append(f"{text}: {message}" if message else text)
    return texts


def _disturbed(lines: Sequence[LatencyLine], best: Mapping[str, tuple[float, float]]) -> list[str]:
    """For each disturbed round: its number and what disturbed it."""
    texts = []
    for line in lines:
        if line.disturbance is not None:
            seen = disturbance.relative_to_best(line.disturbance, *best[line.session])
            if found := disturbance.reasons(seen):
                texts.append(f"round {line.round}: {', '.join(found)}")
    return texts


def _measured_row(
    plan: Plan,
    key: tuple[str, str, int],
    timing: _Timing,
    memory: MemoryCell | None,
    accuracy: Accuracy,
) -> StudyRow:
    variant, model, batch_size = key
    value = timing.time
    memory = memory or MemoryCell(batch_size=batch_size, status="not_measured")

    def per_image(pass_ms: float | None) -> float | None:
        return None if pass_ms is None else pass_ms / batch_size

    return StudyRow(
        device=plan.device,
        model=model,
        variant=variant,
        batch_size=batch_size,
        protocol=plan.protocol,
        session=timing.session,
        schema_version=SCHEMA_VERSION,
        source="measured",
        status=timing.status,
        latency_ms=per_image(value.value if value else None),
        latency_ms_low=per_image(value.low if value else None),
        latency_ms_high=per_image(value.high if value else None),
        latency_quiet_ms=per_image(timing.quiet),
        latency_p95_ms=per_image(timing.p95),
        batch_ms=value.value if value else None,
        fps=1000 * batch_size / value.value if value else None,
        stable=timing.stable,
        unstable_reason=timing.reason,
        memory_status=memory.status,
        memory_mib=memory.memory_mib,
        memory_basis=memory.memory_basis,
        memory_net_mib=memory.memory_net_mib,
        memory_runtime_mib=memory.memory_runtime_mib,
        weights_mib=memory.weights_mib,
        activations_mib=memory.activations_mib,
        energy_mj=timing.energy,
        top1=accuracy.top1,
        top5=accuracy.top5,
        accuracy_source=accuracy.top1_source,
    )


def model_row(
    complexity: Complexity,
    ranked: Accuracy,
    published: Accuracy,
    measured: AccuracyRow | None = None,
) -> ModelRow:
    """What a network costs joined with its accuracy: ranked by, published, and measured here."""
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
