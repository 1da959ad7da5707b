"""Variants: ``<precision>[-autocast]-<engine>[-channels_last][-<allocator>][-threads<N>]``.

*Precision*: ``fp32``; ``tf32``: a GPU rounds the operands of convolutions and matrix products to 10
bits; ``fp16`` and ``bf16``: weights and input are cast, or with ``-autocast`` torch decides which
operations to cast; ``int8``: weights and activations are quantized, with images to calibrate.
*Engine*: see :mod:`dnnbench.config.engine`. ``-channels_last``: weights and input are stored in
memory as N x H x W x C. *Allocator*: see :mod:`dnnbench.config.allocators`; without it, glibc's
default. ``-threads<N>``: CPU threads of a pass, if the device file lists several numbers. These two
do not change what is computed.
"""

import difflib
import importlib.util
import itertools
import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

from dnnbench.config import allocators
from dnnbench.config.allocators import ALLOCATORS
from dnnbench.config.backend import named
from dnnbench.config.engine import PRECISIONS, Engine, Graph, engines
from dnnbench.core.errors import UserError
from dnnbench.records.base import REFERENCE as REFERENCE

# The form of a name in a device file.
FORM = "PRECISION[-autocast]-ENGINE[-channels_last][-ALLOCATOR]"


@dataclass(frozen=True)
class Variant:
    """A variant by its parts; ``parse`` returns one by its name.

    ``computes`` is the name of the variant with the same output: it has no allocator, and the
    device's number of threads.
    """

    precision: str
    engine: str
    autocast: bool = False
    channels_last: bool = False
    allocator: str | None = None
    threads: int | None = None
    computes: str = field(init=False)
    name: str = field(init=False)

    def __post_init__(self) -> None:
        precision = f"{self.precision}-autocast" if self.autocast else self.precision
        computes = f"{precision}-{self.engine}{'-channels_last' if self.channels_last else ''}"
        object.__setattr__(self, "computes", computes)
        of_allocator = f"-{self.allocator}" if self.allocator else ""
        of_threads = f"-threads{self.threads}" if self.threads else ""
        object.__setattr__(self, "name", f"{computes}{of_allocator}{of_threads}")

    @property
    def is_reference(self) -> bool:
        """Whether this computes the same as the baseline for all other variants."""
        return self.computes == REFERENCE

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

    It also accepts combinations that :func:`parse` refuses, and no number of threads, because the
    device file states it in ``threads``.
    """
    of_allocator = f"(-({'|'.join(ALLOCATORS)}))?"
    return (
        f"^({'|'.join(PRECISIONS)})(-autocast)?-({'|'.join(engines())})(-channels_last)?"
        f"{of_allocator}$"
    )


def parse(name: str) -> Variant:
    """Return a variant by name. Raises UserError if no device can run it."""
    known = _combinations()
    parts = re.fullmatch(r"(.+?)(?:-threads([1-9][0-9]{0,3}))?", name)
    variant = known.get(parts[1]) if parts else None
    if parts is None or variant is None:
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"Did you mean {close[0]!r}?" if close else f"For example: {REFERENCE}."
        raise UserError(
            f"{name!r}: not a variant. Write {FORM}"
            f" (precisions: {', '.join(PRECISIONS)}; engines: {', '.join(engines())};"
            f" allocators: {', '.join(ALLOCATORS)}). {hint}"
        )
    if remedy := _meaningless(variant, engines()[variant.engine]):
        raise UserError(f"{name!r}: {remedy}")
    return replace(variant, threads=int(parts[2])) if parts[2] else variant


def computed(names: Iterable[str]) -> list[str]:
    """Return the variants that compute what these compute, each once."""
    return list(dict.fromkeys(parse(name).computes for name in names))


def at_threads(names: Iterable[str], numbers: Sequence[int]) -> list[str]:
    """Return variants, followed by the same variants at each number of threads but the largest.

    The largest number is the one of variants that do not name their number.
    """
    plain = list(names)
    others = sorted(numbers)[:-1]
    return plain + [f"{name}-threads{number}" for number in others for name in plain]


def at_several_threads(names: Iterable[str]) -> bool:
    """Return whether variants of a device have several numbers of threads."""
    return any(parse(name).threads for name in names)


def environment(name: str) -> str:
    """Return the environment of a variant's allocator as a shell writes it; empty for glibc's.

    For example, ``MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=-1``.
    """
    allocator = parse(name).allocator
    variables = ALLOCATORS[allocator].environment if allocator else {}
    return " ".join(f"{key}={shlex.quote(value)}" for key, value in variables.items())


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
    if variant.allocator and backend != allocators.BACKEND:
        raise UserError(
            f"{name!r}: allocators can only be chosen on backend {allocators.BACKEND}, not"
            f" {backend}. Write {variant.computes}."
        )
    return variant


def default(backend: str) -> list[str]:
    """Return the variants of a study on ``backend`` that lists none.

    They depend on the installed engines. Raises UserError if the backend is unknown.
    """
    groups = named(backend).default_variants
    found = (next((name for name in group if _missing(name) is None), None) for group in groups)
    return [name for name in found if name]


def require(names: Iterable[str]) -> None:
    """Raise UserError if a package or an allocator that a variant needs is missing.

    The message has the command that installs it. Also raise if the user's environment already
    configures an allocator.
    """
    for name in names:
        if problem := _missing(name):
            raise UserError(f"variants: {name!r}: {problem}")


def _missing(name: str) -> str | None:
    """Return why a variant cannot run in this environment, with the remedy; None if it can."""
    variant = parse(name)
    engine = engines()[variant.engine]
    built_by = variant.graph.packages if variant.graph else ()
    for package in (*engine.packages, *built_by):
        if importlib.util.find_spec(package) is None:
            return f"{package} is not installed. Run: {engine.install}"
    return ALLOCATORS[variant.allocator].problem() if variant.allocator else None


@cache
def _combinations() -> dict[str, Variant]:
    choices = (False, True), (False, True), (None, *ALLOCATORS)
    parts = itertools.product(PRECISIONS, engines(), *choices)
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
    if variant.allocator and ALLOCATORS[variant.allocator].of_torch and variant.graph:
        return f"{engine.name} does not allocate with torch. Write {variant.computes}-kept."
    return None
