"""The class of a picture: from the names of its file and folders, or from a file of labels.

A labeller is called with a picture's path below the folder of pictures, and returns its class from
0 to 999, in sorted synset order. It raises NoLabel where there is none.
"""

import re
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from dnnbench.config.dataset import Labeller
from dnnbench.core.errors import UserError
from dnnbench.images import synsets

_SYNSET = re.compile(r"(n\d{8})(?![0-9A-Za-z])")


class NoLabel(Exception):  # noqa: N818  (A reason, noted beside the picture: not an error.)
    """Why a picture has no class."""


class LabelError(UserError):
    """Labels that are missing or cannot be right: names file, line, value and remedy."""


def by_synset(picture: PurePosixPath) -> int:
    """Class by the synset that the name of the file, or of a folder, starts with."""
    found = {match[1]: None for part in picture.parts if (match := _SYNSET.match(part))}
    if not found:
        raise NoLabel("neither its name nor its folder's starts with a synset id")
    if len(found) > 1:
        raise NoLabel(f"its path names two synsets, {' and '.join(found)}")
    (synset,) = found
    number = synsets.class_of(synset)
    if number is None:
        raise NoLabel(f"{synset} is not among the 1,000 classes")
    return number


def synsets_in_names(folder: Path, root: Path) -> tuple[Labeller, str]:
    """Return ``by_synset`` and where labels come from, in words, as a data set declares them."""
    return by_synset, "synsets in names"


def by_number(picture: PurePosixPath) -> int:
    """Class by the name of the folder, ``0`` to ``999``, as ImageNetV2 has it."""
    folder = picture.parent.name
    if not re.fullmatch(r"[0-9]{1,3}", folder):
        raise NoLabel("its folder's name is not a class from 0 to 999")
    return int(folder)


def by_table(path: Path) -> Labeller:
    """Class by a table: a line is a picture's name and its label, with a comma or blanks between.

    A label is a synset id or a class from 0 to 999. What follows it is not read, and the first
    line may be a header. Or every line is a label alone: line k is that of ILSVRC2012_val_<k>.
    Raises LabelError.
    """
    wanted = "a synset id (n01440764) or, in sorted synset order, a class from 0 to 999"
    return _labeller(path, _class, wanted)


def by_truth(path: Path) -> Labeller:
    """Class by the development kit: line k is the ILSVRC2012_ID of ILSVRC2012_val_<k>.

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
    return _labeller(path, classes.get, "the ILSVRC2012_ID of a class in meta.mat")


def starts_with_synset(name: str) -> bool:
    """Whether a file's or folder's name tells a class."""
    return _SYNSET.match(name) is not None


def _labeller(path: Path, class_of: Callable[[str], int | None], wanted: str) -> Labeller:
    classes = _read(path, class_of, wanted)

    def label(picture: PurePosixPath) -> int:
        if picture.stem not in classes:
            raise NoLabel(f"{path.name} does not name it")
        return classes[picture.stem]

    return label


def _read(path: Path, class_of: Callable[[str], int | None], wanted: str) -> dict[str, int]:
    """Class by the stem of a picture's name."""
    classes: dict[str, int] = {}
    lines = path.read_text(encoding="utf-8").rstrip().splitlines()
    for number, line in enumerate(lines, start=1):
        fields = re.split(r"[,\s]+", line.strip())
        alone = len(fields) == 1
        label = fields[0] if alone else fields[1]
        name = f"ILSVRC2012_val_{number:08d}" if alone else PurePosixPath(fields[0]).stem
        found = class_of(label)
        if found is None:
            if number == 1 and not alone:
                continue  # A header.
            raise LabelError(f"{path}:{number}: {label!r}: not a label; write {wanted}")
        if classes.setdefault(name, found) != found:
            raise LabelError(f"{path}:{number}: {name!r}: has another label above; remove one")
    return classes


def _class(label: str) -> int | None:
    if re.fullmatch(r"[0-9]{1,3}", label):
        return int(label)
    return synsets.class_of(label)
