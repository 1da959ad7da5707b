"""Ways of running a network, by name: ``<precision>[-autocast]-<engine>[-channels_last]``.

*Precision*: ``fp32``; ``tf32``: operands of convolutions and products rounded to 10 bits by a GPU;
``fp16`` and ``bf16``: weights and input cast, or with ``-autocast`` left as they are and cast where
torch sees fit. *Engine*: see :mod:`dnnbench.config.engine`. ``-channels_last``: weights and input
lie in memory as N x H x W x C.
"""

import difflib
import importlib.util
import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache

from dnnbench.config.backend import named
from dnnbench.config.engine import PRECISIONS, Engine, engines
from dnnbench.core.errors import UserError

# The baseline that every other variant is compared with, and the default.
REFERENCE = "fp32-eager"


@dataclass(frozen=True)
class Variant:
    """A way of running a network, by its parts. ``parse`` makes one from its name."""

    precision: str
    engine: str
    autocast: bool = False
    channels_last: bool = False
    name: str = field(init=False)

    def __post_init__(self) -> None:
        precision = f"{self.precision}-autocast" if self.autocast else self.precision
        name = f"{precision}-{self.engine}{'-channels_last' if self.channels_last else ''}"
        object.__setattr__(self, "name", name)

    @property
    def is_reference(self) -> bool:
        """Whether it is what every other way is compared with."""
        return self.name == REFERENCE

    @property
    def building_s(self) -> float:
        """How much longer a cell may take for its engine to build what it runs, seconds."""
        return engines()[self.engine].building_s


def pattern() -> str:
    """Return a regular expression for names, for a JSON schema.

    It cannot say which combinations mean something.
    """
    return f"^({'|'.join(PRECISIONS)})(-autocast)?-({'|'.join(engines())})(-channels_last)?$"


def parse(name: str) -> Variant:
    """A variant by its name. Raises UserError where no device could run it."""
    known = _combinations()
    variant = known.get(name)
    if variant is None:
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"such as {REFERENCE}"
        raise UserError(
            f"{name!r}: no way of running; write PRECISION[-autocast]-ENGINE[-channels_last],"
            f" of {', '.join(PRECISIONS)} and {', '.join(engines())}; {hint}"
        )
    if remedy := _meaningless(variant, engines()[variant.engine]):
        raise UserError(f"{name!r}: {remedy}")
    return variant


def check(name: str, backend: str) -> Variant:
    """A variant by its name. Raises UserError where a device of this ``backend`` cannot run it."""
    variant = parse(name)
    if variant.precision == "tf32" and not named(backend).tf32:
        raise UserError(f"{name!r}: backend {backend} has no TF32; write fp32 or bf16")
    if not engines()[variant.engine].runs_on(backend):
        others = [other.name for other in engines().values() if other.runs_on(backend)]
        raise UserError(
            f"{name!r}: {variant.engine} does not run on backend {backend};"
            f" write {' or '.join(others)}"
        )
    return variant


def require(names: Iterable[str]) -> None:
    """Raise UserError naming what to install where a package that a variant needs is missing."""
    for name in names:
        engine = engines()[parse(name).engine]
        for package in engine.packages:
            if importlib.util.find_spec(package) is None:
                raise UserError(f"variants: {name!r}: {package} is not installed; {engine.install}")


@cache
def _combinations() -> dict[str, Variant]:
    parts = itertools.product(PRECISIONS, engines(), (False, True), (False, True))
    return {variant.name: variant for variant in itertools.starmap(Variant, parts)}


def _meaningless(variant: Variant, engine: Engine) -> str | None:
    """Why a combination means nothing, and what to write; None: it means something."""
    plain = f"write {engine.precisions[0]}-{engine.name}"
    if variant.precision not in engine.precisions or (variant.autocast and not engine.autocast):
        others = [
            other.name
            for other in engines().values()
            if variant.precision in other.precisions and (other.autocast or not variant.autocast)
        ]
        runs = ", ".join(engine.precisions)
        return f"{engine.name} runs {runs} only; {plain}, or choose {' or '.join(others)}"
    if variant.channels_last and not engine.channels_last:
        return f"{engine.name} lays out memory itself; {plain}"
    if variant.autocast and variant.precision in ("fp32", "tf32"):
        return "autocast casts to 16 bits; write fp16-autocast or bf16-autocast"
    return None
