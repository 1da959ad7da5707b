"""The contents of a data set's folder: images, and files of other programs.

Folders of other programs are recognized by name: hidden, or starting with a symbol (``@eaDir``,
``#recycle``, ``$RECYCLE.BIN``, ``__MACOSX``), or one of a few that start with a letter.
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

# Suffixes of image files; the actual format is detected from the content.
SUFFIXES = frozenset(
    (".jpeg", ".jpg", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".jp2")
)

# Archives of data sets, and the formats in which libraries store images.
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

# Other words in the names of such folders.
_OF_SETS = frozenset(
    (
        *("ilsvrc", "imagenet", "imagenette", "imagewoof", "img", "image", "images", "pictures"),
        *("set", "data", "dataset", "jpeg", "jpg", "png", "split", "full", "small", "px"),
    )
)

# Reasons for excluding a file or folder, as recorded in the index.
_FOLDER = "hidden folder, or folder of another program"
_HIDDEN = "hidden file, or file of another program"
_OTHER = "not an image, judging by its name"
_LINK = "link to an image that is also listed"
_BESIDE = "outside the folder of validation images"
_TRAINING = "training images"

Reasons = dict[str, list[str]]


class ImagesError(UserError):
    """A data set that cannot be used; the message names folder, problem, and fix."""

    def __init__(self, message: str) -> None:
        super().__init__(foreign_text.line(message, 1000))  # Names and labels may contain anything.


@dataclass
class Contents:
    """The contents of a folder: images by sorted path, and everything else.

    ``left_out`` maps each reason to the names excluded for it; names of folders end in a slash.
    """

    pictures: list[str] = field(default_factory=list)
    left_out: Reasons = field(default_factory=lambda: defaultdict(list))


def contents(root: Path, training: bool = True) -> Contents:
    """List the contents of ``root``; skip training images unless ``training``.

    Links are followed. Raises ImagesError if a folder cannot be read, or if it is reached twice
    through links.
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
    """Return the folder of validation images, and excluded files by reason.

    It is the only folder at any depth that is named for validation, or else ``folder`` itself.
    Raises ImagesError if there are several, if there are only training images, or if ``folder`` is
    itself named for training.
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
            f"{folder}: {both} both contain validation images. Set dataset.path to one of them."
        )
    if found["val"]:
        root = found["val"][0]
        return root, _relative(root, {_TRAINING: found["train"], _BESIDE: others})
    if training := _training_by_name(folder):
        other = _validation_beside(training)
        raise ImagesError(
            f"{folder}: named like a folder of training images. Set dataset.path to"
            f" {other or 'validation images'}."
        )
    if found["train"] and not any(path.parent == folder and path.is_file() for path in others):
        raise ImagesError(
            f"{folder}: contains {found['train'][0].relative_to(folder)} but no val. Set"
            " dataset.path to validation images."
        )
    return folder, {}


def split_of(name: str) -> Literal["val", "train"] | None:
    """Return the split that a folder's name indicates, or None."""
    words = re.findall("[a-z]+", name.lower())
    found = {_SPLITS[word] for word in words if word in _SPLITS}
    # "Bullet train" is the only one of the 1,000 classes whose name contains such a word.
    return found.pop() if len(found) == 1 and "bullet" not in words else None


def is_foreign(name: str) -> bool:
    """Return whether a folder's name marks it as hidden or as another program's."""
    sign = name[0].isascii() and not name[0].isalnum()
    return sign or name.casefold() in _PROGRAMS


def is_picture(name: str) -> bool:
    """Return whether a file is an image, judging by its name."""
    stem, dot, suffix = name.rpartition("/")[2].rpartition(".")
    return bool(stem) and not _is_hidden(stem) and dot + suffix.lower() in SUFFIXES


def _is_hidden(name: str) -> bool:
    return name.startswith((".", "~"))


def packed(left_out: Mapping[str, list[str]]) -> str | None:
    """Return an archive that may contain the images, to suggest unpacking it."""
    found = filter(_PACKED.fullmatch, left_out.get(_OTHER, ()))
    return min(found, key=lambda name: split_of(name) != "val", default=None)


def records(left_out: Mapping[str, list[str]]) -> list[LeftOut]:
    """Return one record per reason, with a few of the names as examples."""
    return [
        LeftOut(
            reason=reason, count=len(names), examples=[shown(name) for name in sorted(names)[:5]]
        )
        for reason, names in sorted(left_out.items())
        if names
    ]


def shown(name: str) -> str:
    """Return a file name as text, with bytes that are not valid UTF-8 escaped."""
    return os.fsencode(name).decode(errors="backslashreplace")


def walk(root: Path, strict: bool = False) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Walk a folder in order of names, links last.

    Folders that the caller removes from the lists are skipped. Each folder is entered once, however
    many links lead to it. If ``strict``, raises ImagesError for a second link to a folder and for a
    folder that cannot be read.
    """

    def refuse(error: OSError) -> None:
        raise ImagesError(
            f"{error.filename}: cannot be listed: {error.strerror}. Make it readable, or move it."
        ) from error

    seen: set[str] = set()
    for name, folders, files in os.walk(root, followlinks=True, onerror=refuse if strict else None):
        place = Path(name)
        real = os.path.realpath(place)
        if real in seen:
            if strict:
                raise ImagesError(f"{place}: links to a folder that is already listed. Remove it.")
            folders.clear()
            continue
        seen.add(real)
        links = {folder for folder in folders if (place / folder).is_symlink()}
        folders.sort(key=lambda folder, links=links: (folder in links, folder))  # type: ignore[misc]
        yield place, folders, sorted(files)


def _training_by_name(folder: Path) -> Path | None:
    """Return the folder of training images that ``folder`` is, or is directly in.

    The folder's name decides.
    """
    real = folder.resolve()
    places = [folder.absolute(), real, *[real.parent] * _is_class(real.name)]
    return next((path for path in places if _is_training(path.name)), None)


def _is_training(name: str) -> bool:
    """Return whether a name consists only of words for a set of training images."""
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
    """Return the target of a link, relative to ``root``."""
    return os.path.relpath(os.path.realpath(link), os.path.realpath(root))


def _relative(root: Path, paths: Mapping[str, list[Path]]) -> Reasons:
    return {
        reason: [os.path.relpath(path, root) + "/" * path.is_dir() for path in several]
        for reason, several in paths.items()
    }
