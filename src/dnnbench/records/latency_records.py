"""The shape of a round of timing: results/<device>/<variant>/latency/round-<k>.jsonl."""

from typing import Annotated, Literal

from pydantic import (
    AwareDatetime,
    Field,
)

from dnnbench.records.base import (
    SCHEMA_VERSION,
    BatchSize,
    MeasuredDevice,
    ModelName,
    NonNegative,
    Positive,
    Record,
    SchemaVersion,
    Status,
)
from dnnbench.records.disturbance_records import Disturbance, EnergyBasis
from dnnbench.records.engine_records import Agreement, Built


class Attempt(Record):
    """A measurement of a cell that was repeated because it was disturbed; kept for the record."""

    discarded_ms: list[Positive]
    samples_ms: list[Positive]
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
    variables: dict[str, str] = {}
    output_ok: bool | None = None
    disturbance: Disturbance | None = None
    energy_mj: Positive | None = None
    energy_basis: EnergyBasis | Literal["not_measured"] = "not_measured"
    built: Built | None = None
    agreement: Agreement | None = None
    changes_input: bool | None = None
    first_attempt: Attempt | None = None
    failed_before: str | None = None
    cell_timeout_s: Positive
    cell_s: NonNegative
    started: AwareDatetime
