"""Format of results/accuracy/<dataset>/<model>.json, and of the records of variants."""

from typing import Annotated

from pydantic import (
    AwareDatetime,
    Field,
)

from dnnbench.records.base import (
    REFERENCE,
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
    """Origin of a network's predictions: inputs, software and device."""

    fingerprint: str
    """Hash of everything that can change a prediction, except the machine: weights, pixels,
    preparation, definition, code, version of torch, ``variables``."""
    images_key: str
    """``key`` of the array of decoded images."""
    decoder: str
    """Libraries that decoded the images, with their versions."""
    skipped: list[SkippedImage]
    """Images of the data set that could not be used."""
    geometry: ImageGeometry
    """How images were resized and cropped."""
    channel_order: str
    """Order of the input channels: ``RGB`` or ``BGR``."""
    range: tuple[float, float]
    """Values of black and white pixels before ``mean`` and ``std`` are applied."""
    mean: tuple[float, float, float]
    """Value subtracted from each channel."""
    std: tuple[float, float, float]
    """Value that each channel is divided by after subtracting ``mean``."""
    weights: WeightsRecord
    """The weights that were used."""
    device: DeviceName
    """Name of the device."""
    backend: str
    """Backend of the device."""
    threads: Threads
    """CPU threads of a pass."""
    variables: dict[Line, Text] = {}
    """Environment variables that can change predictions, with their values."""
    batch_size: BatchSize
    """Images per forward pass."""
    versions: dict[str, str]
    """Versions of the packages that predictions depend on."""
    started: AwareDatetime
    """Start of the measurement."""


class ClassTop1(Record):
    """Accuracy on the images of one class."""

    synset: str
    """WordNet identifier of the class."""
    n: Annotated[int, Field(ge=1)]
    """Number of images of the class."""
    top1: Percent
    """Top-1 accuracy on these images."""


class AccuracyRecord(Record):
    """Content of results/accuracy/<dataset>/<model>.json: accuracy, computed from the .npz file.

    The records of other variants than ``fp32-eager`` are in
    results/accuracy/<dataset>/<device>/<variant>/. The intervals are Wilson's 95% confidence
    intervals. A network without weights has the status ``not_measured``.
    """

    schema_version: SchemaVersion = SCHEMA_VERSION
    """Version of the file format."""
    model: ModelName
    """Key of the network."""
    dataset: str
    """Name of the data set."""
    protocol: str
    """Accuracy protocol: ``bianco2018`` or ``native``."""
    variant: str = REFERENCE
    """Variant in which the network ran."""
    status: Status
    """Status of the measurement."""
    message: Text | None = None
    """Why there is no accuracy."""
    n: Annotated[int, Field(ge=0)] = 0
    """Number of images that the network classified."""
    classes: Annotated[int, Field(ge=0)] = 0
    """Number of classes among these images."""
    top1: Percent | None = None
    """Top-1 accuracy."""
    top1_low: Percent | None = None
    """Lower end of the interval of ``top1``."""
    top1_high: Percent | None = None
    """Upper end of the interval of ``top1``."""
    top5: Percent | None = None
    """Top-5 accuracy."""
    top5_low: Percent | None = None
    """Lower end of the interval of ``top5``."""
    top5_high: Percent | None = None
    """Upper end of the interval of ``top5``."""
    basis: AccuracyBasis | None = None
    """Origin of the predictions; null if there are none."""
    per_class: list[ClassTop1] = []
    """Accuracy per class."""
    failed_before: Text | None = None
    """Status and message of the previous attempt, if it failed."""
