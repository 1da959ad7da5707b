"""The descriptor of a data set that accuracy can be measured on.

It is defined here, a layer below the modules that declare one (``dnnbench.images.sets``), so that
settings and schemas can list the data sets.
"""

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from dnnbench.core import code_graph, plugins
from dnnbench.core.errors import UserError

GROUP = "dnnbench.images.sets"

# Returns the class of an image, 0 to 999, from its path relative to the image folder.
Labeller = Callable[[PurePosixPath], int]


@dataclass(frozen=True)
class Archive:
    """The download address of a data set, and the SHA-256 of the file."""

    url: str
    sha256: str

    @property
    def filename(self) -> str:
        """File name: the last part of the address."""
        return self.url.rpartition("/")[2]


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A set of labeled images, selected by ``dataset.name`` in params.yaml.

    ``description`` is used in help texts. ``places``: possible image folders, relative to the
    folder of the data set; the first that exists is used. ``validation``: the images are in that
    place or in a folder of validation images at any depth below it; training images are excluded.
    ``labels`` takes the folder of the data set and that of the images, and returns a pair:
    a function that labels an image, and the source of the labels as text. ``archive`` is None if
    the data set cannot be downloaded freely.
    """

    name: str
    description: str
    labels: Callable[[Path, Path], tuple[Labeller, str]]
    places: tuple[str, ...] = (".",)
    validation: bool = False
    archive: Archive | None = None

    def __post_init__(self) -> None:
        if not re.fullmatch("[a-z0-9]+", self.name):
            raise ValueError(
                f"name: {self.name!r}: not a valid name. Use only lower-case letters and digits."
            )


def datasets() -> dict[str, Dataset]:
    """Return the data sets by name, plugins last."""
    return plugins.find(GROUP, Dataset)


def named(name: str) -> Dataset:
    """Return a data set by name.

    Raises UserError with a suggestion if the name is unknown.
    """
    known = datasets()
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"Did you mean {close[0]!r}?" if close else f"Choose one of {', '.join(known)}."
        raise UserError(f"dataset: {name!r}: unknown. {hint}")
    return known[name]


def code(name: str) -> list[str]:
    """Return the files that define a data set, as inputs of rules.

    No import statement names them.
    """
    return list(map(str, code_graph.module_sources(plugins.module_of(GROUP, Dataset, name))))
