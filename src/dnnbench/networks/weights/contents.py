"""What a file of weights holds, read without running what stands in it.

torch.load(weights_only=True) and safetensors do the reading. Programs that train put more into a
checkpoint than tensors: arguments, paths, schedules, whole modules. What torch would have to import
is replaced by :class:`Inert` objects, which keep what they were made from and do nothing. What
cannot be read in this way is refused, with the line of Python that extracts the tensors.
"""

import importlib
import io
import pickle
import pickletools
import re
import warnings
import zipfile
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections import OrderedDict
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

import safetensors.torch
import torch

from dnnbench.core import foreign_text
from dnnbench.core.checksums import IntegrityError, only_member
from dnnbench.networks.weights import extraction
from dnnbench.networks.weights.checkpoints import CheckpointError

# Nothing of these belongs into a checkpoint. It would not run either, but is no file to trust.
_HOSTILE = re.compile(
    r"(os|posix|nt|sys|subprocess|importlib|runpy|pty|shutil|socket|ctypes|webbrowser|code)\."
    r"|(builtins|__builtin__)\.(eval|exec|compile|open|input|breakpoint|__import__)$"
)
# What torch reads itself.
_TENSORS = ("torch.", "collections.", "_codecs.")
_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_ZIP = b"PK\x03\x04"
_PICKLE = b"\x80"


class Inert(list[Any]):
    """What stands for an object whose class is not imported: its state, if it is given one."""

    state: Any = None

    def __init__(self, *arguments: Any) -> None:
        """Take any arguments and do nothing with them."""
        super().__init__()

    __hash__ = object.__hash__  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return self is other

    def __setstate__(self, state: Any) -> None:
        self.state = state


class _Mapping:
    """The same of a class of mappings, such as AttributeDict: a plain one."""

    def __new__(cls, *arguments: Any) -> Any:
        return OrderedDict()


def read(path: Path) -> object:
    """Return what a file holds, tensors on the CPU.

    ``.safetensors`` or what torch.save wrote, or an archive (``.zip``) of one of those. Never runs
    code. Raises CheckpointError.
    """
    if several := extraction.of_parts(path):
        raise CheckpointError(f"{path}: {several}")
    try:
        return _content(path)
    except (OSError, MemoryError, CheckpointError):
        raise
    except IntegrityError as error:
        raise CheckpointError(str(error)) from None
    except Exception as error:  # Whatever the libraries raise for a file that is damaged.
        what = foreign_text.of_error(error, 200)
        raise CheckpointError(f"{path}: not a file of weights: {what}") from error


def _content(path: Path) -> object:
    with ExitStack() as stack:
        file: IO[bytes] = stack.enter_context(path.open("rb"))
        start = file.read(9)
        if (path.suffix == ".safetensors" and start[:4] != _ZIP) or start[8:] == b"{":
            return safetensors.torch.load_file(path)
        file.seek(0)
        if start[:4] == _ZIP:
            if remedy := _foreign_archive(zipfile.ZipFile(file).namelist(), path):
                raise CheckpointError(f"{path}: refused: {remedy}")
            if not _data(zipfile.ZipFile(file)):
                file = io.BytesIO(stack.enter_context(only_member(path)).read())
        elif path.suffix == ".zip":
            raise IntegrityError(f"{path}: not a whole zip archive")
        elif start.startswith(b"version "):
            raise CheckpointError(f"{path}: a pointer of Git LFS, not the file; run: git lfs pull")
        elif start[:1] != _PICKLE:
            begins = f"it begins with {start[:8]!r}"
            raise CheckpointError(
                f"{path}: not a file of weights: torch.save and safetensors write others; {begins}"
            )
        return _unpickled(file, path)


def _foreign_archive(names: list[str], path: Path) -> str | None:
    """What else than torch.save wrote an archive with these names, and what to do; None: it did."""
    if any(name.endswith("/constants.pkl") for name in names):
        return extraction.of_torchscript(path)
    if any("exported_program" in name or name.endswith("/models/model.json") for name in names):
        return extraction.of_exported(path)
    if names and all(name.endswith(".npy") for name in names):
        return extraction.of_npz(path)
    return None


def _data(archive: zipfile.ZipFile) -> str | None:
    """The pickle in an archive that torch.save wrote."""
    return next((name for name in archive.namelist() if name.endswith("/data.pkl")), None)


def _unpickled(file: IO[bytes], path: Path) -> object:
    names, protocol = _globals(file, path)
    if any(name.startswith("torch.distributed.") for name in names):
        importlib.import_module("torch.distributed.tensor")  # Makes its tensors known to torch.
    known = torch.serialization.get_safe_globals()
    names -= {f"{one.__module__}.{one.__qualname__}" for one in known if not isinstance(one, tuple)}
    mappings: set[str] = set()
    while True:
        stand_ins: list[Any] = [
            (type(name, (_Mapping if name in mappings else Inert,), {"__module__": "inert"}), name)
            for name in names
        ]
        file.seek(0)
        try:
            with torch.serialization.safe_globals(stand_ins), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return torch.load(file, map_location="cpu", weights_only=True)
        except (pickle.UnpicklingError, TypeError, AttributeError, ValueError) as error:
            # A class whose objects are filled like a mapping is one.
            found = re.search(r"Can only SETITEMS? for .* got <class 'inert\.(.+?)'>", str(error))
            if found and found[1] in names - mappings:
                mappings.add(found[1])
                continue
            foreign = sorted(name for name in names if not name.startswith(_TENSORS))
            why = f"it holds {foreign[0]}" if foreign else "it is not only tensors"
            if protocol != 2:
                why = f"it is written in pickle protocol {protocol}"
            raise CheckpointError(f"{path}: refused: {extraction.of_trusted(path, why)}") from None


def _globals(file: IO[bytes], path: Path) -> tuple[set[str], int]:
    """Names of what a file would import, as torch spells them, and the protocol of its pickle."""
    file.seek(0)
    if file.read(4) == _ZIP:
        archive = zipfile.ZipFile(file)
        data = _data(archive)
        if data is None:
            raise CheckpointError(f"{path}: not a file of weights: an archive of other things")
        return _imported(archive.open(data), path)
    file.seek(0)
    if not any(argument == _LEGACY_MAGIC for _, argument, _ in pickletools.genops(file)):
        file.seek(0)
        _imported(file, path)
        raise CheckpointError(f"{path}: refused: {extraction.of_arrays(path)}")
    file.seek(0)
    for _ in range(3):  # The magic number, the version and the system come before.
        for _ in pickletools.genops(file):
            pass
    return _imported(file, path)


def _imported(pickled: IO[bytes], path: Path) -> tuple[set[str], int]:
    """Names that a pickle would import, and its protocol; reads its instructions, no more."""
    found: set[str] = set()
    protocol = 0
    strings: list[str] = []
    memo: dict[int, str] = {}
    argument: Any
    for code, argument, _ in pickletools.genops(pickled):
        if code.name == "PROTO":
            protocol = argument
        elif code.name in ("GLOBAL", "INST"):
            module, _, name = argument.partition(" ")
            found.add(_today(module, name))
        elif code.name == "STACK_GLOBAL":
            found.add(".".join(strings[-2:]))
        elif "UNICODE" in code.name:
            strings.append(argument)
        elif code.name == "MEMOIZE" or code.name.endswith("BINPUT"):
            memo[len(memo) if argument is None else argument] = strings[-1] if strings else ""
        elif code.name.endswith("BINGET") and argument in memo:
            strings.append(memo[argument])
    for name in sorted(found):
        if _HOSTILE.match(name):
            raise CheckpointError(f"{path}: refused: it wants to run {name}")
    return found, protocol


def _today(module: str, name: str) -> str:
    """The name in Python 3 of what Python 2 may have written."""
    module, name = NAME_MAPPING.get((module, name), (IMPORT_MAPPING.get(module, module), name))
    return f"{module}.{name}"
