"""What lies in the folder of a data set: its pictures, and what other programs left beside them.

A program's own folder is told by its name: hidden, or beginning with a sign (``@eaDir``,
``#recycle``, ``$RECYCLE.BIN``, ``__MACOSX``), or one of the few that begin with a letter.
"""

import os
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from dnnbench.core import foreign_text
from dnnbench.core.errors import UserError
from dnnbench.records.image_records import LeftOut

# What makes a file count as a picture; what it is in fact is decided by its content.
SUFFIXES = frozenset(
    (".jpeg", ".jpg", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".jp2")
)

# Archives that hold a data set, and what libraries keep pictures in.
_PACKED = re.compile(
    r".*\.(tar|tgz|zip|7z|rar|tar\.\w+|parquet|arrow|tfrecords?|rec|lmdb|mdb|h5|hdf5|np[yz]|beton)"
    r"|.*-\d{5}-of-\d{5}",
    re.IGNORECASE,
)

_PROGRAMS = frozenset(
    (
        *("lost+found", "system volume information", "recycler", "recycled", "recycle bin"),
        *("thumbs", "thumbnails", "trash", "network trash folder", "temporary items"),
        *("thevolumesettingsfolder", "cache"),
    )
)

_SPLITS: dict[str, Literal["val", "train"]] = {
    **dict.fromkeys(("val", "valid", "validation"), "val"),
    **dict.fromkeys(("train", "training"), "train"),
}

# What else is in the names of such folders.
_OF_SETS = frozenset(
    (
        *("ilsvrc", "imagenet", "imagenette", "imagewoof", "img", "image", "images", "pictures"),
        *("set", "data", "dataset", "jpeg", "jpg", "png", "split", "full", "small", "px"),
    )
)

# Left out by name: reasons as they stand in the index.
_FOLDER = "a hidden folder, or one of another program"
_HIDDEN = "a hidden file, or one of another program"
_OTHER = "no picture by its name"
_LINK = "a link to a picture that is listed itself"
_BESIDE = "not in the folder of validation pictures"
_TRAINING = "training pictures"

Reasons = dict[str, list[str]]


class ImagesError(UserError):
    """A data set that cannot be used: names the folder, what is wrong and the remedy."""

    def __init__(self, message: str) -> None:
        super().__init__(foreign_text.line(message, 1000))  # Names and labels may hold anything.


@dataclass
class Contents:
    """The pictures below a folder, by their paths in it, sorted; and what is none of them.

    ``left_out`` has names by reason; that of a folder ends in a slash.
    """

    pictures: list[str] = field(default_factory=list)
    left_out: Reasons = field(default_factory=lambda: defaultdict(list))


def contents(root: Path, training: bool = True) -> Contents:
    """List what lies below ``root``, folders of training pictures only where asked to.

    Links are followed. Raises ImagesError for a folder that cannot be read, and for one that links
    lead to twice.
    """
    found = Contents()
    for place, folders, files in walk(root, strict=True):
        below = place.relative_to(root)
        for name in [name for name in folders if not training and split_of(name) == "train"]:
            found.left_out[_TRAINING].append(f"{(below / name).as_posix()}/")
            folders.remove(name)
        for name in [name for name in folders if is_foreign(name)]:
            found.left_out[_FOLDER].append(f"{(below / name).as_posix()}/")
            folders.remove(name)
        start = "" if place == root else f"{below.as_posix()}/"
        for name in files:
            path = start + name
            if _is_hidden(name):
                found.left_out[_HIDDEN].append(path)
            elif is_picture(name):
                found.pictures.append(path)
            else:
                found.left_out[_OTHER].append(path)
    listed = set(found.pictures)
    for name in found.pictures:
        path = os.path.join(root, name)  # noqa: PTH118  (For fifty thousand files.)
        if os.path.islink(path):  # noqa: PTH114
            target = _target(root, path)
            if target in listed and target != name:
                found.left_out[_LINK].append(name)
    links = set(found.left_out.get(_LINK, ()))
    found.pictures = sorted(listed - links)
    return found


def validation(folder: Path) -> tuple[Path, Reasons]:
    """Return where below ``folder`` validation pictures lie, and what else there is, by reason.

    That is the one folder that is named so, at whatever depth; or ``folder`` itself. Raises
    ImagesError where there are several, and where there are training pictures alone, or by the
    name of ``folder``.
    """
    found: dict[str, list[Path]] = {"val": [], "train": []}
    others: list[Path] = []
    for place, folders, files in walk(folder):
        others += [place / name for name in files if is_picture(name)]
        for name in [name for name in folders if not is_foreign(name)]:
            if split := split_of(name):
                found[split] += [place / name] * _has_picture(place / name)
            elif _is_class(name):
                others.append(place / name)
        folders[:] = [
            name for name in folders if not (is_foreign(name) or split_of(name) or _is_class(name))
        ]
    if len({path.resolve() for path in found["val"]}) > 1:
        both = " and ".join(shown(str(path.relative_to(folder))) for path in found["val"][:2])
        raise ImagesError(
            f"{folder}: {both} both hold validation pictures; name one of them in dataset.path"
        )
    if found["val"]:
        root = found["val"][0]
        return root, _relative(root, {_TRAINING: found["train"], _BESIDE: others})
    if training := _training_by_name(folder):
        other = _validation_beside(training)
        raise ImagesError(
            f"{folder}: training pictures by its name; name"
            f" {other or 'validation pictures'} in dataset.path"
        )
    if found["train"] and not any(path.parent == folder and path.is_file() for path in others):
        raise ImagesError(
            f"{folder}: has {found['train'][0].relative_to(folder)} but no val; let dataset.path"
            " hold validation pictures"
        )
    return folder, {}


def split_of(name: str) -> Literal["val", "train"] | None:
    """Which half of a data set a folder holds by the words of its name; None for any other."""
    words = re.findall("[a-z]+", name.lower())
    found = {_SPLITS[word] for word in words if word in _SPLITS}
    # The only class of the 1,000 whose name has such a word.
    return found.pop() if len(found) == 1 and "bullet" not in words else None


def is_foreign(name: str) -> bool:
    """Whether a folder is another program's by its name, or hidden."""
    sign = name[0].isascii() and not name[0].isalnum()
    return sign or name.casefold() in _PROGRAMS


def is_picture(name: str) -> bool:
    """Whether a file is a picture by its name."""
    stem, dot, suffix = name.rpartition("/")[2].rpartition(".")
    return bool(stem) and not _is_hidden(stem) and dot + suffix.lower() in SUFFIXES


def _is_hidden(name: str) -> bool:
    return name.startswith((".", "~"))


def packed(left_out: Mapping[str, list[str]]) -> str | None:
    """Return a file that may hold the pictures, so that a message can ask to unpack it."""
    found = filter(_PACKED.fullmatch, left_out.get(_OTHER, ()))
    return min(found, key=lambda name: split_of(name) != "val", default=None)


def records(left_out: Mapping[str, list[str]]) -> list[LeftOut]:
    """Return a record for each reason, with a few of the names."""
    return [
        LeftOut(
            reason=reason, count=len(names), examples=[shown(name) for name in sorted(names)[:5]]
        )
        for reason, names in sorted(left_out.items())
        if names
    ]


def shown(name: str) -> str:
    """Return a file's name as text, also where it is not UTF-8."""
    return os.fsencode(name).decode(errors="backslashreplace")


def walk(root: Path, strict: bool = False) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Walk down in the order of names, links last; folders removed from a list are not entered.

    Each folder is entered once, whatever links lead to it. Where ``strict``, raises ImagesError for
    a second link to a folder, and for one that cannot be read.
    """

    def refuse(error: OSError) -> None:
        raise ImagesError(
            f"{error.filename}: cannot be listed: {error.strerror}; make it readable, or move it"
        ) from error

    seen: set[str] = set()
    for name, folders, files in os.walk(root, followlinks=True, onerror=refuse if strict else None):
        place = Path(name)
        real = os.path.realpath(place)
        if real in seen:
            if strict:
                raise ImagesError(f"{place}: a link to a folder that is listed already; remove it")
            folders.clear()
            continue
        seen.add(real)
        links = {folder for folder in folders if (place / folder).is_symlink()}
        folders.sort(key=lambda folder, links=links: (folder in links, folder))  # type: ignore[misc]
        yield place, folders, sorted(files)


def _training_by_name(folder: Path) -> Path | None:
    """Return the folder of training pictures that ``folder`` is, or is a class of."""
    real = folder.resolve()
    places = [folder.absolute(), real, *[real.parent] * _is_class(real.name)]
    return next((path for path in places if _is_training(path.name)), None)


def _is_training(name: str) -> bool:
    """Whether a name says no more than that training pictures are in it."""
    words = [word for word in re.findall("[a-z]+", name.lower()) if len(word) > 1]
    return split_of(name) == "train" and all(word in _SPLITS or word in _OF_SETS for word in words)


def _validation_beside(folder: Path) -> Path | None:
    beside = sorted(path for path in folder.parent.glob("*/") if split_of(path.name) == "val")
    return beside[0] if len(beside) == 1 else None


def _is_class(name: str) -> bool:
    return re.match(r"n\d{8}(?![0-9A-Za-z])|\d{1,4}$", name) is not None


def _has_picture(folder: Path) -> bool:
    for _, folders, files in walk(folder):
        folders[:] = [name for name in folders if not is_foreign(name)]
        if any(map(is_picture, files)):
            return True
    return False


def _target(root: Path, link: str) -> str:
    """Where a link leads, as a path from ``root``."""
    return os.path.relpath(os.path.realpath(link), os.path.realpath(root))


def _relative(root: Path, paths: Mapping[str, list[Path]]) -> Reasons:
    return {
        reason: [os.path.relpath(path, root) + "/" * path.is_dir() for path in several]
        for reason, several in paths.items()
    }
