"""Labelled pictures of ImageNet for tests, and where they come from."""

import importlib.metadata
import os
import re
import shutil
from pathlib import Path

import pytest

from dnnbench.images import synsets

SAMPLE = os.environ.get("DNNBENCH_SAMPLE_IMAGES")

needs_sample = pytest.mark.skipif(
    not SAMPLE,
    reason="DNNBENCH_SAMPLE_IMAGES is not set: the folder of a hundred ImageNet pictures",
)


def foolbox_pictures(folder: Path) -> Path:
    """The twenty pictures in foolbox, of 224 x 224, put into folders by their synset."""
    for file in importlib.metadata.files("foolbox") or ():
        if match := re.fullmatch(r"imagenet_\d+_(\d+)\.jpg", file.name):
            target = folder / synsets.names()[int(match[1])]
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy(file.locate(), target / file.name)
    return folder
