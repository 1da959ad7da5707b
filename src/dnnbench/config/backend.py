"""What a device backend says of itself: one ``Backend`` in each such module of ``devices/``."""

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dnnbench.config.gpu_settings import Gpu
from dnnbench.core import plugins
from dnnbench.core.errors import UserError

GROUP = "dnnbench.devices"


@dataclass(frozen=True, kw_only=True)
class Backend:
    """A kind of device, and how to make its driver.

    ``make`` takes the section ``gpu`` of a device file, None where the backend has none, and
    returns a ``devices.backends.Driver``. ``gpu``: whether it has that section. ``shared_memory``:
    whether CPU and GPU share memory, so that a batch that does not fit endangers the whole machine.
    ``tf32``: whether the device can round operands of fp32 products to 10 bits.
    """

    name: str
    make: Callable[[Gpu | None], Any]
    gpu: bool = False
    shared_memory: bool = False
    tf32: bool = False


def backends() -> dict[str, Backend]:
    """Return all backends by name, plugins last; imports their modules, and not torch."""
    return plugins.find(GROUP, Backend)


def named(name: str) -> Backend:
    """Return a backend by its name. Raises UserError naming the nearest where there is none."""
    known = backends()
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known)}"
        raise UserError(f"backend: {name!r}: unknown; {hint}")
    return known[name]


def module_of(name: str) -> str:
    """Return the dotted name of the module that declares a backend."""
    return plugins.module_of(GROUP, Backend, name)
