"""The validation pictures of ImageNet 2012: in folders of synsets, or flat beside labels."""

from pathlib import Path

from dnnbench.config.dataset import Dataset, Labeller
from dnnbench.images import class_labels

_TRUTH = "ILSVRC2012_validation_ground_truth.txt"
_TABLES = ("LOC_val_solution.csv", "labels.csv", "labels.txt", "val.txt")

# Where files of labels lie in the folder of the data set, beside the pictures' own.
_PLACES = (".", "ILSVRC2012_devkit_t12/data", "data")


def _labels(folder: Path, root: Path) -> tuple[Labeller, str]:
    """By synset, where the pictures are in folders of synsets; otherwise by a file of labels.

    Raises LabelError where there is no such file, or one that cannot be right.
    """
    children = (child.name for child in root.iterdir() if child.is_dir())
    if any(map(class_labels.starts_with_synset, children)):
        return class_labels.synsets_in_names(folder, root)
    path = _table(folder, root)
    read = class_labels.by_truth if path.name == _TRUTH else class_labels.by_table
    return read(path), str(path)


def _table(folder: Path, root: Path) -> Path:
    places = [*(folder / place for place in _PLACES), root, root.parent]
    for path in (place / name for place in places for name in (*_TABLES, _TRUTH)):
        if path.is_file():
            return path
    raise class_labels.LabelError(
        f"{folder}: no folders of synsets and no file of labels in it; add one of"
        f" {', '.join(_TABLES)}, or {_TRUTH} with meta.mat"
    )


DATASET = Dataset(
    name="imagenet",
    description="the 50,000 validation pictures, or some of them",
    labels=_labels,
    places=("ILSVRC/Data/CLS-LOC/val", "val", "."),
)
