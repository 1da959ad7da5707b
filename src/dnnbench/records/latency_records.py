"""Format of a latency round: results/<device>/<variant>/latency/round-<round>.jsonl."""

from typing import Annotated, Literal, Self

from pydantic import (
    AwareDatetime,
    Field,
    model_validator,
)

from dnnbench.records.base import (
    SCHEMA_VERSION,
    BatchSize,
    Line,
    MeasuredDevice,
    Milliseconds,
    ModelName,
    Name,
    Positive,
    Record,
    SchemaVersion,
    Seconds,
    Session,
    Status,
    Text,
    Threads,
)
from dnnbench.records.disturbance_records import Disturbance, EnergyBasis
from dnnbench.records.engine_records import Agreement, Built


class Attempt(Record):
    """First measurement of a cell that was repeated because it was disturbed."""

    discarded_ms: list[Milliseconds]
    """Duration of each warm-up pass."""
    samples_ms: list[Milliseconds]
    """Duration of each timed pass."""
    disturbance: Disturbance
    """Disturbance during this measurement."""
    started: AwareDatetime
    """Start of the measurement."""


class LatencyLine(Record):
    """Line of results/<device>/<variant>/latency/round-<round>.jsonl: one cell in one process.

    Durations of passes are for the whole batch, not per image.
    """

    schema_version: SchemaVersion = SCHEMA_VERSION
    """Version of the file format."""
    device: MeasuredDevice
    """Name of the device."""
    variant: Name
    """Variant: precision, engine, layout, allocator, threads."""
    model: ModelName
    """Key of the network."""
    batch_size: BatchSize
    """Images per forward pass."""
    round: Annotated[int, Field(ge=1, le=1_000_000)]
    """Number of the round."""
    process: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    """Number of the process among those of its cell in this round."""
    processes: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """Planned number of processes of the cell over all rounds; null in records of earlier versions,
    which started one per round."""
    session: Session
    """Name of the session: the time at which the run started."""
    protocol: Name
    """Latency protocol: ``default`` or ``bianco2018``."""
    fingerprint: Line
    """Hash of everything that the latency depends on, except the machine: code, registry entry,
    protocol, ``variables``, ``allocator``. If it changes, the cell is measured again."""
    status: Status
    """Status of the cell."""
    message: Text | None = None
    """Why the cell has no latency."""
    discarded_ms: list[Milliseconds] = []
    """Duration of each warm-up pass."""
    samples_ms: list[Milliseconds] = []
    """Duration of each timed pass."""
    page_faults: Annotated[float, Field(ge=0, le=1e12)] | None = None
    """Minor page faults per timed pass: pages of memory that the kernel had to map."""
    system_ms: Annotated[float, Field(ge=0, le=1e9)] | None = None
    """Processor time per timed pass that the kernel spent for this process, mostly mapping memory.
    It adds up over threads."""
    scheduling: Line = "normal"
    """Scheduling of the process: ``normal``, or ``nice -20`` where the user may raise its
    priority."""
    threads: Threads
    """CPU threads of a pass."""
    wait_policy: Line
    """Value of ``OMP_WAIT_POLICY``: how OpenMP threads wait."""
    variables: dict[Line, Text] = {}
    """Environment variables that affect speed, with their values."""
    allocator: dict[Line, Text] = {}
    """Environment variables that dnnbench set to choose the variant's allocator, with their values.
    A preloaded library is followed by its SHA-256. Empty for the default allocator."""
    output_ok: bool | None = None
    """Whether the output was finite and repeatable and had the right shape."""
    disturbance: Disturbance | None = None
    """Signs of disturbance while the cell was timed."""
    energy_mj: Positive | None = None
    """Energy per image, from separate passes after the timed ones."""
    energy_basis: EnergyBasis | Literal["not_measured"] = "not_measured"
    """How energy was measured: with the device's energy ``counter``, or by integrating its
    ``power`` over time."""
    built: Built | None = None
    """The engine's preparation of the network; null if the engine needs none."""
    agreement: Agreement | None = None
    """Agreement with ``fp32-eager``; null for ``fp32-eager`` itself."""
    changes_input: bool | None = None
    """Whether the network modifies its input. If so, each pass got its own copy, made outside the
    timed window; the energy includes the copies."""
    first_attempt: Attempt | None = None
    """The first measurement, if the cell was measured again because of a disturbance."""
    failed_before: Text | None = None
    """Status and message of the previous attempt, if it failed. The next run retries a failed cell
    once."""
    cell_timeout_s: Positive
    """Time limit of the cell."""
    cell_s: Seconds
    """Duration of the cell, including building the network."""
    started: AwareDatetime
    """Start of the cell."""

    @model_validator(mode="after")
    def _measured(self) -> Self:
        if self.status == "ok" and not self.samples_ms:
            raise ValueError("samples_ms: []: empty although status is ok")
        if self.status == "ok" and not self.cell_s:
            raise ValueError("cell_s: 0: zero although status is ok")
        if self.status == "ok" and self.output_ok is False:
            raise ValueError("output_ok: false: wrong output although status is ok")
        return self
