"""The validation images of ImageNet 2012, in any of the usual layouts."""

import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath

from dnnbench.config.dataset import Dataset, Labeller
from dnnbench.core.errors import UserError
from dnnbench.images import class_labels, label_files, label_tables, picture_folders
from dnnbench.images.class_labels import LabelError, NoLabel
from dnnbench.images.label_tables import Place, TableLabels

# Names of training and test images.
_OTHER = re.compile(r"n\d{8}_\d+|ILSVRC2012_test_\d{8}")


def _labels(folder: Path, root: Path) -> tuple[Labeller, str]:
    """Return a labeler based on names, numbered folders, or a table, and its source.

    If some images have names of the validation set, images named like the training or the test set
    are excluded. Raises LabelError if a table is needed and missing, or invalid.
    """
    pictures = picture_folders.contents(root, training=False).pictures
    own = class_labels.validation_alone(pictures, _OTHER)
    label, source = _labels_in(folder, root, own)
    unused = getattr(label, "unused", ())
    return class_labels.Labels(class_labels.of_set(own, label), unused), source


def _labels_in(folder: Path, root: Path, pictures: Sequence[str]) -> tuple[Labeller, str]:
    """Return a labeler based on names or on a table, whichever labels more images."""
    paths = [PurePosixPath(name) for name in pictures]
    named = sum(any(map(class_labels.synset_in, path.parts)) for path in paths)
    files = label_files.present(folder, root)
    place = Place(folder, root, pictures)
    if named and (2 * named > len(paths) or not files):
        label = class_labels.by_synset(root, pictures)
        _hold_to("names", label, files, place)
        return label, "synsets in names"
    if not files and paths and all(class_labels.number_in(path.parent.name) for path in paths):
        return class_labels.by_number(root, pictures), "numbered folders"
    if not files:
        raise LabelError(
            f"{folder}: no folders named by synset or by class (0 to 999), and no label file. Add"
            f" one of {', '.join(label_files.SUGGESTED)}, or {label_files.TRUTH} with meta.mat."
        )
    table = _by_table(files, place)
    if named > table.used:
        return class_labels.by_synset(root, pictures), "synsets in names"
    return table, str(files[0])


def _by_table(files: Sequence[Path], place: Place) -> TableLabels:
    """Return a labeler based on the first table, after checking it against the others."""
    first, *others = files
    label = _read(first, place)
    _hold_to(str(first), label, others, place)
    return label


def _hold_to(source: str, label: Labeller, others: Sequence[Path], place: Place) -> None:
    """Raise LabelError if a readable table among ``others`` contradicts ``label``."""
    for path in others:
        try:
            other = _read(path, place)
        except UserError:  # It may hold class names, for example.
            continue
        for name in map(PurePosixPath, place.pictures):
            with suppress(NoLabel):
                one, two = label(name), other(name)
                if one != two:
                    raise LabelError(
                        f"{source} and {path}: {name}: class {one} in one, {two} in the other."
                        " Remove the wrong one."
                    )


def _read(path: Path, place: Place) -> TableLabels:
    truth = path.name == label_files.TRUTH
    return label_tables.by_truth(path, place) if truth else label_tables.by_table(path, place)


DATASET = Dataset(
    name="imagenet",
    description="the 50,000 validation images, or a subset of them",
    labels=_labels,
    validation=True,
)
