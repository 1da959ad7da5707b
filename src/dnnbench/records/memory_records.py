"""The shape of results/<device>/<variant>/memory/<model>.json."""

from typing import Annotated

from pydantic import (
    AwareDatetime,
    Field,
    field_validator,
)

from dnnbench.records.base import (
    SCHEMA_VERSION,
    BatchSize,
    Line,
    MeasuredDevice,
    Mib,
    ModelName,
    Name,
    Positive,
    Record,
    SchemaVersion,
    Seconds,
    Status,
    Text,
    Threads,
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
    message: Text | None = None
    passes_s: Seconds | None = None
    memory_mib: Mib | None = None
    memory_basis: Line | None = None
    memory_net_mib: Mib | None = None
    memory_runtime_mib: Mib | None = None
    weights_mib: Mib | None = None
    activations_mib: Mib | None = None
    allocated_peak_mib: Mib | None = None
    reserved_peak_mib: Mib | None = None
    first_call_peak_mib: Mib | None = None
    allocator: Text | None = None
    noise_mib: Mib | None = None
    swapped_mib: Mib | None = None
    cuda_free_fall_mib: Annotated[float, Field(ge=-(2**30), le=2**30)] | None = None
    built: Built | None = None
    failed_before: Text | None = None


class MemoryRecord(Record):
    """results/<device>/<variant>/memory/<model>.json.

    ``fingerprint`` and ``variables`` as in LatencyLine; ``started`` and ``cell_timeout_s`` are
    those of the cells measured last.
    """

    schema_version: SchemaVersion = SCHEMA_VERSION
    device: MeasuredDevice
    variant: Name
    model: ModelName
    fingerprint: Line
    threads: Threads
    variables: dict[Line, Text] = {}
    cell_timeout_s: Positive
    started: AwareDatetime
    cells: list[MemoryCell]

    @field_validator("cells")
    @classmethod
    def _one_of_a_size(cls, cells: list[MemoryCell]) -> list[MemoryCell]:
        sizes = [cell.batch_size for cell in cells]
        for place, size in enumerate(sizes):
            if size in sizes[:place]:
                raise ValueError(f"{place}: batch_size: {size}: a second cell of this size")
        return cells
