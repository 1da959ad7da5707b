"""The class of a picture by a table: which file, delimiter and columns, and which line names it.

A table is read strictly: a line that is neither a label nor the header is an error. A line names
the picture at its path, counted from the pictures, from the data set or from the table. Other
lines name the only picture whose path ends like theirs.
"""

import csv
import io
import json
import posixpath
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from dnnbench.core.text_file import read_text
from dnnbench.images import picture_folders, synsets
from dnnbench.images.class_labels import LabelError, NoLabel

if TYPE_CHECKING:
    from _csv import Reader

_SIGNS = ("\t", ";", ",")

# Words that head the columns of names and labels, the first of several that are there; without
# case, blanks and signs.
_NAMES = (
    *("filename", "file", "filepath", "path", "name", "fname", "image", "imageid", "imagename"),
    *("imagepath", "imagefile", "img", "imgname", "imgpath", "picture", "id"),
)
_LABELS = (
    *("synset", "synsetid", "wnid", "wordnetid", "predictionstring", "label", "labelid", "labels"),
    *("class", "classid", "classindex", "classidx", "target", "category", "categoryid"),
)

_ClassOf = Callable[[str], int | None]


@dataclass(frozen=True)
class Place:
    """A data set's folder, that of its pictures, and their paths in the latter."""

    folder: Path
    root: Path
    pictures: Sequence[str]


@dataclass(frozen=True)
class _Row:
    """A line of a table: the path that it states, normalized, and the class."""

    line: int
    name: str
    label: int


class TableLabels:
    """A labeller by the rows of a table; ``unused`` are the names of rows that name no picture."""

    def __init__(self, path: Path, rows: Sequence[_Row], place: Place) -> None:
        self._path = path
        self._rows: dict[str, _Row] = {}
        self._ambiguous: set[str] = set()
        self.unused: list[str] = []
        exact = _paths(place.pictures, place.root, (place.folder, path.parent))
        for row in rows:
            if picture := exact.get(row.name):
                self._take(picture, row)
        self._match(place, [row for row in rows if row.name not in exact])

    @property
    def used(self) -> int:
        """How many pictures have a label."""
        return len(self._rows)

    def __call__(self, picture: PurePosixPath) -> int:
        """Return the class of a picture. Raises NoLabel."""
        name = str(picture)
        if name in self._ambiguous:
            raise NoLabel(f"{self._path.name} does not tell it from another of its name")
        if name not in self._rows:
            raise NoLabel(f"{self._path.name} does not name it")
        return self._rows[name].label

    def _take(self, picture: str, row: _Row) -> None:
        other = self._rows.setdefault(picture, row)
        if other.label != row.label:
            raise _contradiction(self._path, row, other)

    def _match(self, place: Place, rows: Sequence[_Row]) -> None:
        """Give each row that is no picture's path the only picture whose path ends as it does."""
        by_name, by_stem = defaultdict(list), defaultdict(list)
        for picture in place.pictures if rows else ():
            name = _base(_normal(picture))
            by_name[name].append(picture)
            by_stem[_without_suffix(name)].append(picture)
        claims: dict[str, list[_Row]] = defaultdict(list)
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
    """Return a labeller by a table of names and labels in columns, with or without a header.

    A label is a synset id or a class from 0 to 999. Or every line is a label alone: line k is that
    of ILSVRC2012_val_<k>. Raises LabelError.
    """
    wanted = "a synset id (n01440764) or, in sorted synset order, a class from 0 to 999"
    return TableLabels(path, _read(path, _class, wanted), place)


def by_truth(path: Path, place: Place) -> TableLabels:
    """Return a labeller by the development kit: line k is the ILSVRC2012_ID of picture k.

    The order of these ids is not that of the synsets; meta.mat, beside it, has both. Raises
    LabelError.
    """
    from scipy.io.matlab import MatReadError, loadmat  # Here: few need it.

    meta = path.with_name("meta.mat")
    if not meta.is_file():
        raise LabelError(
            f"{meta}: no such file; {path.name} is read with it: put it there, from the same kit"
        )
    try:
        entries = loadmat(meta, squeeze_me=True)["synsets"]
        ids = zip(entries["ILSVRC2012_ID"], entries["WNID"], strict=True)
        classes = {str(int(number)): synsets.class_of(str(synset)) for number, synset in ids}
    except (MatReadError, KeyError, IndexError, TypeError, ValueError) as error:
        raise LabelError(
            f"{meta}: not the development kit's: {error}; take both files from one kit"
        ) from error
    rows = _read(path, classes.get, "the ILSVRC2012_ID of a class in meta.mat")
    return TableLabels(path, rows, place)


def _read(path: Path, class_of: _ClassOf, wanted: str) -> list[_Row]:
    text = re.sub("\r\n?", "\n", read_text(path)).rstrip()
    if path.suffix == ".jsonl":
        fields = _objects(path, text)
    elif delimiter := _delimiter(text, class_of):
        fields = _columns(path, text, delimiter)
    else:
        fields = _alone(text)
    rows: dict[str, _Row] = {}
    for line, name, label in fields:
        found = class_of(_first(label))
        if found is None:
            raise LabelError(f"{path}:{line}: {label!r}: not a label; write {wanted}")
        row = _Row(line, _normal(name), found)
        other = rows.setdefault(row.name, row)
        if other.label != found:
            raise _contradiction(path, row, other)
    if not rows:
        raise LabelError(f"{path}: no label in it; write a name and a label a line")
    return list(rows.values())


def _contradiction(path: Path, row: _Row, other: _Row) -> LabelError:
    first, last = sorted((row.line, other.line))
    return LabelError(
        f"{path}:{last}: {row.name!r}: has another label above, in line {first}; remove one"
    )


def _alone(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield line, name and label where a line is a label alone."""
    for number, line in enumerate(text.split("\n"), start=1):
        yield number, f"ILSVRC2012_val_{number:08d}", line.strip()


def _objects(path: Path, text: str) -> Iterator[tuple[int, str, str]]:
    """Yield line, name and label where a line is a JSON object."""
    lines = enumerate(text.split("\n"), start=1)
    for number, line in ((number, line) for number, line in lines if line.strip()):
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            entry = None
        columns = _header([*entry]) if isinstance(entry, dict) else None
        if columns is None:
            raise LabelError(f'{path}:{number}: {line!r}: write {{"file_name": ..., "label": ...}}')
        name, label = ([*entry.values()][column] for column in columns)
        yield number, str(name), str(label)


def _columns(path: Path, text: str, delimiter: str) -> Iterator[tuple[int, str, str]]:
    """Yield line, name and label of each row; without a header they are the first two columns."""
    reader = _reader(text, delimiter)
    columns = None
    try:
        for row in reader:
            fields = _fields(row, delimiter)
            if not any(fields):
                continue
            if columns is None:
                columns = _header(fields) or (0, 1)
                if _header(fields):
                    continue
            if len(fields) <= max(columns) or not fields[columns[0]]:
                raise LabelError(
                    f"{path}:{reader.line_num}: {delimiter.join(row)!r}: write a name and a label"
                )
            yield reader.line_num, fields[columns[0]], fields[columns[1]]
    except csv.Error as error:
        raise LabelError(
            f"{path}:{reader.line_num}: cannot be read as a table: {error}; quote as CSV does"
        ) from error


def _delimiter(text: str, class_of: _ClassOf) -> str | None:
    """Return what separates the fields of the first row; None where it has one field.

    A name may hold another sign: the one after which a label follows separates.
    """
    separates = []
    for delimiter in _SIGNS:
        fields = _first_row(text, delimiter)
        if len(fields) > 1:
            if _header(fields) or class_of(_first(fields[1])) is not None:
                return delimiter
            separates.append(delimiter)
    if not separates and len(_first_row(text, " ")) > 1:
        return " "
    return separates[0] if separates else None


def _first_row(text: str, delimiter: str) -> list[str]:
    """Return the fields of the first row that has any; none where ``delimiter`` breaks a quote."""
    try:
        rows = (_fields(row, delimiter) for row in _reader(text, delimiter))
        return next(filter(any, rows), [])
    except csv.Error:
        return []


def _reader(text: str, delimiter: str) -> "Reader":
    lines = io.StringIO(text, newline="")
    return csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=True)


def _fields(row: Sequence[str], delimiter: str) -> list[str]:
    """Return the fields of a row. Of several blanks each separates; one may be in a name."""
    fields = [field.strip() for field in row]
    if delimiter != " ":
        return fields
    fields = [field for field in fields if field]
    pictures = (place for place, field in enumerate(fields) if picture_folders.is_picture(field))
    name = next(pictures, 0) + 1
    return [" ".join(fields[:name]), *fields[name:]]


def _header(fields: Sequence[str]) -> tuple[int, int] | None:
    """Return the columns of name and label; None for a row that is no header."""
    words = [re.sub("[^a-z]", "", field.lower()) for field in fields]
    name, label = (
        next((words.index(word) for word in known if word in words), None)
        for known in (_NAMES, _LABELS)
    )
    return None if name is None or label is None else (name, label)


def _first(label: str) -> str:
    """Return a label, or the one that all boxes of Kaggle's ``n01440764 1 2 3 4`` state."""
    words = label.split()
    boxes = len(words) > 1 and len(words) % 5 == 0 and len(set(words[::5])) == 1
    return words[0] if boxes else label


def _class(label: str) -> int | None:
    if re.fullmatch(r"[0-9]{1,3}", label):
        return int(label)
    return synsets.class_of(label)


def _paths(pictures: Sequence[str], root: Path, others: Iterable[Path]) -> dict[str, str]:
    """Return pictures by what a row may call them: their paths from ``root`` and other folders.

    Absolute paths too; and without a suffix, where no other picture has the rest of the path.
    """
    place = root.absolute()
    above = [other.absolute() for other in others if place.is_relative_to(other.absolute())]
    relative = [place.relative_to(other).as_posix() for other in above]
    found: dict[str, str] = {}
    for prefix in dict.fromkeys((".", *relative, place.as_posix())):
        stems: dict[str, list[str]] = defaultdict(list)
        before = "" if prefix == "." else f"{_normal(prefix)}/"
        for picture in pictures:
            name = before + _normal(picture)
            found.setdefault(name, picture)
            stems[_without_suffix(name)].append(picture)
        for name, several in stems.items():
            if len(several) == 1:
                found.setdefault(name, several[0])
    return found


def _folders_agree(root: Path, picture: str, name: str) -> bool:
    """Whether the folders of a picture and of a row's name agree as far as both are stated."""
    stated = PurePosixPath(name).parent.parts
    below = PurePosixPath(_normal(picture)).parent.parts
    whole = PurePosixPath(_normal(str(root.absolute()))).parts + below
    return _ends(whole, stated) or _ends(stated, below)


def _ends(parts: Sequence[str], last: Sequence[str]) -> bool:
    return not last or tuple(parts[-len(last) :]) == tuple(last)


def _normal(path: str) -> str:
    """Return a path as it compares: of Windows too, and whatever way accents are written."""
    slashes = path if "/" in path else path.replace("\\", "/")
    return posixpath.normpath(unicodedata.normalize("NFC", slashes))


def _base(path: str) -> str:
    return path.rpartition("/")[2]


def _without_suffix(path: str) -> str:
    return path.rpartition(".")[0] if picture_folders.is_picture(path) else path
