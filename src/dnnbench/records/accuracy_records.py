"""The shape of results/accuracy/<dataset>/<model>.json."""

from typing import Annotated

from pydantic import (
    AwareDatetime,
    Field,
)

from dnnbench.records.base import (
    SCHEMA_VERSION,
    BatchSize,
    DeviceName,
    Line,
    ModelName,
    Percent,
    Record,
    SchemaVersion,
    Status,
    Text,
    Threads,
)
from dnnbench.records.image_records import ImageGeometry, SkippedImage
from dnnbench.records.weights_records import WeightsRecord


class AccuracyBasis(Record):
    """What a network's answers rest on, and where they were made.

    ``fingerprint`` identifies everything that can change an answer but the machine: weights,
    pixels, preparation, definition, code, version of torch, ``variables`` of the environment.
    Channel values are those of ``registry.Preparation``.
    """

    fingerprint: str
    images_key: str
    decoder: str
    skipped: list[SkippedImage]
    geometry: ImageGeometry
    channel_order: str
    range: tuple[float, float]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    weights: WeightsRecord
    device: DeviceName
    backend: str
    threads: Threads
    variables: dict[Line, Text] = {}
    batch_size: BatchSize
    versions: dict[str, str]
    started: AwareDatetime


class ClassTop1(Record):
    """Top-1 accuracy, per cent, over the ``n`` images of one class."""

    synset: str
    n: Annotated[int, Field(ge=1)]
    top1: Percent


class AccuracyRecord(Record):
    """results/accuracy/<dataset>/<model>.json: per cent, with 95 % intervals.

    Follows from the answers beside it (.npz). A network without weights is ``not_measured``.
    ``failed_before`` as in LatencyLine.
    """

    schema_version: SchemaVersion = SCHEMA_VERSION
    model: ModelName
    dataset: str
    protocol: str
    status: Status
    message: Text | None = None
    n: Annotated[int, Field(ge=0)] = 0
    classes: Annotated[int, Field(ge=0)] = 0
    top1: Percent | None = None
    top1_low: Percent | None = None
    top1_high: Percent | None = None
    top5: Percent | None = None
    top5_low: Percent | None = None
    top5_high: Percent | None = None
    basis: AccuracyBasis | None = None
    per_class: list[ClassTop1] = []
    failed_before: Text | None = None
