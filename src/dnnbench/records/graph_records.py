"""Format of resources/graphs/<graph>/<model>.json."""

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from dnnbench.records.base import (
    SCHEMA_VERSION,
    BatchSize,
    Line,
    Milliseconds,
    ModelName,
    Name,
    Record,
    SchemaVersion,
    Text,
)

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_FileName = Annotated[str, Field(pattern=r"^\w[\w.-]*$", max_length=200)]


class GraphCell(Record):
    """The graph of one batch size."""

    batch_size: BatchSize
    """Images per forward pass."""
    status: Literal["ok", "oom", "timeout", "failed"]
    """``ok``, or how building ended."""
    message: Text | None = None
    """Why there is no graph."""
    identity: Sha256
    """SHA-256 of everything that determines the graph: the network's definition and code, the seed
    of its weights, the batch size, the calibration images, the bits of quantized weights, and the
    versions in ``exporter``."""
    files: dict[_FileName, Sha256] = {}
    """Files of the graph in the folder of this record, with their SHA-256; the first is the one to
    read. Graphs of several batch sizes may share a file of weights."""
    ms: Milliseconds | None = None
    """Time to build the graph."""
    settings: dict[Line, Text | int | float] = {}
    """How the graph was made. ``capture`` is ``trace`` (one pass was traced) or ``torch.export``.
    Quantized graphs also have the method of calibration, the number of images, the mean squared
    difference of the logits from fp32 on them (as a share of the mean square), the bits of the
    weights, and how many convolutions and matrix products are int8."""
    exporter: Line
    """The packages that built the graph, with versions."""
    failed_before: Text | None = None
    """Status and message of the previous attempt, if it failed. The next run retries a failed graph
    once."""

    @model_validator(mode="after")
    def _has_files(self) -> Self:
        if self.status == "ok" and (not self.files or not self.ms):
            raise ValueError("files, ms: missing although status is ok")
        return self


class GraphRecord(Record):
    """Content of resources/graphs/<graph>/<model>.json: the graphs of one network."""

    schema_version: SchemaVersion = SCHEMA_VERSION
    """Version of the file format."""
    graph: Name
    """Format of the graphs, and name of their folder."""
    model: ModelName
    """Key of the network."""
    cells: list[GraphCell]
    """One graph per batch size."""

    @field_validator("cells")
    @classmethod
    def _one_of_a_size(cls, cells: list[GraphCell]) -> list[GraphCell]:
        if len({cell.batch_size for cell in cells}) < len(cells):
            raise ValueError("two graphs of the same batch size")
        return cells
