"""The validation pictures of ImageNet 2012: named or sorted by class, or flat beside labels."""

import re
from contextlib import suppress
from pathlib import Path, PurePosixPath

from dnnbench.config.dataset import Dataset, Labeller
from dnnbench.core.errors import UserError
from dnnbench.images import class_labels, label_tables, picture_folders
from dnnbench.images.class_labels import LabelError, NoLabel, NotOfTheSet
from dnnbench.images.label_tables import Place

_TRUTH = "ILSVRC2012_validation_ground_truth.txt"
_KAGGLE = "LOC_val_solution.csv"
_SUGGESTED = (_KAGGLE, "labels.csv", "labels.txt", "val.txt")
_TABLES = (
    *(_KAGGLE, "labels.csv", "labels.tsv", "labels.txt", "val.txt", "val.csv"),
    *("val_map.txt", "val_list.txt", "val_labels.txt", "val_labels.csv", "validation.csv"),
    *("metadata.csv", "val_annotations.txt", "imagenet_2012_validation_synset_labels.txt", _TRUTH),
)

# Where tables of labels lie, below the folder of the data set, that of the pictures, or one above.
_PLACES = (".", "ILSVRC2012_devkit_t12/data", "devkit/data", "data", "meta", "annotations")

_VALIDATION = re.compile(r"ILSVRC2012_val_\d{8}")
_OTHER = re.compile(r"n\d{8}_\d+|ILSVRC2012_test_\d{8}")


def _labels(folder: Path, root: Path) -> tuple[Labeller, str]:
    """By the synset in names, by folders that are named by class, else by a table.

    Where pictures have their names of the validation set, those named as of the training or the
    test set are left out. Raises LabelError where there is no table, or one that cannot be right.
    """
    pictures = picture_folders.contents(root, training=False).pictures
    named = any(map(_VALIDATION.search, pictures))
    own = [name for name in pictures if not (named and _is_other(name))]
    paths = [PurePosixPath(name) for name in own]
    if any(class_labels.synset_in(part) for path in paths for part in path.parts):
        label, source = class_labels.by_synset(own), "synsets in names"
    elif paths and all(class_labels.number_in(path.parent.name) for path in paths):
        label, source = class_labels.by_number(own), "numbered folders"
    else:
        label, source = _by_table(Place(folder, root, own))

    def own_label(picture: PurePosixPath) -> int:
        if named and _is_other(picture.name):
            raise NotOfTheSet("a picture of the training or the test set by its name")
        return label(picture)

    return class_labels.Labels(own_label, getattr(label, "unused", ())), source


def _by_table(place: Place) -> tuple[Labeller, str]:
    """By the first table, which others that can be read must not contradict."""
    first, *others = _tables(place.folder, place.root)
    label = _read(first, place)
    for path in others:
        try:
            other = _read(path, place)
        except UserError:  # Words for the classes, or the like.
            continue
        for name in map(PurePosixPath, place.pictures):
            with suppress(NoLabel):
                one, two = label(name), other(name)
                if one != two:
                    raise LabelError(
                        f"{first} and {path}: {name}: class {one} by one, {two} by the other;"
                        " remove the wrong one"
                    )
    return label, str(first)


def _read(path: Path, place: Place) -> Labeller:
    read = label_tables.by_truth if path.name == _TRUTH else label_tables.by_table
    return read(path, place)


def _tables(folder: Path, root: Path) -> list[Path]:
    places = [base / place for base in (folder, root, root.parent) for place in _PLACES]
    found = [place / name for place in places for name in _TABLES]
    found += [place / _KAGGLE for place in root.resolve().parents[:4]]
    there = {path.resolve(): path for path in reversed(found) if path.exists()}
    if not there:
        raise LabelError(
            f"{folder}: no folders of synsets and no file of labels in it; add one of"
            f" {', '.join(_SUGGESTED)}, or {_TRUTH} with meta.mat"
        )
    return [path for path in dict.fromkeys(found) if path in there.values()]


def _is_other(name: str) -> bool:
    return _OTHER.match(name.rpartition("/")[2]) is not None


DATASET = Dataset(
    name="imagenet",
    description="the 50,000 validation pictures, or some of them",
    labels=_labels,
    validation=True,
)
