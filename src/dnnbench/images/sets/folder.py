"""Your own images, whose file or folder names contain the synset."""

from dnnbench.config.dataset import Dataset
from dnnbench.images.class_labels import synsets_in_names

DATASET = Dataset(
    name="folder",
    description="your own images, in files or folders named by synset",
    labels=synsets_in_names,
    validation=True,
)
