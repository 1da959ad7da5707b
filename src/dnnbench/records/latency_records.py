"""The shape of a round of timing: results/<device>/<variant>/latency/round-<k>.jsonl."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import (
    AwareDatetime,
    Field,
)

if TYPE_CHECKING:
    pass
from dnnbench.records.base import (
    SCHEMA_VERSION,
    BatchSize,
    DeviceName,
    ModelName,
    NonNegative,
    Positive,
    Record,
    SchemaVersion,
    Status,
)
from dnnbench.records.engine_records import Agreement, Built

# What energy was measured with: the device's counter of all it used, or its power over time.
EnergyBasis = Literal["counter", "power"]


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
