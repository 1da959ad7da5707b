"""Format of results/<device>/<variant>/memory/<model>.json."""

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
    """One batch size of a memory record.

    The peaks are those of torch's allocator on a GPU. The fields from ``noise_mib`` to
    ``cuda_free_fall_mib`` are for devices on which CPU and GPU share memory.
    """

    batch_size: BatchSize
    """Images per forward pass."""
    status: Status
    """Status of the cell."""
    message: Text | None = None
    """Reason, if the cell has no memory, or with status ``ok``, no ``activations_mib``."""
    passes_s: Seconds | None = None
    """Duration of the forward passes while other jobs ran: the cost of measuring, not a latency."""
    memory_mib: Mib | None = None
    """Peak memory of a forward pass, including the weights; see ``memory_basis``."""
    memory_basis: Line | None = None
    """Memory basis: ``net`` (what the network adds to the process) or ``process`` (all device
    memory of the process)."""
    memory_net_mib: Mib | None = None
    """Memory that the network adds to the process: memory basis ``net``."""
    memory_runtime_mib: Mib | None = None
    """Memory of interpreter, libraries and engine before the network is built: the baseline."""
    weights_mib: Mib | None = None
    """Size of the parameters and buffers."""
    activations_mib: Mib | None = None
    """Largest sum of live tensors in a pass, computed without running it: a lower bound."""
    allocated_peak_mib: Mib | None = None
    """Peak of the tensors in a steady pass."""
    reserved_peak_mib: Mib | None = None
    """Peak of all memory that the allocator held in a steady pass."""
    first_call_peak_mib: Mib | None = None
    """Peak of all memory that the allocator held in the first pass, which tries algorithms."""
    allocator: Text | None = None
    """Settings of the allocator; null: its defaults."""
    noise_mib: Mib | None = None
    """Spread of the readings while nothing ran."""
    swapped_mib: Mib | None = None
    """Memory that went to swap during the measurement."""
    cuda_free_fall_mib: Annotated[float, Field(ge=-(2**30), le=2**30)] | None = None
    """Decrease of the free memory that CUDA reports, during the passes."""
    built: Built | None = None
    """Build by the engine; null if it builds nothing."""
    failed_before: Text | None = None
    """Status and message of the previous attempt, if that failed."""


class MemoryRecord(Record):
    """Content of results/<device>/<variant>/memory/<model>.json: a network at each batch size."""

    schema_version: SchemaVersion = SCHEMA_VERSION
    """Version of the file format."""
    device: MeasuredDevice
    """Device."""
    variant: Name
    """Variant: precision, engine and layout."""
    model: ModelName
    """Key of the network."""
    fingerprint: Line
    """Identifies everything but the machine that the numbers depend on: code, registry entry,
    ``variables``. If it changes, the cells are measured again."""
    threads: Threads
    """CPU threads of a pass."""
    variables: dict[Line, Text] = {}
    """Environment variables that change speed or memory, and their values."""
    cell_timeout_s: Positive
    """Time limit of the cells that were measured last."""
    started: AwareDatetime
    """When the last measurement started."""
    cells: list[MemoryCell]
    """One cell per batch size."""

    @field_validator("cells")
    @classmethod
    def _one_of_a_size(cls, cells: list[MemoryCell]) -> list[MemoryCell]:
        sizes = [cell.batch_size for cell in cells]
        for place, size in enumerate(sizes):
            if size in sizes[:place]:
                raise ValueError(f"{place}: batch_size: {size}: a second cell of this size")
        return cells
