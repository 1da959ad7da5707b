"""Format of the record that ``dnnbench export`` writes next to a graph."""

from typing import Annotated, Literal

from pydantic import Field

from dnnbench.records.base import (
    SCHEMA_VERSION,
    BatchSize,
    Interpolation,
    Line,
    ModelName,
    Name,
    Record,
    SchemaVersion,
    Text,
)
from dnnbench.records.graph_records import Sha256
from dnnbench.records.study_records import StudyRow
from dnnbench.records.weights_records import WeightsRecord

Three = tuple[float, float, float]


class Preprocessing(Record):
    """From an image file to the input of the graph, in this order."""

    resize: Annotated[int, Field(ge=1)]
    """Resize the RGB image with Pillow: its short side to this length, the long side in
    proportion, rounded down."""
    interpolation: Interpolation
    """Pillow's filter for that."""
    crop: Annotated[int, Field(ge=1)]
    """Crop the center to a square of this size: left and top are round((side - crop) / 2)."""
    channel_order: Literal["RGB", "BGR"]
    """Order of the channels."""
    divide_by: Literal[1, 255]
    """Divide the pixels (0 to 255) by this number."""
    mean: Three
    """Subtract from each channel, in ``channel_order``."""
    std: Three
    """Divide each channel by this."""


class Exported(Record):
    """Content of FILE.json, next to the graph of ``dnnbench export``."""

    schema_version: SchemaVersion = SCHEMA_VERSION
    """Version of the file format."""
    model: ModelName
    """Key of the network."""
    variant: Name
    """Variant: precision and engine."""
    file: Line
    """Name of the graph's file."""
    sha256: Sha256
    """SHA-256 of that file."""
    batch_size: BatchSize
    """Images per pass; the graph accepts no other number."""
    input: Line
    """Name of the graph's input: float32, [batch_size, 3, crop, crop]."""
    output: Line
    """Name of the graph's output, the logits: float32, [batch_size, classes]."""
    preprocessing: Preprocessing | None
    """How to prepare an image; null if the protocol does not apply to the network."""
    labels: list[Line] | None
    """Classes in the order of the logits (WordNet IDs); null if they are not ImageNet's."""
    weights: WeightsRecord
    """Origin of the trained weights."""
    settings: dict[Line, Text | int | float]
    """How the graph was quantized, as in ``resources/graphs``."""
    exporter: Line
    """The packages that built the graph, with versions."""
    protocol: Line
    """Setting ``dataset.protocol``, which ``preprocessing`` follows."""
    measured: list[StudyRow]
    """Rows of ``results/study.csv`` of this network, variant and batch size."""
