"""Class labels derived from file names or folder names.

A labeler takes an image's path relative to the image folder and returns its class, from 0 to 999 in
sorted synset order. It raises NoLabel if the image has no class.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from dnnbench.config.dataset import Labeller
from dnnbench.images import picture_folders, synsets
from dnnbench.images.picture_folders import ImagesError

_SYNSET = re.compile(r"(?<![0-9A-Za-z])n\d{8}(?![0-9A-Za-z])")

# ImageNet's names for validation images; Hugging Face's names for training images.
_VALIDATION = re.compile(r"ILSVRC2012_val_\d{8}")
_TRAINING = re.compile(r"n\d{8}_\d+_n\d{8}\b")


class NoLabel(Exception):  # noqa: N818  (A reason, recorded with the image, not an error.)
    """The reason why an image has no class."""


class NotOfTheSet(NoLabel):
    """The reason why an image in the folder is not part of the data set."""


class LabelError(ImagesError):
    """Missing or invalid labels; the message names file, line, value, and fix."""


@dataclass(frozen=True)
class Labels:
    """A labeler, and the names in its source that match no image (``unused``)."""

    label: Labeller
    unused: Sequence[str]

    def __call__(self, picture: PurePosixPath) -> int:
        """Return the class of an image; raise NoLabel if it has none."""
        return self.label(picture)


def synset_in(name: str) -> str | None:
    """Return the first synset ID that stands apart in a file or folder name."""
    match = _SYNSET.search(name)
    return match and match[0]


def by_synset(root: Path, pictures: Sequence[str]) -> Labeller:
    """Return a labeler that reads the synset from the name of image or folder.

    ``pictures`` are the paths of all images of the data set, relative to ``root``. Raises
    ImagesError if two folders belong to the same class, or if class folders lie at two depths.
    """

    def label(picture: PurePosixPath) -> int:
        found = {one: None for part in picture.parts for one in _SYNSET.findall(part)}
        if not found:
            raise NoLabel("no synset ID in its name or its folder's name")
        if len(found) > 1:
            raise NoLabel(f"its path contains two synset IDs, {' and '.join(found)}")
        (synset,) = found
        number = synsets.class_of(synset)
        if number is None:
            raise NoLabel(f"{synset} is not among the 1,000 classes")
        return number

    return _in_place(root, pictures, synset_in, synset_in, label)


def synsets_in_names(folder: Path, root: Path) -> tuple[Labeller, str]:
    """Return a labeler based on synsets in names, and the labels' source."""
    pictures = picture_folders.contents(root, training=False).pictures
    own = validation_alone(pictures, _TRAINING)
    return of_set(own, by_synset(root, own)), "synsets in names"


def validation_alone(pictures: Sequence[str], other: re.Pattern[str]) -> Sequence[str]:
    """Drop images whose names match ``other``, if any name marks a validation image."""
    if not any(map(_VALIDATION.search, pictures)):
        return pictures
    return [name for name in pictures if not other.match(name.rpartition("/")[2])]


def of_set(pictures: Sequence[str], label: Labeller) -> Labeller:
    """Restrict ``label`` to ``pictures``; others are of the training or the test set."""
    own = frozenset(pictures)

    def labeled(picture: PurePosixPath) -> int:
        if str(picture) not in own:
            raise NotOfTheSet("named like an image of the training or the test set")
        return label(picture)

    return labeled


def number_in(name: str) -> str | None:
    """Return the class, from 0 to 999, if it is a folder's whole name."""
    return str(int(name)) if re.fullmatch(r"[0-9]{1,3}", name) else None


def by_number(root: Path, pictures: Sequence[str]) -> Labeller:
    """Return a labeler that reads the class from the folder name, ``0`` to ``999``.

    ImageNetV2 uses this layout. Arguments and errors are those of ``by_synset``.
    """

    def label(picture: PurePosixPath) -> int:
        number = number_in(picture.parent.name)
        if number is None:
            raise NoLabel("its folder is not named for a class from 0 to 999")
        return int(number)

    return _in_place(root, pictures, number_in, lambda name: None, label)


_Told = Callable[[str], str | None]


def _in_place(
    root: Path, pictures: Iterable[str], by_folder: _Told, by_name: _Told, label: Labeller
) -> Labeller:
    """Restrict ``label`` to images at the depth where those of the data set lie.

    They lie directly in class folders, all at one depth, or next to these folders with a class in
    their names. Copies that lie deeper are excluded. Raises ImagesError if a deeper image may not
    be a copy.
    """

    def home(picture: PurePosixPath) -> int | None:
        depth = len(picture.parent.parts)
        if by_folder(picture.parent.name):
            return depth - 1
        return depth if by_name(picture.stem) else None

    def identity(picture: PurePosixPath) -> tuple[str | None, str]:
        return by_folder(picture.parent.name) or by_name(picture.stem), picture.name

    homes = {path: home(path) for path in map(PurePosixPath, pictures)}
    depth = min((depth for depth in homes.values() if depth is not None), default=0)
    originals = [path for path, own in homes.items() if own == depth]
    known = set(map(identity, originals))
    for path, own in homes.items():
        if own is not None and own > depth and identity(path) not in known:
            raise ImagesError(
                f"{root}: {originals[0]} and {path}: class folders at two depths may belong to two"
                " data sets. Set dataset.path to the folder of one."
            )
    _refuse_twins(root, originals, by_folder)

    def labeled(picture: PurePosixPath) -> int:
        own = home(picture)
        if own is None and any(map(by_folder, picture.parent.parts)):
            raise NotOfTheSet("not directly in a class folder")
        if own is not None and own > depth:
            raise NotOfTheSet("in a deeper folder than another image of the same name")
        return label(picture)

    return labeled


def _refuse_twins(root: Path, pictures: Iterable[PurePosixPath], by_folder: _Told) -> None:
    """Raise ImagesError if two folders belong to one class."""
    folders: dict[str, PurePosixPath] = {}
    for folder in sorted({picture.parent for picture in pictures}):
        told = by_folder(folder.name)
        if told and folders.setdefault(told, folder) != folder:
            raise ImagesError(
                f"{root}: {folders[told]} and {folder}: two folders for class {told}. Merge them,"
                " remove the copy, or set dataset.path to the folder of one data set."
            )
