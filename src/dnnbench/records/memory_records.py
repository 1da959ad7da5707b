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

    The fields ending in ``_peak_mib`` come from torch's allocator and apply to GPUs only. The
    fields from ``noise_mib`` to ``cuda_free_fall_mib`` apply only to devices on which CPU and GPU
    share memory.
    """

    batch_size: BatchSize
    """Images per forward pass."""
    status: Status
    """Status of the cell."""
    message: Text | None = None
    """Why the cell has no memory value. With status ``ok``: why ``activations_mib`` is null."""
    passes_s: Seconds | None = None
    """Total duration of the forward passes. Not a latency, because other jobs may run at the
    same time."""
    pass_s: Seconds | None = None
    """Duration of the last of these passes."""
    cell_s: Seconds | None = None
    """Duration of the cell, including starting the process and building the network. From
    these three durations follow the cost of a latency process and thus the number of processes."""
    memory_mib: Mib | None = None
    """Peak memory of a forward pass, including the weights; see ``memory_basis``."""
    memory_basis: Line | None = None
    """Memory basis: ``net`` (what the network adds to the process), ``process`` (all device
    memory of the process) or ``device`` (all memory in use on the GPU, minus the use before the
    process started)."""
    memory_net_mib: Mib | None = None
    """Memory that the network adds to the process: memory basis ``net``."""
    memory_runtime_mib: Mib | None = None
    """Baseline: memory of the interpreter, libraries and engine, without the network."""
    weights_mib: Mib | None = None
    """Size of the parameters and buffers."""
    activations_mib: Mib | None = None
    """Peak total size of the live tensors in a pass, computed without running it: a lower bound
    on the memory of a pass."""
    allocated_peak_mib: Mib | None = None
    """Peak size of the allocated tensors in a pass after the first."""
    reserved_peak_mib: Mib | None = None
    """Peak of all memory that the allocator held in a pass after the first."""
    first_call_peak_mib: Mib | None = None
    """Peak of all memory that the allocator held in the first pass, in which libraries try
    several algorithms."""
    allocator: Text | None = None
    """Settings of torch's allocator; null: its defaults."""
    noise_mib: Mib | None = None
    """Spread of the readings while the process was idle."""
    swapped_mib: Mib | None = None
    """Memory that was swapped out during the measurement."""
    cuda_free_fall_mib: Annotated[float, Field(ge=-(2**30), le=2**30)] | None = None
    """Decrease, during the passes, of the free memory that CUDA reports."""
    built: Built | None = None
    """The engine's preparation of the network; null if the engine needs none."""
    failed_before: Text | None = None
    """Status and message of the previous attempt, if it failed."""


class MemoryRecord(Record):
    """Content of results/<device>/<variant>/memory/<model>.json: one network, all batch sizes."""

    schema_version: SchemaVersion = SCHEMA_VERSION
    """Version of the file format."""
    device: MeasuredDevice
    """Name of the device."""
    variant: Name
    """Variant: precision, engine, layout, allocator, threads."""
    model: ModelName
    """Key of the network."""
    fingerprint: Line
    """Hash of everything that the numbers depend on, except the machine: code, registry entry,
    ``variables``, ``allocator``. If it changes, the cells are measured again."""
    threads: Threads
    """CPU threads of a pass."""
    variables: dict[Line, Text] = {}
    """Environment variables that affect speed or memory, with their values."""
    allocator: dict[Line, Text] = {}
    """Environment variables that dnnbench set to choose the variant's allocator, with their values.
    A preloaded library is followed by its SHA-256. Empty for the default allocator."""
    cell_timeout_s: Positive
    """Time limit of one cell when the cells were last measured."""
    started: AwareDatetime
    """Start of the latest measurement."""
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
