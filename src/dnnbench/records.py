"""The shape of every result file, checked on write and on read.

A record is a pydantic model: its fields are the columns (or keys) of one file, in order, with
units in their names. A missing number is ``None`` in memory, an empty field in CSV and ``null`` in
JSON; NaN and infinity are refused. Files appear whole or not at all.
"""

import csv
import io
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
)

from dnnbench.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

SCHEMA_VERSION = 1


def _known(version: int) -> int:
    if version != SCHEMA_VERSION:
        raise ValueError(f"{version}: this version of dnnbench reads {SCHEMA_VERSION}")
    return version


SchemaVersion = Annotated[int, AfterValidator(_known)]

R = TypeVar("R", bound="Record")

# What energy was measured with: the device's counter of all it used, or its power over time.
EnergyBasis = Literal["counter", "power"]
Status = Literal["ok", "oom", "timeout", "failed", "not_measured"]
ModelName = Annotated[str, Field(pattern=r"^[a-z0-9_.-]+$")]
DeviceName = Annotated[str, Field(pattern=r"^[a-z0-9_.-]+$")]
BatchSize = Annotated[int, Field(ge=1)]
# Of a source of weights; see registry.WeightsSource.
Tier = Literal["A", "B", "C"]
Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Percent = Annotated[float, Field(ge=0, le=100)]
ClassNumber = Annotated[int, Field(ge=0, lt=1000)]


class RecordError(UserError):
    """A result file that does not have the shape it should: names file, place, value and remedy."""


class WriteError(UserError):
    """A file that cannot be written: names it, the reason and the remedy."""


class Record(BaseModel):
    """Base of all records: unknown keys, NaN and infinity are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


# One row of a table --------------------------------------------------------------------------


class Complexity(Record):
    """A row of results/complexity.csv: what a network costs, whatever the machine.

    ``spec``: how a list of models names it, such as timm:convnext_tiny.in12k_ft_in1k.
    """

    model: ModelName
    spec: str
    input_size: Annotated[int, Field(ge=1)]
    params: Annotated[int, Field(ge=0)]
    params_executed: Annotated[int, Field(ge=0)]
    macs: Annotated[int, Field(ge=0)]
    flops: Annotated[int, Field(ge=0)]
    conv_macs: Annotated[int, Field(ge=0)]
    grouped_macs: Annotated[int, Field(ge=0)]
    thop_macs: Annotated[int, Field(ge=0)] | None
    linear_mib: NonNegative
    traffic_mib: NonNegative
    operators: Annotated[int, Field(ge=0)]
    weights_mib: NonNegative
    activations_mib: NonNegative


class ModelRow(Complexity):
    """A row of results/models.csv: complexity joined with accuracy (per cent)."""

    top1: Percent | None
    top1_low: Percent | None
    top1_high: Percent | None
    top1_source: str | None
    top1_measured: Percent | None
    top1_published: Percent | None
    top5: Percent | None
    top5_low: Percent | None
    top5_high: Percent | None
    top5_source: str | None
    top5_measured: Percent | None
    top5_published: Percent | None


class StudyRow(Record):
    """A row of results/study.csv; key: device, model, variant, batch_size.

    ``status`` is that of the inference time, ``memory_status`` that of the memory.
    """

    device: DeviceName
    model: ModelName
    variant: str
    batch_size: BatchSize
    protocol: str | None
    session: str | None
    schema_version: SchemaVersion
    source: Literal["measured", "published", "predicted"]
    status: Status
    latency_ms: Positive | None
    latency_ms_low: Positive | None
    latency_ms_high: Positive | None
    latency_quiet_ms: Positive | None
    latency_p95_ms: Positive | None
    batch_ms: Positive | None
    fps: Positive | None
    stable: bool | None
    unstable_reason: str | None
    memory_status: Status
    memory_mib: NonNegative | None
    memory_basis: str | None
    memory_net_mib: NonNegative | None
    memory_runtime_mib: NonNegative | None
    weights_mib: NonNegative | None
    activations_mib: NonNegative | None
    energy_mj: Positive | None
    top1: Percent | None
    top5: Percent | None
    accuracy_source: str | None


class VariantRow(Record):
    """A row of results/variants.csv: a cell run in another way than fp32-eager, against that.

    ``time_ratio`` is of the time (below 1: faster), with a 95 % interval, within ``rounds`` that
    timed both in one session; of two sessions where ``rounds`` is 0. ``stable``: both are, as in
    study.csv; ``message`` says what is not about this one. ``built_ms`` is the longest that the
    engine took to build what it runs: one that keeps what it builds is quicker the next time.
    ``largest_difference`` and ``top1_same`` as in Agreement, the worst of all rounds.
    """

    device: DeviceName
    model: ModelName
    variant: str
    batch_size: BatchSize
    status: Status
    stable: bool | None
    message: str | None
    rounds: Annotated[int, Field(ge=0)]
    time_ratio: Positive | None
    time_ratio_low: Positive | None
    time_ratio_high: Positive | None
    memory_more_mib: float | None
    built_ms: Positive | None
    largest_difference: NonNegative | None
    top1_same: Percent | None


class SelectionRow(Record):
    """A row of results/selection.csv: one of the best networks under one pair of budgets."""

    device: DeviceName
    max_memory_gib: Positive
    min_fps: Positive
    rank: Annotated[int, Field(ge=1)]
    model: ModelName
    top1: Percent
    fits: Literal["yes", "cannot_tell"]


class DeviceMetrics(Record):
    """A measured device in a few numbers.

    ``cells_ok`` have a time and a memory. ``median_half_width_pct`` is of the intervals of time, in
    per cent of the value. ``budgets_met`` counts the pairs of budgets that a network fits or may
    fit; ``best_top1_low`` and ``best_top1_high`` are the least and the greatest top-1 of their
    first-ranked networks, per cent.
    """

    cells: Annotated[int, Field(ge=0)]
    cells_ok: Annotated[int, Field(ge=0)]
    cells_unstable: Annotated[int, Field(ge=0)]
    median_half_width_pct: NonNegative | None
    budgets_met: Annotated[int, Field(ge=0)]
    best_top1_low: Percent | None
    best_top1_high: Percent | None


class Metrics(Record):
    """results/metrics.json, for `dvc metrics`: by device."""

    # No version: DVC would show it as one of the numbers.
    devices: dict[DeviceName, DeviceMetrics]


class AccuracyRow(Record):
    """A row of results/accuracy/summary.csv: one network of the study, measured or not.

    Per cent with 95 % intervals, as in the network's own record. ``rank_low`` to ``rank_high``
    are the ranks that the paired tests leave it among the measured networks.
    """

    model: ModelName
    dataset: str | None = None
    protocol: str | None = None
    status: Status
    message: str | None = None
    n: Annotated[int, Field(ge=0)] = 0
    classes: Annotated[int, Field(ge=0)] = 0
    skipped: Annotated[int, Field(ge=0)] = 0
    top1: Percent | None = None
    top1_low: Percent | None = None
    top1_high: Percent | None = None
    top5: Percent | None = None
    top5_low: Percent | None = None
    top5_high: Percent | None = None
    rank_low: Annotated[int, Field(ge=1)] | None = None
    rank_high: Annotated[int, Field(ge=1)] | None = None
    weights_tier: str | None = None
    weights_library: str | None = None
    weights_licence: str | None = None
    weights_sha256: str | None = None


class ComparisonRow(Record):
    """A row of results/comparisons.csv: two networks on the same images.

    ``top1_diff`` is model_a minus model_b in percentage points, ``low`` to ``high`` its 95 %
    interval, ``holm_p`` the p value corrected for the number of rows.
    """

    dataset: str
    protocol: str
    model_a: ModelName
    model_b: ModelName
    n: Annotated[int, Field(ge=1)]
    top1_diff: Annotated[float, Field(ge=-100, le=100)]
    low: Annotated[float, Field(ge=-100, le=100)]
    high: Annotated[float, Field(ge=-100, le=100)]
    mcnemar_p: Annotated[float, Field(ge=0, le=1)]
    holm_p: Annotated[float, Field(ge=0, le=1)]

    @property
    def separates(self) -> bool:
        """Whether the test tells the two networks apart, at the 5 % level."""
        return self.holm_p < 0.05


# Pictures -----------------------------------------------------------------------------------


class ImageFile(Record):
    """A picture of a data set that has a class; ``name`` is its path in the folder."""

    name: str
    sha256: str
    label: ClassNumber


class SkippedImage(Record):
    """A picture that is in no measurement, and why."""

    name: str
    reason: str


class ImageIndex(Record):
    """resources/images/<dataset>/index.json: the files of a data set.

    ``labels`` says where the classes come from; ``other_files`` counts what is no picture by name.
    """

    schema_version: SchemaVersion = SCHEMA_VERSION
    dataset: str
    folder: str
    labels: str
    files: list[ImageFile]
    skipped: list[SkippedImage]
    other_files: Annotated[int, Field(ge=0)]


class DecodedPicture(ImageFile):
    """A line of resources/images/<dataset>/<geometry>-<key>.jsonl, in the order of the index.

    ``kind`` is what the file was (format, pixels); without pixels, ``skipped`` says why.
    """

    kind: str | None = None
    skipped: str | None = None


class ImageGeometry(Record):
    """How pictures were cut; sizes in pixels. See ``dnnbench.geometry``."""

    interpolation: Literal["bilinear", "bicubic"]
    resize: Annotated[int, Field(ge=1)]
    size: Annotated[int, Field(ge=1)]


class DecodedImages(Record):
    """resources/images/<dataset>/<geometry>.json: what is in the array beside it.

    ``key`` changes with anything that could change a pixel or a label. ``scored_classes`` are the
    classes that the ``n`` pictures show; an answer is one of all 1,000. ``kinds`` counts what the
    files were. One array serves every protocol that asks for its geometry.
    """

    schema_version: SchemaVersion = SCHEMA_VERSION
    dataset: str
    geometry: ImageGeometry
    key: str
    decoder: str
    array: str
    pictures: str
    n: Annotated[int, Field(ge=1)]
    scored_classes: list[ClassNumber]
    kinds: dict[str, int]
    skipped: list[SkippedImage]
    other_files: Annotated[int, Field(ge=0)]
    labels: str


# Published numbers beside measured ones ----------------------------------------------------------


class ReplicationRow(Record):
    """A row of results/replication.csv: a published number beside one measured here.

    ``device`` is the measured one, empty for what does not depend on a machine. ``index`` carries
    the unit, and after a colon the published device where several were published. ``ratio`` is
    measured / published. ``tolerance`` is the stated error of the published number, in its unit;
    it and ``within`` are empty where the two are not the same quantity (other hardware, memory on
    another basis, other images), so that agreement would mean nothing.
    """

    model: ModelName
    device: DeviceName | None
    batch_size: BatchSize | None
    index: str
    published: NonNegative
    measured: NonNegative
    ratio: NonNegative | None
    tolerance: NonNegative | None
    within: bool | None


# What became of the published study's claims ---------------------------------------------------

Verdict = Literal["holds", "holds only as printed", "does not hold", "cannot be tested here"]


class Evidence(Record):
    """What a claim comes to in one place, in words and numbers.

    ``place`` is ``published`` (the printed tables), ``corrected`` (without the anomalies found in
    them), ``counted`` (the networks as counted here) or a measured device. ``needs`` says what
    would test the claim, where this place cannot.
    """

    place: str
    text: str
    numbers: dict[str, float]
    verdict: Verdict
    needs: str | None = None


class Claim(Record):
    """One claim of the published study; ``published`` holds its numbers as printed."""

    key: str
    section: str
    statement: str
    published: dict[str, float | str | list[str]]
    verdict: Verdict
    recomputed: Evidence
    corrected: Evidence
    measured: list[Evidence]


class Detection(Record):
    """Whether an anomaly is in the tables of one place; ``None`` where that cannot be told."""

    place: str
    text: str
    numbers: dict[str, float]
    found: bool | None


class Anomaly(Record):
    """Something in the published tables that does not look like measurement."""

    key: str
    title: str
    published: Detection
    measured: list[Detection]


class Findings(Record):
    """results/findings.json: the published study put to the test."""

    schema_version: int = SCHEMA_VERSION
    claims: list[Claim]
    anomalies: list[Anomaly]


# One measurement -----------------------------------------------------------------------------


class Disturbance(Record):
    """What else went on while a cell was timed.

    ``steal`` and ``run_delay`` are shares of the timed window; ``busy_before`` is the share of the
    machine's cores that others used just before the round; the reference kernels' times are raw,
    and ``reference_before`` and ``reference_after`` are the worse kernel's time relative to the
    session's best.

    On a GPU: ``events_ms`` and ``wall_ms`` are the timed passes by the device's clock and by the
    host's. The rest was sampled while they ran: the least and the greatest clocks of the cores and
    of the memory, the highest temperature, mean power, and every reason that the driver gave for
    the clocks it chose. ``foreign_processes`` also computed on it. ``clocks_locked`` is None where
    the device does not tell.
    """

    steal: NonNegative | None
    run_delay: NonNegative | None
    involuntary_switches: Annotated[int, Field(ge=0)]
    busy_before: NonNegative | None = None
    reference_compute_ms: tuple[Positive, Positive]
    reference_memory_ms: tuple[Positive, Positive]
    reference_before: Positive
    reference_after: Positive
    events_ms: Positive | None = None
    wall_ms: Positive | None = None
    clock_mhz: tuple[NonNegative, NonNegative] | None = None
    memory_clock_mhz: tuple[NonNegative, NonNegative] | None = None
    clocks_locked: bool | None = None
    temperature_c: float | None = None
    power_w: NonNegative | None = None
    clock_reasons: list[str] | None = None
    foreign_processes: list[str] | None = None
    swapped_mib: NonNegative | None = None


class Attempt(Record):
    """A measurement of a cell that was repeated because it was disturbed; kept for the record."""

    discarded_ms: list[Positive]
    samples_ms: list[Positive]
    disturbance: Disturbance
    started: AwareDatetime


class Agreement(Record):
    """How a way of running a network agrees with fp32-eager on the same images.

    ``largest_difference`` is of a logit, relative to the largest logit of fp32-eager. ``top1``: per
    cent of the ``images`` whose best class is the same.
    """

    images: Annotated[int, Field(ge=1)]
    largest_difference: NonNegative
    top1: Percent


class Built(Record):
    """What an engine built before it ran a network at one batch size.

    ``cached``: it found what an earlier process had built, so that ``ms`` is not what building
    takes; None where it keeps nothing. ``settings`` are the engine's own, its version among them.
    """

    ms: Positive
    cached: bool | None = None
    settings: dict[str, str | int | bool]


class LatencyLine(Record):
    """A line of results/<device>/<variant>/latency/round-<k>.jsonl: one cell in one process.

    ``fingerprint`` identifies everything the number depends on but the machine: code, registry
    entry, protocol. A cell is measured again when it changes. ``energy_mj`` is of one image, in
    passes of its own after the timed ones. ``built`` is None where the engine builds nothing,
    ``agreement`` is None of fp32-eager itself.
    """

    schema_version: SchemaVersion = SCHEMA_VERSION
    device: DeviceName
    variant: str
    model: ModelName
    batch_size: BatchSize
    round: Annotated[int, Field(ge=1)]
    session: str
    protocol: str
    fingerprint: str
    status: Status
    message: str | None = None
    discarded_ms: list[Positive] = []
    samples_ms: list[Positive] = []
    threads: Annotated[int, Field(ge=1)]
    wait_policy: str
    output_ok: bool | None = None
    disturbance: Disturbance | None = None
    energy_mj: Positive | None = None
    energy_basis: EnergyBasis | Literal["not_measured"] = "not_measured"
    built: Built | None = None
    agreement: Agreement | None = None
    first_attempt: Attempt | None = None
    cell_timeout_s: Positive
    cell_s: NonNegative
    started: AwareDatetime


class MemoryCell(Record):
    """One batch size of a memory record. The last fields are a GPU's, and ``None`` elsewhere.

    ``passes_s`` is what the forward passes took, on a machine that other jobs shared: it says what
    the measurement cost, and is no inference time. The peaks are those of torch's allocator: of
    tensors (allocated) and of all that it holds (reserved) in a steady pass, and of all that it
    held in the first, which tries algorithms. ``allocator`` is its settings. Where CPU and GPU
    share their memory: ``noise_mib`` is the spread of readings while nothing was done,
    ``swapped_mib`` what went to swap meanwhile, and ``cuda_free_fall_mib`` how far what CUDA calls
    free fell in the passes. ``built`` as in LatencyLine.
    """

    batch_size: BatchSize
    status: Status
    message: str | None = None
    passes_s: NonNegative | None = None
    memory_mib: NonNegative | None = None
    memory_basis: str | None = None
    memory_net_mib: NonNegative | None = None
    memory_runtime_mib: NonNegative | None = None
    weights_mib: NonNegative | None = None
    activations_mib: NonNegative | None = None
    allocated_peak_mib: NonNegative | None = None
    reserved_peak_mib: NonNegative | None = None
    first_call_peak_mib: NonNegative | None = None
    allocator: str | None = None
    noise_mib: NonNegative | None = None
    swapped_mib: NonNegative | None = None
    cuda_free_fall_mib: float | None = None
    built: Built | None = None


class MemoryRecord(Record):
    """results/<device>/<variant>/memory/<model>.json.

    ``fingerprint`` as in LatencyLine; ``started`` and ``cell_timeout_s`` are those of the cells
    measured last.
    """

    schema_version: SchemaVersion = SCHEMA_VERSION
    device: DeviceName
    variant: str
    model: ModelName
    fingerprint: str
    threads: Annotated[int, Field(ge=1)]
    cell_timeout_s: Positive
    started: AwareDatetime
    cells: list[MemoryCell]


class WeightsTried(Record):
    """A source of weights that was not used, and why."""

    source: str
    reason: str


class WeightsRecord(Record):
    """resources/weights/<model>.json: a network's verified file of weights, or why there is none.

    ``sha256`` is of the file at ``path``. ``source`` is an address, a path, or a file in a package;
    ``revision`` is the commit that a file on Hugging Face is of.
    ``tier`` is that of ``registry.WeightsSource``, or override for a file of the user's own. There
    is no time in it, so that what is fetched again unchanged does not run anything again.
    """

    schema_version: SchemaVersion = SCHEMA_VERSION
    model: ModelName
    status: Literal["ok", "missed"]
    path: str | None = None
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    tier: Tier | Literal["override"] | None = None
    library: str | None = None
    source: str | None = None
    revision: str | None = None
    filename: str | None = None
    licence: str | None = None
    tried: list[WeightsTried] = []


class AccuracyBasis(Record):
    """What a network's answers rest on, and where they were made.

    ``fingerprint`` identifies everything that can change an answer but the machine: weights,
    pixels, preparation, definition, code, version of torch. Channel values are those of
    ``registry.Preparation``.
    """

    fingerprint: str
    images_key: str
    decoder: str
    skipped: list[SkippedImage]
    geometry: ImageGeometry
    channel_order: str
    range: tuple[float, float]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    weights: WeightsRecord
    device: DeviceName
    backend: str
    threads: Annotated[int, Field(ge=1)]
    batch_size: BatchSize
    versions: dict[str, str]
    started: AwareDatetime


class ClassTop1(Record):
    """Top-1 accuracy, per cent, over the ``n`` images of one class."""

    synset: str
    n: Annotated[int, Field(ge=1)]
    top1: Percent


class AccuracyRecord(Record):
    """results/accuracy/<dataset>/<model>.json: per cent, with 95 % intervals.

    Follows from the answers beside it (.npz). A network without weights is ``not_measured``.
    """

    schema_version: SchemaVersion = SCHEMA_VERSION
    model: ModelName
    dataset: str
    protocol: str
    status: Status
    message: str | None = None
    n: Annotated[int, Field(ge=0)] = 0
    classes: Annotated[int, Field(ge=0)] = 0
    top1: Percent | None = None
    top1_low: Percent | None = None
    top1_high: Percent | None = None
    top5: Percent | None = None
    top5_low: Percent | None = None
    top5_high: Percent | None = None
    basis: AccuracyBasis | None = None
    per_class: list[ClassTop1] = []


class GpuEnvironment(Record):
    """The GPU of an Environment, as its driver and torch tell; ``None`` where they do not.

    Clocks are the cores' in MHz: the highest, the one asked of applications, and the one at rest
    when this was recorded. ``cuda`` is torch's; ``cuda_driver`` the newest that the driver knows.
    ``power_mode`` is a Jetson's. ``settings`` are those of the device file.
    """

    uuid: str | None = None
    pci: str | None = None
    compute_capability: str | None = None
    memory_mib: NonNegative | None = None
    cuda: str | None = None
    cuda_driver: str | None = None
    cudnn: str | None = None
    max_clock_mhz: NonNegative | None = None
    application_clock_mhz: NonNegative | None = None
    clock_mhz: NonNegative | None = None
    power_limit_w: NonNegative | None = None
    power_mode: str | None = None
    clocks_locked: bool | None = None
    persistence: bool | None = None
    ecc: bool | None = None
    mig: bool | None = None
    allocator: str | None = None
    settings: dict[str, str | float | bool | None] = {}


class Environment(Record):
    """results/<device>/environment.json: where the numbers come from."""

    schema_version: SchemaVersion = SCHEMA_VERSION
    device: DeviceName
    backend: str
    recorded: AwareDatetime
    hostname: str
    os: str
    kernel: str
    cpu: str
    cores: Annotated[int, Field(ge=1)]
    threads: Annotated[int, Field(ge=1)]
    memory_mib: NonNegative
    virtual_machine: str | None
    governor: str | None
    turbo: bool | None
    max_mhz: NonNegative | None
    gpu: str | None = None
    driver: str | None = None
    gpu_details: GpuEnvironment | None = None
    python: str
    packages: dict[str, str]
    torch_config: str
    commit: str | None
    modified: bool | None
    lock_sha256: str | None


# Reading and writing -------------------------------------------------------------------------


def columns(row_type: type[Record]) -> list[str]:
    """Column names of a table, in order."""
    return list(row_type.model_fields)


def write_text(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` as UTF-8, atomically; see :func:`write_bytes`."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write to ``path`` atomically: a reader sees the old file or the whole new one.

    Raises WriteError where the disk is full or the folder read-only.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        temporary = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            # mkstemp creates the file for its owner alone; results are for everyone to read.
            temporary.chmod(0o644)
            temporary.replace(path)
        except BaseException:
            temporary.unlink()
            raise


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Raise WriteError where the system refuses what is written to ``path``."""
    try:
        yield
    except OSError as error:
        raise WriteError(
            f"{path}: cannot be written: {error.strerror};"
            " mend that and run again, what is finished is kept"
        ) from error


def write_json(path: Path, record: Record) -> None:
    """Write one record as indented JSON, atomically."""
    write_text(path, record.model_dump_json(indent=1) + "\n")


def write_lines(path: Path, records: Iterable[Record]) -> None:
    """Write records as JSON lines, atomically."""
    write_text(path, "".join(record.model_dump_json() + "\n" for record in records))


def write_table(path: Path, row_type: type[Record], rows: Iterable[Record]) -> None:
    """Write rows as CSV with a header, atomically; ``None`` becomes an empty field."""
    write_text(path, table_text(row_type, rows))


def table_text(row_type: type[Record], rows: Iterable[Record]) -> str:
    """Rows as CSV with a header; ``None`` becomes an empty field."""

    def field(value: Any) -> str:
        if value is None:
            return ""
        if isinstance(value, bool):
            return str(value).lower()
        return repr(value) if isinstance(value, float) else str(value)

    names = columns(row_type)
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([field(getattr(row, name)) for name in names] for row in rows)
    return buffer.getvalue()


def read_json(path: Path, record_type: type[R]) -> R:
    """Read one record. Raises RecordError naming the file, the key and the value."""
    try:
        return record_type.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise RecordError(f"{path}: {describe(error)}; remove it to measure again") from error


def read_lines(path: Path, record_type: type[R]) -> list[R]:
    """Read JSON lines. Raises RecordError naming the file, the line, the key and the value."""
    records = []
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            records.append(record_type.model_validate_json(line))
        except ValidationError as error:
            raise RecordError(
                f"{path}:{number}: {describe(error)}; remove the line to measure its cell again"
            ) from error
    return records


def check_place(where: str, record: Record, place: Mapping[str, str | int], remedy: str) -> None:
    """Raise RecordError unless the record's fields are what its ``place`` says."""
    for key, expected in place.items():
        value = getattr(record, key)
        if value != expected:
            raise RecordError(f"{where}: {key}: {value!r}: expected {expected!r} here; {remedy}")


def read_rows(
    path: Path, row_type: type[R], remedy: str = "remove the file to make it again"
) -> list[R]:
    """Read a CSV table as typed rows.

    Raises RecordError naming file, row, column and value, and ending with ``remedy``. A row that
    was cut short is an error even where the missing fields could be empty.
    """
    try:
        return _rows(path, row_type, remedy)
    except (UnicodeDecodeError, csv.Error) as error:
        raise RecordError(f"{path}: not CSV in UTF-8: {error}; {remedy}") from error


def _rows(path: Path, row_type: type[R], remedy: str) -> list[R]:
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.reader(file)
        expected = columns(row_type)
        found = next(reader, None)
        if found != expected:
            raise RecordError(f"{path}: columns are {found}, expected {expected}; {remedy}")
        rows = []
        for values in reader:
            place = f"{path}:{reader.line_num}"
            if len(values) != len(expected):
                raise RecordError(
                    f"{place}: {len(values)} fields, expected {len(expected)}; {remedy}"
                )
            fields = {key: value or None for key, value in zip(expected, values, strict=True)}
            try:
                rows.append(row_type.model_validate(fields))
            except ValidationError as error:
                raise RecordError(f"{place}: {describe(error)}; {remedy}") from error
    return rows


def read_table(path: Path, row_type: type[Record]) -> "pd.DataFrame":
    """Read a CSV table, checked row by row, as a data frame with nullable columns."""
    return to_frame(row_type, read_rows(path, row_type))


def to_frame(row_type: type[Record], rows: Iterable[Record]) -> "pd.DataFrame":
    """Rows as a data frame: every column present, ``None`` as a missing value of its type."""
    import pandas as pd  # Here, not above: the stages that measure need not wait for it.

    frame = pd.DataFrame([row.model_dump() for row in rows], columns=columns(row_type))
    return frame.convert_dtypes()


def describe(error: ValidationError) -> str:
    """The first problem of a validation error in one line: key, value, what was expected.

    Another schema version comes before what follows from it.
    """
    problems = error.errors(include_url=False)
    first = min(problems, key=lambda problem: problem["loc"] != ("schema_version",))
    key = ".".join(str(part) for part in first["loc"]) or "(whole)"
    others = error.error_count() - 1
    more = f" (and {others} more)" if others else ""
    if first["type"] == "value_error":  # A check of our own, which says what is wrong.
        return f"{f'{key}: ' if first['loc'] else ''}{first['ctx']['error']}{more}"
    value = first["input"]
    shown = "" if first["type"] == "missing" else f": {_short(value)}"
    message = first["msg"][0].lower() + first["msg"][1:]
    return f"{key}{shown}: {message}{more}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
