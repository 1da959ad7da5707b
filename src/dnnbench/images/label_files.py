"""Names and usual places of files with labels of ImageNet's validation set."""

from collections.abc import Iterator
from pathlib import Path

KAGGLE = "LOC_val_solution.csv"
TRUTH = "ILSVRC2012_validation_ground_truth.txt"

# File names that tools read or write, in order of precedence within a folder.
TABLES = (
    *(KAGGLE, "labels.csv", "labels.tsv", "labels.txt", "val.txt", "val.csv", "val_map.txt"),
    *("val_list.txt", "val_labels.txt", "val_labels.csv", "validation.csv", "metadata.csv"),
    *("metadata.jsonl", "val_annotations.txt", "imagenet_2012_validation_synset_labels.txt"),
)
SUGGESTED = (KAGGLE, "labels.csv", "labels.txt", "val.txt")

_PLACES = (
    ".",
    "ILSVRC2012_devkit_t12/data",
    "devkit/data",
    "data",
    "meta",
    "annotations",
    "caffe_ilsvrc12",
)

# Kaggle's images are in ILSVRC/Data/CLS-LOC/val, and the table is next to ILSVRC.
_ABOVE = 4


def present(folder: Path, root: Path) -> list[Path]:
    """Return the label files of the data set in ``folder`` with images in ``root``."""
    found: dict[Path, Path] = {}
    for path in _candidates(folder, root):
        if path.exists():
            found.setdefault(path.resolve(), path)
    return list(found.values())


def _candidates(folder: Path, root: Path) -> Iterator[Path]:
    for base in (folder, root, root.absolute().parent):
        for place in _PLACES:
            yield from (base / place / name for name in (*TABLES, TRUTH))
    yield from (above / KAGGLE for above in root.resolve().parents[:_ABOVE])
