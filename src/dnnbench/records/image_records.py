"""Formats of the files in resources/images/<dataset>."""

from typing import Annotated

from pydantic import (
    Field,
)

from dnnbench.records.base import SCHEMA_VERSION, ClassNumber, Interpolation, Record, SchemaVersion


class ImageFile(Record):
    """Labeled image of a data set."""

    name: str
    """Path in the folder of images."""
    sha256: str
    """SHA-256 of the file."""
    label: ClassNumber
    """Class, 0 to 999."""


class SkippedImage(Record):
    """Image that no measurement uses."""

    name: str
    """Path in the folder of images."""
    reason: str
    """Reason why it cannot be used."""


class LeftOut(Record):
    """Files next to the images that are not part of the data set.

    A folder whose files were not examined counts once; its name ends in a slash.
    """

    reason: str
    """Reason why they are not part of it."""
    count: Annotated[int, Field(ge=1)]
    """How many there are."""
    examples: list[str]
    """A few of their names."""


class ImageIndex(Record):
    """Content of resources/images/<dataset>/index.json: the files of a data set."""

    schema_version: SchemaVersion = SCHEMA_VERSION
    """Version of the file format."""
    dataset: str
    """Data set."""
    folder: str
    """Folder of the images."""
    labels: str
    """Source of the classes."""
    files: list[ImageFile]
    """Images that can be used."""
    skipped: list[SkippedImage]
    """Images of the data set that cannot be used."""
    left_out: list[LeftOut] = []
    """Files that are not part of the data set, by reason."""
    other_files: Annotated[int, Field(ge=0)]
    """Files and folders that are not part of it, and labels without an image."""


class DecodedPicture(ImageFile):
    """Line of resources/images/<dataset>/<geometry>-<key>.jsonl, in the order of the index."""

    kind: str | None = None
    """Format and pixels of the file."""
    skipped: str | None = None
    """Reason, if there are no pixels."""


class ImageGeometry(Record):
    """How images were resized and cropped."""

    interpolation: Interpolation
    """Filter that resizes."""
    resize: Annotated[int, Field(ge=1)]
    """Length of the short side after resizing."""
    size: Annotated[int, Field(ge=1)]
    """Side of the square center crop."""


class DecodedImages(Record):
    """Content of resources/images/<dataset>/<geometry>.json: an array of decoded images.

    The array lies next to it. One array serves every protocol that uses its geometry.
    """

    schema_version: SchemaVersion = SCHEMA_VERSION
    """Version of the file format."""
    dataset: str
    """Data set."""
    geometry: ImageGeometry
    """How images were resized and cropped."""
    key: str
    """Changes with anything that could change a pixel or a label."""
    decoder: str
    """Libraries that decoded the images, with versions."""
    array: str
    """File of the array: uint8, [n, size, size, 3], RGB."""
    pictures: str
    """File that lists the images of the array."""
    n: Annotated[int, Field(ge=1)]
    """Images in the array."""
    scored_classes: list[ClassNumber]
    """Classes of the images; a network predicts one of all 1,000."""
    kinds: dict[str, int]
    """Images of each format."""
    skipped: list[SkippedImage]
    """Images of the data set that could not be used."""
    other_files: Annotated[int, Field(ge=0)]
    """Files and folders that are not part of the data set, and labels without an image."""
    labels: str
    """Source of the classes."""
