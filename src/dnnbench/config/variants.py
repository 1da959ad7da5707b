"""Ways of running a network, by name: ``<precision>[-autocast]-<engine>[-channels_last]``.

*Precision*: ``fp32``; ``tf32``: operands of convolutions and products rounded to 10 bits by a GPU;
``fp16`` and ``bf16``: weights and input cast, or with ``-autocast`` left as they are and cast where
torch sees fit. *Engine*: ``eager``, ``compile`` (torch.compile), ``onnxruntime``, ``openvino``.
``-channels_last``: weights and input lie in memory as N x H x W x C.
"""

import difflib
import importlib.util
import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field

from dnnbench.core.errors import UserError

PRECISIONS = ("fp32", "tf32", "fp16", "bf16")
ENGINES = ("eager", "compile", "onnxruntime", "openvino")

# What every other way is compared with, and the default.
REFERENCE = "fp32-eager"

# For a JSON schema, which cannot say which combinations mean something.
PATTERN = f"^({'|'.join(PRECISIONS)})(-autocast)?-({'|'.join(ENGINES)})(-channels_last)?$"

# What an engine imports; the extra of this package that installs it has the engine's name.
_PACKAGES = {
    "onnxruntime": ("onnx", "onnxscript", "onnxruntime"),
    "openvino": ("onnx", "onnxscript", "openvino"),
}

# How much longer than others a cell may take for its engine to build what it runs, seconds.
# torch.compile calls a C++ compiler or Triton for every kernel.
_BUILDING_S = {"compile": 600.0, "onnxruntime": 120.0, "openvino": 120.0}


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
        return _BUILDING_S.get(self.engine, 0.0)


_VARIANTS = {
    variant.name: variant
    for variant in itertools.starmap(
        Variant, itertools.product(PRECISIONS, ENGINES, (False, True), (False, True))
    )
}


def parse(name: str) -> Variant:
    """A variant by its name. Raises UserError where no device could run it."""
    variant = _VARIANTS.get(name)
    if variant is None:
        close = difflib.get_close_matches(name, _VARIANTS, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"such as {REFERENCE}"
        raise UserError(
            f"{name!r}: no way of running; write PRECISION[-autocast]-ENGINE[-channels_last],"
            f" of {', '.join(PRECISIONS)} and {', '.join(ENGINES)}; {hint}"
        )
    if remedy := _meaningless(variant):
        raise UserError(f"{name!r}: {remedy}")
    return variant


def check(name: str, backend: str) -> Variant:
    """A variant by its name. Raises UserError where a device of this ``backend`` cannot run it."""
    variant = parse(name)
    if backend == "cpu" and variant.precision == "tf32":
        raise UserError(f"{name!r}: a CPU has no TF32; write fp32, or bf16")
    if backend != "cpu" and variant.engine in _PACKAGES:
        raise UserError(f"{name!r}: {variant.engine} runs here on CPUs alone; write compile")
    return variant


def require(names: Iterable[str]) -> None:
    """Raise UserError naming what to install where a package that a variant needs is missing."""
    for name in names:
        engine = parse(name).engine
        for package in _PACKAGES.get(engine, ()):
            if importlib.util.find_spec(package) is None:
                raise UserError(
                    f"variants: {name!r}: {package} is not installed; pip install -e '.[{engine}]'"
                )


def _meaningless(variant: Variant) -> str | None:
    """Why a combination means nothing, and what to write; None: it means something."""
    if variant.engine in _PACKAGES:
        if variant.precision != "fp32" or variant.autocast:
            return f"{variant.engine} runs fp32 here; write fp32-{variant.engine}, or bf16-compile"
        if variant.channels_last:
            return f"{variant.engine} lays out memory itself; write fp32-{variant.engine}"
    if variant.autocast and variant.precision in ("fp32", "tf32"):
        return "autocast casts to 16 bits; write fp16-autocast or bf16-autocast"
    return None
