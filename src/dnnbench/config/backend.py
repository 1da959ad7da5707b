"""The descriptor of a device backend; each module in ``devices/`` declares one."""

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dnnbench.config.gpu_settings import Gpu
from dnnbench.core import plugins
from dnnbench.core.errors import UserError
from dnnbench.records.base import REFERENCE

GROUP = "dnnbench.devices"


@dataclass(frozen=True, kw_only=True)
class Backend:
    """A kind of device, and how to create its driver.

    ``make`` takes section ``gpu`` of a device file (None for a backend without it) and returns a
    ``devices.backends.Driver``. ``gpu``: the backend has that section. ``shared_memory``: CPU and
    GPU share memory, so that a batch that does not fit endangers the whole machine. ``tf32``: the
    device can round the operands of fp32 products to 10 bits. ``default_variants``: what a study
    measures that lists no variants: of each group the first that can run.
    """

    name: str
    make: Callable[[Gpu | None], Any]
    gpu: bool = False
    shared_memory: bool = False
    tf32: bool = False
    default_variants: tuple[tuple[str, ...], ...] = ((REFERENCE,),)


def backends() -> dict[str, Backend]:
    """Return all backends by name, plugins last. Imports their modules, but not torch."""
    return plugins.find(GROUP, Backend)


def named(name: str) -> Backend:
    """Return a backend by name.

    Raises UserError with a suggestion if the name is unknown.
    """
    known = backends()
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"Did you mean {close[0]!r}?" if close else f"Choose one of {', '.join(known)}."
        raise UserError(f"backend: {name!r}: unknown. {hint}")
    return known[name]


def module_of(name: str) -> str:
    """Return the dotted name of the module that declares a backend."""
    return plugins.module_of(GROUP, Backend, name)
