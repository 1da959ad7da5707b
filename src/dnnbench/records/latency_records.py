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
    """Duration of each untimed pass."""
    samples_ms: list[Milliseconds]
    """Duration of each timed pass."""
    disturbance: Disturbance
    """Disturbance during this measurement."""
    started: AwareDatetime
    """When it started."""


class LatencyLine(Record):
    """Line of results/<device>/<variant>/latency/round-<round>.jsonl: one cell in one process.

    Durations are of a pass over the whole batch.
    """

    schema_version: SchemaVersion = SCHEMA_VERSION
    """Version of the file format."""
    device: MeasuredDevice
    """Device."""
    variant: Name
    """Variant: precision, engine and layout."""
    model: ModelName
    """Key of the network."""
    batch_size: BatchSize
    """Images per forward pass."""
    round: Annotated[int, Field(ge=1, le=1_000_000)]
    """Number of the round."""
    session: Session
    """Session: the time at which the run started."""
    protocol: Name
    """Protocol: ``default`` or ``bianco2018``."""
    fingerprint: Line
    """Identifies everything but the machine that the number depends on: code, registry entry,
    protocol, ``variables``. If it changes, the cell is measured again."""
    status: Status
    """Status of the cell."""
    message: Text | None = None
    """Reason, if the cell has no latency."""
    discarded_ms: list[Milliseconds] = []
    """Duration of each untimed pass, which warms up the process."""
    samples_ms: list[Milliseconds] = []
    """Duration of each timed pass."""
    threads: Threads
    """CPU threads of a pass."""
    wait_policy: Line
    """``OMP_WAIT_POLICY``: how threads of OpenMP wait."""
    variables: dict[Line, Text] = {}
    """Environment variables that change speed, and their values."""
    output_ok: bool | None = None
    """Whether the output was finite, of the right shape, and repeatable."""
    disturbance: Disturbance | None = None
    """Disturbance while the cell was timed."""
    energy_mj: Positive | None = None
    """Energy per image, from separate passes after the timed ones."""
    energy_basis: EnergyBasis | Literal["not_measured"] = "not_measured"
    """How energy was measured: the device's energy ``counter``, or ``power`` over time."""
    built: Built | None = None
    """Build by the engine; null if it builds nothing."""
    agreement: Agreement | None = None
    """Agreement with ``fp32-eager``; null for ``fp32-eager`` itself."""
    changes_input: bool | None = None
    """Whether a pass changes its input. If so, each pass had a copy, made outside the timed
    window; the energy includes the copies."""
    first_attempt: Attempt | None = None
    """First measurement, if it was disturbed and therefore repeated."""
    failed_before: Text | None = None
    """Status and message of the previous attempt, if that failed. The next run retries a failed
    cell once."""
    cell_timeout_s: Positive
    """Time limit of the cell."""
    cell_s: Seconds
    """Duration of the cell, including building the network."""
    started: AwareDatetime
    """When the cell started."""

    @model_validator(mode="after")
    def _measured(self) -> Self:
        if self.status == "ok" and not self.samples_ms:
            raise ValueError("samples_ms: []: empty although status is ok")
        if self.status == "ok" and not self.cell_s:
            raise ValueError("cell_s: 0: zero although status is ok")
        if self.status == "ok" and self.output_ok is False:
            raise ValueError("output_ok: false: wrong output although status is ok")
        return self
