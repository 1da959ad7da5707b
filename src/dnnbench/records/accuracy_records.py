"""Format of results/accuracy/<dataset>/<model>.json."""

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
    """Origin of a network's predictions: inputs, software and device."""

    fingerprint: str
    """Identifies everything except the machine that can change a prediction: weights, pixels,
    preparation, definition, code, version of torch, ``variables``."""
    images_key: str
    """Key of the array of decoded images."""
    decoder: str
    """Libraries that decoded the images, with versions."""
    skipped: list[SkippedImage]
    """Images of the data set that could not be used."""
    geometry: ImageGeometry
    """How images were resized and cropped."""
    channel_order: str
    """Order of the input's channels: ``RGB`` or ``BGR``."""
    range: tuple[float, float]
    """Values of a black and of a white pixel, before ``mean`` and ``std``."""
    mean: tuple[float, float, float]
    """Subtracted from each channel."""
    std: tuple[float, float, float]
    """Divides each channel after ``mean``."""
    weights: WeightsRecord
    """Weights that were used."""
    device: DeviceName
    """Device."""
    backend: str
    """Backend of the device."""
    threads: Threads
    """CPU threads of a pass."""
    variables: dict[Line, Text] = {}
    """Environment variables that can change predictions, and their values."""
    batch_size: BatchSize
    """Images per forward pass."""
    versions: dict[str, str]
    """Versions of the packages that predictions depend on."""
    started: AwareDatetime
    """When the measurement started."""


class ClassTop1(Record):
    """Accuracy on the images of one class."""

    synset: str
    """WordNet identifier of the class."""
    n: Annotated[int, Field(ge=1)]
    """Images of the class."""
    top1: Percent
    """Top-1 accuracy on them."""


class AccuracyRecord(Record):
    """Content of results/accuracy/<dataset>/<model>.json, computed from the .npz next to it.

    Accuracies are in percent, with 95% confidence intervals (Wilson). A network without weights
    has the status ``not_measured``.
    """

    schema_version: SchemaVersion = SCHEMA_VERSION
    """Version of the file format."""
    model: ModelName
    """Key of the network."""
    dataset: str
    """Data set."""
    protocol: str
    """Protocol of image preparation: ``bianco2018`` or ``native``."""
    status: Status
    """Status of the measurement."""
    message: Text | None = None
    """Reason, if there is no accuracy."""
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
    """Origin of the predictions."""
    per_class: list[ClassTop1] = []
    """Accuracy per class."""
    failed_before: Text | None = None
    """Status and message of the previous attempt, if that failed."""
