"""Variants: ``<precision>[-autocast]-<engine>[-channels_last]``.

*Precision*: ``fp32``; ``tf32``: a GPU rounds the operands of convolutions and matrix products to 10
bits; ``fp16`` and ``bf16``: weights and input are cast, or with ``-autocast`` torch decides which
operations to cast; ``int8``: weights and activations are quantized, with images to calibrate.
*Engine*: see :mod:`dnnbench.config.engine`. ``-channels_last``: weights and input are stored in
memory as N x H x W x C.
"""

import difflib
import importlib.util
import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache

from dnnbench.config.backend import named
from dnnbench.config.engine import PRECISIONS, Engine, Graph, engines
from dnnbench.core.errors import UserError
from dnnbench.records.base import REFERENCE as REFERENCE


@dataclass(frozen=True)
class Variant:
    """A variant by its parts; ``parse`` returns one by its name."""

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
        """Whether this is the baseline for all other variants."""
        return self.name == REFERENCE

    @property
    def graph(self) -> Graph | None:
        """The graph that the engine reads the network from; None if it runs torch's network."""
        return engines()[self.engine].graphs.get(self.precision)

    @property
    def needs_pictures(self) -> bool:
        """Whether images calibrate the variant's graph."""
        return self.graph is not None and self.graph.quantized_from is not None

    @property
    def building_s(self) -> float:
        """Extra time that a cell may take for the engine to build the network, in seconds."""
        return engines()[self.engine].building_s


def pattern() -> str:
    """Return a regular expression for names of variants, for a JSON schema.

    It also accepts combinations that :func:`parse` refuses.
    """
    return f"^({'|'.join(PRECISIONS)})(-autocast)?-({'|'.join(engines())})(-channels_last)?$"


def parse(name: str) -> Variant:
    """Return a variant by name. Raises UserError if no device can run it."""
    known = _combinations()
    variant = known.get(name)
    if variant is None:
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"Did you mean {close[0]!r}?" if close else f"For example: {REFERENCE}."
        raise UserError(
            f"{name!r}: not a variant. Write PRECISION[-autocast]-ENGINE[-channels_last]"
            f" (precisions: {', '.join(PRECISIONS)}; engines: {', '.join(engines())}). {hint}"
        )
    if remedy := _meaningless(variant, engines()[variant.engine]):
        raise UserError(f"{name!r}: {remedy}")
    return variant


def check(name: str, backend: str) -> Variant:
    """Return a variant by name.

    Raises UserError if devices of ``backend`` cannot run it.
    """
    variant = parse(name)
    if variant.precision == "tf32" and not named(backend).tf32:
        raise UserError(f"{name!r}: backend {backend} does not support TF32. Write fp32 or bf16.")
    if not engines()[variant.engine].runs_on(backend):
        others = [other.name for other in engines().values() if other.runs_on(backend)]
        raise UserError(
            f"{name!r}: {variant.engine} does not run on backend {backend}."
            f" Write {' or '.join(others)}."
        )
    return variant


def require(names: Iterable[str]) -> None:
    """Raise UserError if a package that a variant needs is missing.

    The message has the command that installs it.
    """
    for name in names:
        variant = parse(name)
        engine = engines()[variant.engine]
        built_by = variant.graph.packages if variant.graph else ()
        for package in (*engine.packages, *built_by):
            if importlib.util.find_spec(package) is None:
                raise UserError(
                    f"variants: {name!r}: {package} is not installed. Run: {engine.install}"
                )


@cache
def _combinations() -> dict[str, Variant]:
    parts = itertools.product(PRECISIONS, engines(), (False, True), (False, True))
    return {variant.name: variant for variant in itertools.starmap(Variant, parts)}


def _meaningless(variant: Variant, engine: Engine) -> str | None:
    """Return why a combination is invalid, with an alternative; None if it is valid."""
    plain = f"Write {engine.precisions[0]}-{engine.name}"
    if variant.precision not in engine.precisions or (variant.autocast and not engine.autocast):
        others = [
            other.name
            for other in engines().values()
            if variant.precision in other.precisions and (other.autocast or not variant.autocast)
        ]
        runs = ", ".join(engine.precisions)
        return f"{engine.name} supports only {runs}. {plain}, or choose {' or '.join(others)}."
    if variant.channels_last and not engine.channels_last:
        return f"{engine.name} chooses the memory layout itself. {plain}."
    if variant.autocast and variant.precision in ("fp32", "tf32"):
        return "autocast requires a 16-bit precision. Write fp16-autocast or bf16-autocast."
    return None
