"""Formats of the files in resources/images/<dataset>."""

from typing import Annotated

from pydantic import (
    Field,
)

from dnnbench.records.base import SCHEMA_VERSION, ClassNumber, Interpolation, Record, SchemaVersion


class ImageFile(Record):
    """A labeled image of a data set."""

    name: str
    """Path relative to the folder of images."""
    sha256: str
    """SHA-256 of the file."""
    label: ClassNumber
    """Class, 0 to 999."""


class SkippedImage(Record):
    """An image that cannot be used."""

    name: str
    """Path relative to the folder of images."""
    reason: str
    """Why the image cannot be used."""


class LeftOut(Record):
    """Files found next to the images that are not part of the data set, for one reason.

    A folder that was not searched counts as one file; its name ends in a slash.
    """

    reason: str
    """Why the files are not part of the data set."""
    count: Annotated[int, Field(ge=1)]
    """Number of files."""
    examples: list[str]
    """Names of a few of the files."""


class ImageIndex(Record):
    """Content of resources/images/<dataset>/index.json: the files of a data set."""

    schema_version: SchemaVersion = SCHEMA_VERSION
    """Version of the file format."""
    dataset: str
    """Name of the data set."""
    folder: str
    """Folder of the images."""
    labels: str
    """Source of the class labels."""
    files: list[ImageFile]
    """The images that can be used."""
    skipped: list[SkippedImage]
    """The images of the data set that cannot be used."""
    left_out: list[LeftOut] = []
    """Files that are not part of the data set, by reason."""
    other_files: Annotated[int, Field(ge=0)]
    """Number of files and folders that are not part of the data set, plus the number of labels
    without an image."""


class DecodedPicture(ImageFile):
    """Line of resources/images/<dataset>/<geometry>-<key>.jsonl: one image, in index order."""

    kind: str | None = None
    """File format and pixel format."""
    skipped: str | None = None
    """Why the image could not be decoded; null if it was."""


class ImageGeometry(Record):
    """How images were resized and cropped."""

    interpolation: Interpolation
    """Resize filter."""
    resize: Annotated[int, Field(ge=1)]
    """Length of the short side after resizing."""
    size: Annotated[int, Field(ge=1)]
    """Side length of the square center crop."""


class DecodedImages(Record):
    """Content of resources/images/<dataset>/<geometry>.json: one array of decoded images.

    The array itself is in the same folder (``array``). All protocols with this geometry share it.
    """

    schema_version: SchemaVersion = SCHEMA_VERSION
    """Version of the file format."""
    dataset: str
    """Name of the data set."""
    geometry: ImageGeometry
    """How images were resized and cropped."""
    key: str
    """Hash of everything that can change a pixel or a label."""
    decoder: str
    """Libraries that decoded the images, with their versions."""
    array: str
    """Name of the file with the array: uint8, [n, size, size, 3], RGB."""
    pictures: str
    """Name of the file that lists the images in the array."""
    n: Annotated[int, Field(ge=1)]
    """Number of images in the array."""
    scored_classes: list[ClassNumber]
    """Classes that occur among the images; networks still choose among all 1,000."""
    kinds: dict[str, int]
    """Number of images of each format."""
    skipped: list[SkippedImage]
    """The images of the data set that could not be used."""
    other_files: Annotated[int, Field(ge=0)]
    """Number of files and folders that are not part of the data set, plus the number of labels
    without an image."""
    labels: str
    """Source of the class labels."""
