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


def put(folder: Path, name: str, content: str | bytes | None = None) -> Path:
    """Write a file below a folder, by default with its own name as content; returns the folder."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    content = name if content is None else content
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def val(number: int, synset: str = "") -> str:
    """The name of a validation picture of ImageNet, as Hugging Face has it if with a synset."""
    return f"ILSVRC2012_val_{number:08d}{'_' * bool(synset)}{synset}.JPEG"
