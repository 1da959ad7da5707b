"""The shapes of the files in resources/images/<dataset>."""

from typing import Annotated

from pydantic import (
    Field,
)

from dnnbench.records.base import SCHEMA_VERSION, ClassNumber, Interpolation, Record, SchemaVersion


class ImageFile(Record):
    """A picture of a data set that has a class; ``name`` is its path in the folder."""

    name: str
    sha256: str
    label: ClassNumber


class SkippedImage(Record):
    """A picture that is in no measurement, and why."""

    name: str
    reason: str


class LeftOut(Record):
    """Files beside the pictures of a data set that are no part of it: why, how many, and a few.

    A folder whose files were not looked at counts once; its name ends in a slash.
    """

    reason: str
    count: Annotated[int, Field(ge=1)]
    examples: list[str]


class ImageIndex(Record):
    """resources/images/<dataset>/index.json: the files of a data set.

    ``labels`` says where the classes come from. ``skipped`` are pictures of the data set that
    cannot be used; ``left_out`` is no part of it: ``other_files`` files and folders, and labels
    that no picture has.
    """

    schema_version: SchemaVersion = SCHEMA_VERSION
    dataset: str
    folder: str
    labels: str
    files: list[ImageFile]
    skipped: list[SkippedImage]
    left_out: list[LeftOut] = []
    other_files: Annotated[int, Field(ge=0)]


class DecodedPicture(ImageFile):
    """A line of resources/images/<dataset>/<geometry>-<key>.jsonl, in the order of the index.

    ``kind`` is what the file was (format, pixels); without pixels, ``skipped`` says why.
    """

    kind: str | None = None
    skipped: str | None = None


class ImageGeometry(Record):
    """How pictures were cut; sizes in pixels. See ``dnnbench.images.geometry``."""

    interpolation: Interpolation
    resize: Annotated[int, Field(ge=1)]
    size: Annotated[int, Field(ge=1)]


class DecodedImages(Record):
    """resources/images/<dataset>/<geometry>.json: what is in the array beside it.

    ``key`` changes with anything that could change a pixel or a label. ``scored_classes`` are the
    classes that the ``n`` pictures show; an answer is one of all 1,000. ``kinds`` counts what the
    files were. One array serves every protocol that asks for its geometry.
    """

    schema_version: SchemaVersion = SCHEMA_VERSION
    dataset: str
    geometry: ImageGeometry
    key: str
    decoder: str
    array: str
    pictures: str
    n: Annotated[int, Field(ge=1)]
    scored_classes: list[ClassNumber]
    kinds: dict[str, int]
    skipped: list[SkippedImage]
    other_files: Annotated[int, Field(ge=0)]
    labels: str
