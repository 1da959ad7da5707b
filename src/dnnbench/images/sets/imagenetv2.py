"""ImageNetV2, matched frequency: 10,000 images in folders named 0 to 999."""

import re
from pathlib import Path

from dnnbench.config.dataset import Archive, Dataset, Labeller
from dnnbench.images import class_labels, picture_folders
from dnnbench.images.picture_folders import ImagesError


def _labels(folder: Path, root: Path) -> tuple[Labeller, str]:
    """Return a labeler based on numbered folders, after refusing the easier sets."""
    if other := re.search("threshold-?0.7|top-?images", root.resolve().name):
        raise ImagesError(
            f"{root}: contains the images of {other[0]}, but {DATASET.name} is matched-frequency."
            " Set dataset.path to the matched-frequency images."
        )
    pictures = picture_folders.contents(root, training=False).pictures
    return class_labels.by_number(root, pictures), "numbered folders"


DATASET = Dataset(
    name="imagenetv2",
    description="the matched-frequency images of ImageNetV2",
    labels=_labels,
    places=("imagenetv2-matched-frequency-format-val", "."),
    validation=True,
    # Source: tensorflow-datasets 4.9.10, datasets/imagenet_v2/checksums.tsv.
    archive=Archive(
        "https://huggingface.co/datasets/vaishaal/ImageNetV2/resolve/main/"
        "imagenetv2-matched-frequency.tar.gz",
        "f0c37fdf925916b19ea1323cd9a2208cdb6959ba2c32eef2a7fc393835c9ca7c",
    ),
)
