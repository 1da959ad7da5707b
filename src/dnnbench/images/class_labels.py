"""The class of a picture by names: its own, or that of the folder it lies in.

A labeller is called with a picture's path below the folder of pictures, and returns its class from
0 to 999, in sorted synset order. It raises NoLabel where there is none.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from dnnbench.config.dataset import Labeller
from dnnbench.images import picture_folders, synsets
from dnnbench.images.picture_folders import ImagesError

_SYNSET = re.compile(r"(?<![0-9A-Za-z])n\d{8}(?![0-9A-Za-z])")

# Validation pictures of ImageNet by their names; training pictures as Hugging Face names them.
_VALIDATION = re.compile(r"ILSVRC2012_val_\d{8}")
_TRAINING = re.compile(r"n\d{8}_\d+_n\d{8}\b")


class NoLabel(Exception):  # noqa: N818  (A reason, noted beside the picture: not an error.)
    """Why a picture has no class."""


class NotOfTheSet(NoLabel):
    """Why a picture is no part of the data set, though it lies in its folder."""


class LabelError(ImagesError):
    """Labels that are missing or cannot be right: names file, line, value and remedy."""


@dataclass(frozen=True)
class Labels:
    """A labeller that knows which of its labels no picture has, by the names that have them."""

    label: Labeller
    unused: Sequence[str]

    def __call__(self, picture: PurePosixPath) -> int:
        """Return the class of a picture. Raises NoLabel."""
        return self.label(picture)


def synset_in(name: str) -> str | None:
    """Return the first synset id in the name of a file or folder, set off from the rest."""
    match = _SYNSET.search(name)
    return match and match[0]


def by_synset(root: Path, pictures: Sequence[str]) -> Labeller:
    """Return a labeller by the synset in a picture's name, or in that of the folder it lies in.

    ``pictures`` are all of the data set, below ``root``. Raises ImagesError for two folders of one
    class, and for classes at two depths.
    """

    def label(picture: PurePosixPath) -> int:
        found = {one: None for part in picture.parts for one in _SYNSET.findall(part)}
        if not found:
            raise NoLabel("neither its name nor its folder's has a synset id")
        if len(found) > 1:
            raise NoLabel(f"its path names two synsets, {' and '.join(found)}")
        (synset,) = found
        number = synsets.class_of(synset)
        if number is None:
            raise NoLabel(f"{synset} is not among the 1,000 classes")
        return number

    return _in_place(root, pictures, synset_in, synset_in, label)


def synsets_in_names(folder: Path, root: Path) -> tuple[Labeller, str]:
    """Return a labeller and where labels come from, in words, as a data set declares them."""
    pictures = picture_folders.contents(root, training=False).pictures
    own = validation_alone(pictures, _TRAINING)
    return of_set(own, by_synset(root, own)), "synsets in names"


def validation_alone(pictures: Sequence[str], other: re.Pattern[str]) -> Sequence[str]:
    """Return pictures without ``other`` ones where some are validation pictures by their names."""
    if not any(map(_VALIDATION.search, pictures)):
        return pictures
    return [name for name in pictures if not other.match(name.rpartition("/")[2])]


def of_set(pictures: Sequence[str], label: Labeller) -> Labeller:
    """Return ``label`` for ``pictures`` alone: others are of the training or the test set."""
    own = frozenset(pictures)

    def labelled(picture: PurePosixPath) -> int:
        if str(picture) not in own:
            raise NotOfTheSet("a picture of the training or the test set by its name")
        return label(picture)

    return labelled


def number_in(name: str) -> str | None:
    """Return the class from 0 to 999 that is the whole name of a folder."""
    return str(int(name)) if re.fullmatch(r"[0-9]{1,3}", name) else None


def by_number(root: Path, pictures: Sequence[str]) -> Labeller:
    """Return a labeller by the name of the folder, ``0`` to ``999``, as ImageNetV2 has it.

    Otherwise as ``by_synset``.
    """

    def label(picture: PurePosixPath) -> int:
        number = number_in(picture.parent.name)
        if number is None:
            raise NoLabel("its folder's name is not a class from 0 to 999")
        return int(number)

    return _in_place(root, pictures, number_in, lambda name: None, label)


_Told = Callable[[str], str | None]


def _in_place(
    root: Path, pictures: Iterable[str], by_folder: _Told, by_name: _Told, label: Labeller
) -> Labeller:
    """Return ``label`` for pictures where those of the data set lie.

    That is directly in folders of classes, all at one depth, or beside these and named. A copy that
    lies deeper is no part of the data set. Raises ImagesError where it may be more than a copy.
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
                f"{root}: {originals[0]} and {path}: classes at two depths, which may be two data"
                " sets; let dataset.path hold one"
            )
    _refuse_twins(root, originals, by_folder)

    def labelled(picture: PurePosixPath) -> int:
        own = home(picture)
        if own is None and any(map(by_folder, picture.parent.parts)):
            raise NotOfTheSet("not directly in the folder of a class")
        if own is not None and own > depth:
            raise NotOfTheSet("deeper than another picture of its name")
        return label(picture)

    return labelled


def _refuse_twins(root: Path, pictures: Iterable[PurePosixPath], by_folder: _Told) -> None:
    """Raise ImagesError for two folders of one class, wherever: one may be a copy."""
    folders: dict[str, PurePosixPath] = {}
    for folder in sorted({picture.parent for picture in pictures}):
        told = by_folder(folder.name)
        if told and folders.setdefault(told, folder) != folder:
            raise ImagesError(
                f"{root}: {folders[told]} and {folder}: two folders of class {told}; move their"
                " pictures into one, remove the copy, or let dataset.path hold one set of pictures"
            )
