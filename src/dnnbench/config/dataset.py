"""Data sets that accuracy may be measured on: what each says of itself, in a module of its own.

The descriptor is here, below the modules that declare one (``dnnbench.images.sets``), so that
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

# Returns the class of a picture, 0 to 999, from its path below the folder of pictures.
Labeller = Callable[[PurePosixPath], int]


@dataclass(frozen=True)
class Archive:
    """Where a data set can be downloaded, and the SHA-256 of that file."""

    url: str
    sha256: str

    @property
    def filename(self) -> str:
        """Last part of the address."""
        return self.url.rpartition("/")[2]


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A set of labelled pictures, named in ``dataset.name`` of params.yaml.

    ``description`` completes help texts. ``places``: where the pictures may lie below the folder
    of the data set; the first that is there is taken. ``validation``: they lie in that place, or in
    a folder of validation pictures at any depth below; training pictures are left out. ``labels``
    takes the data set's folder and that of the pictures; it returns how pictures get their labels,
    and where these come from, in words. ``archive``: None where nobody may download it.
    """

    name: str
    description: str
    labels: Callable[[Path, Path], tuple[Labeller, str]]
    places: tuple[str, ...] = (".",)
    validation: bool = False
    archive: Archive | None = None

    def __post_init__(self) -> None:
        if not re.fullmatch("[a-z0-9]+", self.name):
            raise ValueError(f"name: {self.name!r}: write lower-case letters and digits")


def datasets() -> dict[str, Dataset]:
    """Return the data sets by name: those of dnnbench, then those of other distributions."""
    return plugins.find(GROUP, Dataset)


def named(name: str) -> Dataset:
    """Return a data set by its name. Raises UserError naming the nearest where there is none."""
    known = datasets()
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known)}"
        raise UserError(f"dataset: {name!r}: unknown; {hint}")
    return known[name]


def code(name: str) -> list[str]:
    """Return the files that declare a data set, for rules: no import statement names them."""
    return list(map(str, code_graph.module_sources(plugins.module_of(GROUP, Dataset, name))))
