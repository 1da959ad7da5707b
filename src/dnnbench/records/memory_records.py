"""The shape of results/<device>/<variant>/memory/<model>.json."""

from typing import Annotated

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
from dnnbench.records.engine_records import Built


class MemoryCell(Record):
    """One batch size of a memory record. The last fields are a GPU's, and ``None`` elsewhere.

    ``passes_s`` is what the forward passes took, on a machine that other jobs shared: it says what
    the measurement cost, and is no inference time. The peaks are those of torch's allocator: of
    tensors (allocated) and of all that it holds (reserved) in a steady pass, and of all that it
    held in the first, which tries algorithms. ``allocator`` is its settings. Where CPU and GPU
    share their memory: ``noise_mib`` is the spread of readings while nothing was done,
    ``swapped_mib`` what went to swap meanwhile, and ``cuda_free_fall_mib`` how far what CUDA calls
    free fell in the passes. ``built`` and ``failed_before`` as in LatencyLine.
    ``message`` of a status ok says why ``activations_mib`` is missing.
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
    failed_before: str | None = None


class MemoryRecord(Record):
    """results/<device>/<variant>/memory/<model>.json.

    ``fingerprint`` and ``variables`` as in LatencyLine; ``started`` and ``cell_timeout_s`` are
    those of the cells measured last.
    """

    schema_version: SchemaVersion = SCHEMA_VERSION
    device: MeasuredDevice
    variant: str
    model: ModelName
    fingerprint: str
    threads: Annotated[int, Field(ge=1)]
    variables: dict[str, str] = {}
    cell_timeout_s: Positive
    started: AwareDatetime
    cells: list[MemoryCell]
