"""Labeled ImageNet images for tests, and their sources."""

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
    reason="DNNBENCH_SAMPLE_IMAGES, a folder of a hundred ImageNet images, is not set",
)


def foolbox_pictures(folder: Path) -> Path:
    """Copy foolbox's twenty images of 224 x 224 pixels into folders by synset."""
    for file in importlib.metadata.files("foolbox") or ():
        if match := re.fullmatch(r"imagenet_\d+_(\d+)\.jpg", file.name):
            target = folder / synsets.names()[int(match[1])]
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy(file.locate(), target / file.name)
    return folder


def put(folder: Path, name: str, content: str | bytes | None = None) -> Path:
    """Write a file below a folder, by default with its name as content; return the folder."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    content = name if content is None else content
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def val(number: int, synset: str = "") -> str:
    """Return an ImageNet validation image's name; with a synset, as Hugging Face spells it."""
    return f"ILSVRC2012_val_{number:08d}{'_' * bool(synset)}{synset}.JPEG"
