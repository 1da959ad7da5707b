"""Pictures of one's own: named, or in folders named, by their synset."""

from dnnbench.config.dataset import Dataset
from dnnbench.images.class_labels import synsets_in_names

DATASET = Dataset(
    name="folder",
    description="pictures that are named, or lie in folders that are named, by synset",
    labels=synsets_in_names,
    validation=True,
)
