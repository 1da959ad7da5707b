"""ImageNetV2, matched frequency: 10,000 pictures in folders that are named by class, 0 to 999."""

import re
from pathlib import Path

from dnnbench.config.dataset import Archive, Dataset, Labeller
from dnnbench.images import class_labels, picture_folders
from dnnbench.images.picture_folders import ImagesError


def _labels(folder: Path, root: Path) -> tuple[Labeller, str]:
    """By numbered folders. Raises ImagesError for the sets that were chosen to be easier."""
    if other := re.search("threshold-?0.7|top-?images", root.resolve().name):
        raise ImagesError(
            f"{root}: the pictures of {other[0]}, where {DATASET.name} is matched-frequency; let"
            " dataset.path hold that"
        )
    pictures = picture_folders.contents(root, training=False).pictures
    return class_labels.by_number(root, pictures), "numbered folders"


DATASET = Dataset(
    name="imagenetv2",
    description="the matched-frequency pictures of ImageNetV2",
    labels=_labels,
    places=("imagenetv2-matched-frequency-format-val", "."),
    validation=True,
    # As tensorflow-datasets 4.9.10 states them (datasets/imagenet_v2/checksums.tsv).
    archive=Archive(
        "https://huggingface.co/datasets/vaishaal/ImageNetV2/resolve/main/"
        "imagenetv2-matched-frequency.tar.gz",
        "f0c37fdf925916b19ea1323cd9a2208cdb6959ba2c32eef2a7fc393835c9ca7c",
    ),
)
