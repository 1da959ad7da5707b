"""What an inference engine says of itself: one ``Engine`` in each module of ``engines/``."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dnnbench.core import plugins

PRECISIONS = ("fp32", "tf32", "fp16", "bf16")
GROUP = "dnnbench.engines"


@dataclass(frozen=True, kw_only=True)
class Engine:
    """An inference engine, and the variants and devices that it runs.

    ``prepare(variant, model, images, on)`` makes a network ready and returns an
    ``engines.preparation.Prepared``. ``packages`` are what it imports beyond torch, and ``extra``
    is the extra of dnnbench that installs them, if one does. ``preload`` are modules to import
    before a process forks, so that no child spends seconds on it. A cell may take ``building_s``
    seconds longer, for the engine to build what it runs. ``backends`` are those it runs on; None:
    all. ``autocast`` and ``channels_last``: whether a variant may have that part.
    """

    name: str
    prepare: Callable[..., Any]
    packages: tuple[str, ...] = ()
    extra: str | None = None
    preload: tuple[str, ...] = ()
    building_s: float = 0.0
    backends: tuple[str, ...] | None = None
    precisions: tuple[str, ...] = PRECISIONS
    autocast: bool = True
    channels_last: bool = True

    @property
    def install(self) -> str:
        """Command that installs its packages."""
        what = f"-e '.[{self.extra}]'" if self.extra else " ".join(self.packages)
        return f"pip install {what}"

    def runs_on(self, backend: str) -> bool:
        """Whether it runs on devices of this backend."""
        return self.backends is None or backend in self.backends


def engines() -> dict[str, Engine]:
    """Return all engines by name, plugins last; imports their modules, and no library of theirs."""
    return plugins.find(GROUP, Engine)


def module_of(name: str) -> str:
    """Return the dotted name of the module that declares an engine."""
    return plugins.module_of(GROUP, Engine, name)
