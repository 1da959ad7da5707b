"""ImageNetV2, matched frequency: 10,000 pictures in folders that are named by class, 0 to 999."""

from pathlib import Path

from dnnbench.config.dataset import Archive, Dataset, Labeller
from dnnbench.images import class_labels


def _labels(folder: Path, root: Path) -> tuple[Labeller, str]:
    return class_labels.by_number, "numbered folders"


DATASET = Dataset(
    name="imagenetv2",
    description="the matched-frequency pictures of ImageNetV2",
    labels=_labels,
    places=("imagenetv2-matched-frequency-format-val", "."),
    # As tensorflow-datasets 4.9.10 states them (datasets/imagenet_v2/checksums.tsv).
    archive=Archive(
        "https://huggingface.co/datasets/vaishaal/ImageNetV2/resolve/main/"
        "imagenetv2-matched-frequency.tar.gz",
        "f0c37fdf925916b19ea1323cd9a2208cdb6959ba2c32eef2a7fc393835c9ca7c",
    ),
)
