"""Imagenette 2 in full size: ten classes of ImageNet that are easy to distinguish."""

from dnnbench.config.dataset import Archive, Dataset
from dnnbench.images.class_labels import synsets_in_names

DATASET = Dataset(
    name="imagenette",
    description="the validation images of Imagenette 2",
    labels=synsets_in_names,
    validation=True,
    # Source: tensorflow-datasets 4.9.10, datasets/imagenette/checksums.tsv.
    archive=Archive(
        "https://s3.amazonaws.com/fast-ai-imageclas/imagenette2.tgz",
        "6cbfac238434d89fe99e651496f0812ebc7a10fa62bd42d6874042bf01de4efd",
    ),
)
