"""Class labels from a table, and the matching of its rows to images.

A row matches the image at its path, relative to the image folder, the data set, or the table.
Otherwise it matches the only image whose path ends with the row's path.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from dnnbench.images import label_rows, picture_folders, synsets
from dnnbench.images.class_labels import LabelError, NoLabel
from dnnbench.images.label_rows import Row, normal


@dataclass(frozen=True)
class Place:
    """A data set's folder, its image folder, and the images' paths in the latter."""

    folder: Path
    root: Path
    pictures: Sequence[str]


class TableLabels:
    """A labeler based on a table; ``unused`` holds names that match no image."""

    def __init__(self, path: Path, rows: Sequence[Row], place: Place) -> None:
        self._path = path
        self._rows: dict[str, Row] = {}
        self._ambiguous: set[str] = set()
        self.unused: list[str] = []
        exact = _paths(place.pictures, place.root, (place.folder, path.parent))
        for row in rows:
            if picture := exact.get(row.name):
                self._take(picture, row)
        others = [row for row in rows if row.name not in exact]
        own = _without_training(place.root, others, rows)
        self.unused += [row.name for row in others if row not in own]
        self._match(place, own)

    @property
    def used(self) -> int:
        """The number of images that have a label."""
        return len(self._rows)

    def __call__(self, picture: PurePosixPath) -> int:
        """Return the class of an image; raise NoLabel if it has none."""
        name = str(picture)
        if name in self._ambiguous:
            raise NoLabel(f"its label in {self._path.name} is ambiguous: several images match")
        if name not in self._rows:
            raise NoLabel(f"no label in {self._path.name}")
        return self._rows[name].label

    def _take(self, picture: str, row: Row) -> None:
        other = self._rows.setdefault(picture, row)
        if other.label != row.label:
            raise label_rows.contradiction(self._path, row, other)

    def _match(self, place: Place, rows: Sequence[Row]) -> None:
        """Match each remaining row to the only image whose path ends with its path."""
        by_name, by_stem = defaultdict(list), defaultdict(list)
        for picture in place.pictures if rows else ():
            name = _base(normal(picture))
            by_name[name].append(picture)
            by_stem[_without_suffix(name)].append(picture)
        claims: dict[str, list[Row]] = defaultdict(list)
        for row in rows:
            name = _base(row.name)
            same = by_name.get(name) or by_stem.get(_without_suffix(name), [])
            could = [picture for picture in same if _folders_agree(place.root, picture, row.name)]
            for picture in could if len(could) == 1 else ():
                claims[picture].append(row)
            if len(could) > 1:
                self._ambiguous.update(set(could) - self._rows.keys())
            elif not could:
                self.unused.append(row.name)
        for picture, several in claims.items():
            if picture not in self._rows and len({row.label for row in several}) > 1:
                self._ambiguous.add(picture)
                continue
            for row in several:
                self._take(picture, row)


def by_table(path: Path, place: Place) -> TableLabels:
    """Return a labeler based on a table of names and labels, with or without a header.

    A label is a synset ID or a class from 0 to 999. Alternatively, each line holds only a label,
    and line k labels ILSVRC2012_val_<k>. Raises LabelError.
    """
    wanted = "a synset ID (n01440764) or a class from 0 to 999, in sorted synset order"
    return TableLabels(path, label_rows.read(path, _class, wanted), place)


def by_truth(path: Path, place: Place) -> TableLabels:
    """Return a labeler based on the development kit's ground truth.

    Line k is the ILSVRC2012_ID of image k. These IDs are not in synset order; meta.mat, in the same
    folder, maps them to synsets. Raises LabelError.
    """
    from scipy.io.matlab import MatReadError, loadmat  # Imported here because few users need it.

    meta = path.with_name("meta.mat")
    if not meta.is_file():
        raise LabelError(
            f"{meta}: no such file, but {path.name} requires it. Copy it from the same development"
            " kit."
        )
    try:
        entries = loadmat(meta, squeeze_me=True)["synsets"]
        ids = zip(entries["ILSVRC2012_ID"], entries["WNID"], strict=True)
        classes = {str(int(number)): synsets.class_of(str(synset)) for number, synset in ids}
    except (MatReadError, KeyError, IndexError, TypeError, ValueError) as error:
        raise LabelError(
            f"{meta}: not from the development kit: {error}. Copy both files from the same kit."
        ) from error
    rows = label_rows.read(path, classes.get, "the ILSVRC2012_ID of a class in meta.mat")
    return TableLabels(path, rows, place)


def _class(label: str) -> int | None:
    if re.fullmatch(r"[0-9]{1,3}", label):
        return int(label)
    return synsets.class_of(label)


def _paths(pictures: Sequence[str], root: Path, others: Iterable[Path]) -> dict[str, str]:
    """Return images by every path that a row may give them.

    That is the path relative to ``root`` or to one of ``others``, or the absolute path; the suffix
    may be omitted if no other image has the rest of the path.
    """
    place = root.absolute()
    above = [other.absolute() for other in others if place.is_relative_to(other.absolute())]
    relative = [place.relative_to(other).as_posix() for other in above]
    found: dict[str, str] = {}
    for prefix in dict.fromkeys((".", *relative, place.as_posix())):
        stems: dict[str, list[str]] = defaultdict(list)
        before = "" if prefix == "." else f"{normal(prefix)}/"
        for picture in pictures:
            name = before + normal(picture)
            found.setdefault(name, picture)
            stems[_without_suffix(name)].append(picture)
        for name, several in stems.items():
            if len(several) == 1:
                found.setdefault(name, several[0])
    return found


def _without_training(root: Path, rows: Sequence[Row], table: Sequence[Row]) -> list[Row]:
    """Drop rows of training images, if the table or ``root`` names the validation split."""
    if picture_folders.split_of(root.name) != "val" and all(_split(row) != "val" for row in table):
        return list(rows)
    return [row for row in rows if _split(row) != "train"]


def _split(row: Row) -> str | None:
    """Return the split that the folders in a row's name indicate, or None."""
    folders = reversed(PurePosixPath(row.name).parent.parts)
    return next(filter(None, map(picture_folders.split_of, folders)), None)


def _folders_agree(root: Path, picture: str, name: str) -> bool:
    """Return whether the folders of an image and a row agree as far as both go."""
    stated = PurePosixPath(name).parent.parts
    below = PurePosixPath(normal(picture)).parent.parts
    whole = PurePosixPath(normal(str(root.absolute()))).parts + below
    return _ends(whole, stated) or _ends(stated, below)


def _ends(parts: Sequence[str], last: Sequence[str]) -> bool:
    return not last or tuple(parts[-len(last) :]) == tuple(last)


def _base(path: str) -> str:
    return path.rpartition("/")[2]


def _without_suffix(path: str) -> str:
    return path.rpartition(".")[0] if picture_folders.is_picture(path) else path
