"""The contents of a weights file, read without running code in it.

torch.load(weights_only=True) and safetensors read the file. Training programs store more than
tensors in a checkpoint: arguments, paths, schedules, whole modules. Objects whose class torch would
have to import are replaced by :class:`Inert` objects, which keep their state and do nothing. A file
that cannot be read this way is refused, with a Python command that extracts its tensors.
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

# None of these belongs in a checkpoint. They would not run, but the file cannot be trusted.
_HOSTILE = re.compile(
    r"(os|posix|nt|sys|subprocess|importlib|runpy|pty|shutil|socket|ctypes|webbrowser|code)\."
    r"|(builtins|__builtin__)\.(eval|exec|compile|open|input|breakpoint|__import__)$"
)
# Prefixes of names that torch handles itself.
_TENSORS = ("torch.", "collections.", "_codecs.")
_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_ZIP = b"PK\x03\x04"
_PICKLE = b"\x80"


class Inert(list[Any]):
    """A placeholder for an object of a class that is not imported; keeps its state."""

    state: Any = None

    def __init__(self, *arguments: Any) -> None:
        """Accept and ignore any arguments."""
        super().__init__()

    __hash__ = object.__hash__  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return self is other

    def __setstate__(self, state: Any) -> None:
        self.state = state


class _Mapping:
    """A placeholder for classes of mappings, such as AttributeDict: a plain mapping."""

    def __new__(cls, *arguments: Any) -> Any:
        return OrderedDict()


def read(path: Path) -> object:
    """Return a file's contents, with tensors on the CPU, without running its code.

    The file may be in the format of safetensors or torch.save, or a ``.zip`` archive of one such
    file. Raises CheckpointError.
    """
    if several := extraction.of_parts(path):
        raise CheckpointError(f"{path}: {several}")
    try:
        return _content(path)
    except (OSError, MemoryError, CheckpointError):
        raise
    except IntegrityError as error:
        raise CheckpointError(str(error)) from None
    except Exception as error:  # The libraries raise nearly anything for a corrupt file.
        what = foreign_text.of_error(error, 200)
        raise CheckpointError(f"{path}: not a weights file: {what}") from error


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
            raise IntegrityError(f"{path}: not a complete zip archive")
        elif start.startswith(b"version "):
            raise CheckpointError(
                f"{path}: a Git LFS pointer instead of the file itself. Run: git lfs pull"
            )
        elif start[:1] != _PICKLE:
            raise CheckpointError(
                f"{path}: not a weights file of torch.save or safetensors: it starts with"
                f" {start[:8]!r}"
            )
        return _unpickled(file, path)


def _foreign_archive(names: list[str], path: Path) -> str | None:
    """Return problem and remedy for an archive that torch.save did not write."""
    if any(name.endswith("/constants.pkl") for name in names):
        return extraction.of_torchscript(path)
    if any("exported_program" in name or name.endswith("/models/model.json") for name in names):
        return extraction.of_exported(path)
    if names and all(name.endswith(".npy") for name in names):
        return extraction.of_npz(path)
    return None


def _data(archive: zipfile.ZipFile) -> str | None:
    """Return the name of the pickle in an archive that torch.save wrote, or None."""
    return next((name for name in archive.namelist() if name.endswith("/data.pkl")), None)


def _unpickled(file: IO[bytes], path: Path) -> object:
    names, protocol = _globals(file, path)
    if any(name.startswith("torch.distributed.") for name in names):
        importlib.import_module("torch.distributed.tensor")  # Registers its tensors.
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
            # An object whose items are set is a mapping.
            found = re.search(r"Can only SETITEMS? for .* got <class 'inert\.(.+?)'>", str(error))
            if found and found[1] in names - mappings:
                mappings.add(found[1])
                continue
            foreign = sorted(name for name in names if not name.startswith(_TENSORS))
            why = f"it contains {foreign[0]}" if foreign else "it contains more than tensors"
            if protocol != 2:
                why = f"it uses pickle protocol {protocol}"
            raise CheckpointError(f"{path}: refused: {extraction.of_trusted(path, why)}") from None


def _globals(file: IO[bytes], path: Path) -> tuple[set[str], int]:
    """Return the names that a file would import, and its pickle protocol."""
    file.seek(0)
    if file.read(4) == _ZIP:
        archive = zipfile.ZipFile(file)
        data = _data(archive)
        if data is None:
            raise CheckpointError(f"{path}: not a weights file: an archive without tensors")
        return _imported(archive.open(data), path)
    file.seek(0)
    if not any(argument == _LEGACY_MAGIC for _, argument, _ in pickletools.genops(file)):
        file.seek(0)
        _imported(file, path)
        raise CheckpointError(f"{path}: refused: {extraction.of_arrays(path)}")
    file.seek(0)
    for _ in range(3):  # Skip the magic number, version, and system.
        for _ in pickletools.genops(file):
            pass
    return _imported(file, path)


def _imported(pickled: IO[bytes], path: Path) -> tuple[set[str], int]:
    """Return the names that a pickle would import, and its protocol."""
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
            raise CheckpointError(f"{path}: refused: the file would run {name}")
    return found, protocol


def _today(module: str, name: str) -> str:
    """Return the Python 3 name of a global that Python 2 may have written."""
    module, name = NAME_MAPPING.get((module, name), (IMPORT_MAPPING.get(module, module), name))
    return f"{module}.{name}"
