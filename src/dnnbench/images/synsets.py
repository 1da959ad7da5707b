"""The 1,000 classes of ImageNet 2012: WordNet IDs, sorted, in the order of logits.

The list agrees with those of timm 1.0.31 and of tensorflow-datasets 4.9.10 (imagenet2012).
"""

from functools import cache
from importlib import resources


@cache
def names() -> tuple[str, ...]:
    """Return the synsets in the order of classes and logits, ``n01440764`` first."""
    file = resources.files("dnnbench.images") / "imagenet_synsets.txt"
    return tuple(file.read_text(encoding="ascii").split())


@cache
def _classes() -> dict[str, int]:
    return {synset: number for number, synset in enumerate(names())}


def class_of(synset: str) -> int | None:
    """Return the class of a synset, or None if it is not among the 1,000."""
    return _classes().get(synset)
