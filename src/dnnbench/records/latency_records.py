"""The shape of a round of timing: results/<device>/<variant>/latency/round-<k>.jsonl."""

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
    """A measurement of a cell that was repeated because it was disturbed; kept for the record."""

    discarded_ms: list[Milliseconds]
    samples_ms: list[Milliseconds]
    disturbance: Disturbance
    started: AwareDatetime


class LatencyLine(Record):
    """A line of results/<device>/<variant>/latency/round-<k>.jsonl: one cell in one process.

    ``fingerprint`` identifies everything the number depends on but the machine: code, registry
    entry, protocol, ``variables`` of the environment that change speed. A cell is measured again
    when it changes. ``energy_mj`` is of one image, in passes of its own after the timed ones.
    ``built`` is None where the engine builds nothing, ``agreement`` is None of fp32-eager itself.
    ``changes_input``: a pass changes the images that it is given, so each had a copy of its own,
    made outside of what is timed; in the energy, the copies are included.
    ``failed_before``: status and message of the try before, where that failed; a cell that failed
    is tried once more by the next run.
    """

    schema_version: SchemaVersion = SCHEMA_VERSION
    device: MeasuredDevice
    variant: Name
    model: ModelName
    batch_size: BatchSize
    round: Annotated[int, Field(ge=1, le=1_000_000)]
    session: Session
    protocol: Name
    fingerprint: Line
    status: Status
    message: Text | None = None
    discarded_ms: list[Milliseconds] = []
    samples_ms: list[Milliseconds] = []
    threads: Threads
    wait_policy: Line
    variables: dict[Line, Text] = {}
    output_ok: bool | None = None
    disturbance: Disturbance | None = None
    energy_mj: Positive | None = None
    energy_basis: EnergyBasis | Literal["not_measured"] = "not_measured"
    built: Built | None = None
    agreement: Agreement | None = None
    changes_input: bool | None = None
    first_attempt: Attempt | None = None
    failed_before: Text | None = None
    cell_timeout_s: Positive
    cell_s: Seconds
    started: AwareDatetime

    @model_validator(mode="after")
    def _measured(self) -> Self:
        if self.status == "ok" and not self.samples_ms:
            raise ValueError("samples_ms: []: none, where status is ok")
        if self.status == "ok" and not self.cell_s:
            raise ValueError("cell_s: 0: no time at all, where status is ok")
        if self.status == "ok" and self.output_ok is False:
            raise ValueError("output_ok: false: a wrong output, where status is ok")
        return self
