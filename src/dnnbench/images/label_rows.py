"""The rows of a label file: delimiter, header, columns, and the labels.

Parsing is strict: a line that is neither a label nor the header is an error.
"""

import csv
import io
import itertools
import json
import posixpath
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dnnbench.core.text_file import read_text
from dnnbench.images import picture_folders
from dnnbench.images.class_labels import LabelError

if TYPE_CHECKING:
    from _csv import Reader

_SIGNS = ("\t", ";", ",")

# Headings of the name and label columns, in order of precedence, reduced to lowercase letters.
_NAMES = (
    *("filename", "file", "filepath", "path", "fname", "image", "imageid", "imagename"),
    *("imagepath", "imagefile", "img", "imgname", "imgpath", "picture", "name", "id"),
)
_LABELS = (
    *("synset", "synsetid", "wnid", "wordnetid", "predictionstring", "label", "labelid", "labels"),
    *("class", "classid", "classindex", "classidx", "target", "category", "categoryid"),
)

# Headings of the column that names the split.
_SPLIT = frozenset(("split", "subset", "partition", "phase"))

ClassOf = Callable[[str], int | None]


@dataclass(frozen=True)
class Row:
    """One line of a table: its number, the normalized path on it, and the class."""

    line: int
    name: str
    label: int


def read(path: Path, class_of: ClassOf, wanted: str) -> list[Row]:
    """Return a table's rows; a line with only a label names ILSVRC2012_val_<line>.

    ``class_of`` translates a label to a class; ``wanted`` describes valid labels in the message of
    the LabelError that an invalid one raises.
    """
    text = re.sub("\r\n?", "\n", read_text(path)).rstrip()
    alone = False
    if path.suffix == ".jsonl":
        fields = _objects(path, text)
    elif delimiter := _delimiter(text, class_of):
        fields = _columns(path, text, delimiter)
    else:
        fields, alone = _alone(text), True
    rows: dict[str, Row] = {}
    for line, name, label in fields:
        found = class_of(_first(label))
        if found is None:
            raise LabelError(f"{path}:{line}: {label!r}: not a label. Write {wanted}.")
        row = Row(line, normal(name), found)
        other = rows.setdefault(row.name, row)
        if other.label != found:
            raise contradiction(path, row, other)
    if not rows:
        raise LabelError(f"{path}: contains no labels. Write a name and a label on each line.")
    if alone and _is_list_of_classes([row.label for row in rows.values()]):
        raise LabelError(
            f"{path}: lists each class once, in order, rather than labels of images. Write a name"
            " and a label on each line."
        )
    return list(rows.values())


def _is_list_of_classes(labels: Sequence[int]) -> bool:
    """Return whether labels list the classes instead of labeling images."""
    # Real labels of ten or more images are practically never in ascending order.
    ordered = all(one < other for one, other in itertools.pairwise(labels))
    return len(labels) >= 10 and (ordered or len(set(labels)) == len(labels) == 1000)


def contradiction(path: Path, row: Row, other: Row) -> LabelError:
    """Return the error for two rows that label one image differently."""
    first, last = sorted((row.line, other.line))
    return LabelError(
        f"{path}:{last}: {row.name!r}: has a different label in line {first}. Remove one."
    )


def _alone(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield line, name, and label from lines that consist of a label only."""
    for number, line in enumerate(text.split("\n"), start=1):
        yield number, f"ILSVRC2012_val_{number:08d}", line.strip()


def _objects(path: Path, text: str) -> Iterator[tuple[int, str, str]]:
    """Yield line, name, and label from lines that are JSON objects."""
    lines = enumerate(text.split("\n"), start=1)
    for number, line in ((number, line) for number, line in lines if line.strip()):
        try:
            entry = json.loads(line, object_pairs_hook=_object)
        except (ValueError, RecursionError):
            entry = None
        columns = _header([*entry]) if isinstance(entry, dict) else None
        if columns is None:
            raise LabelError(
                f"{path}:{number}: {line!r}: not a JSON object with a name and a label. Write"
                ' {"file_name": ..., "label": ...}.'
            )
        name, label = ([*entry.values()][column] for column in columns)
        yield number, str(name), str(label)


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object; raise ValueError if a key appears twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("duplicate key")
    return found


def _columns(path: Path, text: str, delimiter: str) -> Iterator[tuple[int, str, str]]:
    """Yield line, name, and label of each row.

    Without a header, name and label are the first two columns. Rows that a column marks as training
    images are skipped.
    """
    reader = _reader(text, delimiter)
    columns = split = None
    try:
        for row in reader:
            fields = _fields(row, delimiter)
            if not any(fields):
                continue
            where = f"{path}:{reader.line_num}"
            if columns is None:
                header = _header(fields)
                columns = header or (0, 1)
                if header:
                    _check_once(where, fields, header)
                    splits = (one for one, field in enumerate(fields) if _word(field) in _SPLIT)
                    split = next(splits, None)
                    continue
            stated = fields[split] if split is not None and split < len(fields) else ""
            if picture_folders.split_of(stated) == "train":
                continue
            if len(fields) <= max(columns) or not fields[columns[0]]:
                raise LabelError(
                    f"{where}: {delimiter.join(row)!r}: incomplete. Write a name and a label."
                )
            yield reader.line_num, fields[columns[0]], fields[columns[1]]
    except csv.Error as error:
        raise LabelError(
            f"{path}:{reader.line_num}: cannot be read as a table: {error}. Quote fields as in CSV."
        ) from error


def _check_once(where: str, fields: Sequence[str], columns: tuple[int, int]) -> None:
    """Raise LabelError if another column has the same heading as one of ``columns``."""
    for column in columns:
        if fields.count(fields[column]) > 1:
            raise LabelError(f"{where}: {fields[column]!r}: heading of two columns. Remove one.")


def _delimiter(text: str, class_of: ClassOf) -> str | None:
    """Return the delimiter of the first row; None if it has a single field.

    A name may contain other delimiters, so one that is followed by a label takes precedence.
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
    """Return the fields of the first nonblank row; none if they break a quote."""
    try:
        rows = (_fields(row, delimiter) for row in _reader(text, delimiter))
        return next(filter(any, rows), [])
    except csv.Error:
        return []


def _reader(text: str, delimiter: str) -> "Reader":
    lines = io.StringIO(text, newline="")
    return csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=True)


def _fields(row: Sequence[str], delimiter: str) -> list[str]:
    """Return the fields of a row; a name may contain blanks even if they delimit fields."""
    fields = [field.strip() for field in row]
    if delimiter != " ":
        return fields
    fields = [field for field in fields if field]
    pictures = (place for place, field in enumerate(fields) if picture_folders.is_picture(field))
    name = next(pictures, 0) + 1
    return [" ".join(fields[:name]), *fields[name:]]


def _header(fields: Sequence[str]) -> tuple[int, int] | None:
    """Return the columns of name and label; None if the row is not a header."""
    words = list(map(_word, fields))
    name, label = (
        next((words.index(word) for word in known if word in words), None)
        for known in (_NAMES, _LABELS)
    )
    return None if name is None or label is None else (name, label)


def _word(field: str) -> str:
    return re.sub("[^a-z]", "", field.lower())


def _first(label: str) -> str:
    """Return a label, or the one that all of Kaggle's boxes share."""
    words = label.split()
    boxes = len(words) > 1 and len(words) % 5 == 0 and len(set(words[::5])) == 1
    return words[0] if boxes else label


def normal(path: str) -> str:
    """Normalize a path for comparison: backslashes, Unicode accents, dot segments."""
    slashes = path if "/" in path else path.replace("\\", "/")
    return posixpath.normpath(unicodedata.normalize("NFC", slashes))
