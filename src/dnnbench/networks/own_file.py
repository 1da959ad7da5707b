"""Import of the user's own file, with the package around it.

Used only in the process that measures the file's network, since the file may change anything there.
"""

import contextlib
import importlib.util
import re
import sys
import traceback
from collections.abc import Collection, Iterable
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

from dnnbench.core import code_graph, foreign_text
from dnnbench.core.code_graph import Surroundings
from dnnbench.core.errors import UserError

_INIT = "__init__"
_OURS = __name__.partition(".")[0]
_present: list[Surroundings] = []  # Of the file that is currently imported, if any.


class OwnFileError(UserError):
    """A user's file that cannot be imported; the message names place and fix."""


def load(file: Path, preloaded: Collection[str] = ()) -> ModuleType:
    """Import ``file`` once, with its surroundings, and return its module.

    See :func:`dnnbench.core.code_graph.surroundings`. Modules and paths of the previous file are
    removed first, because two files may import different modules of the same name. ``preloaded``
    are packages imported for other networks, which must not shadow modules next to the file. The
    working directory does not change. Raises OwnFileError.
    """
    around = code_graph.surroundings(file.resolve())
    if _present != [around]:
        _forget()
        _present.append(around)
        sys.path[:0] = map(str, around.first)
        sys.path += map(str, around.last)
        for name in preloaded:
            if any(map(Path.is_file, code_graph.module_files(around.first[0], name))):
                _remove(one for one in sys.modules if one.partition(".")[0] == name)
    with contextlib.chdir("."):
        try:
            return _module(file.resolve(), around.package)
        except MemoryError:  # Not the file's fault.
            _forget()
            raise
        except (Exception, SystemExit) as error:
            problem = _problem(error, around)
            _forget()
            raise OwnFileError(problem) from error


def _module(file: Path, package: Path | None) -> ModuleType:
    if package is None:
        return _run(f"dnnbench_own_{code_graph.short_hash(str(file))}", file)
    folders = [file.parent, *file.parent.parents]
    folders = [folder for folder in reversed(folders) if folder.is_relative_to(package)]
    name = _package_name(package)
    parent = _run(name, folders[0] / f"{_INIT}.py")
    for folder in folders[1:]:
        name = f"{name}.{_identifier(folder.name)}"
        parent = _run(name, folder / f"{_INIT}.py")
    return parent if file.stem == _INIT else _run(f"{name}.{_identifier(file.stem)}", file)


def _run(name: str, file: Path) -> ModuleType:
    """Return the module ``name`` from a file; an empty package if there is no file."""
    if name in sys.modules:
        return sys.modules[name]
    folders = [str(file.parent)] if file.stem == _INIT else None
    spec = importlib.util.spec_from_file_location(name, file, submodule_search_locations=folders)
    assert spec is not None
    if not file.exists():
        spec = ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = folders
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    if spec.loader:
        spec.loader.exec_module(module)
    above, _, last = name.rpartition(".")
    if above:
        setattr(sys.modules[above], last, module)
    return module


def _package_name(folder: Path) -> str:
    """Return the folder's name, by which its files import each other, if unused."""
    name = folder.name
    if not name.isidentifier() or name in sys.stdlib_module_names or name in sys.modules:
        found = sys.modules.get(name)
        if found is None or str(folder) not in getattr(found, "__path__", ()):
            return f"dnnbench_own_{code_graph.short_hash(str(folder))}"
    return name


def _identifier(name: str) -> str:
    return re.sub(r"\W", "_", name)


def _forget() -> None:
    """Undo what ``load`` did for the previous file."""
    while _present:
        around = _present.pop()
        for folder in (*around.first, *around.last):
            sys.path.remove(str(folder))
        _remove(name for name, module in sys.modules.items() if _is_own(module, around.files))


def _remove(names: Iterable[str]) -> None:
    for name in list(names):
        del sys.modules[name]


def _is_own(module: ModuleType, files: Collection[Path]) -> bool:
    """Return whether a module or an empty package is one of the user's."""
    if place := getattr(module, "__file__", None):
        return Path(place) in files and module.__name__.partition(".")[0] != _OURS
    folders = list(getattr(module, "__path__", ()))
    return any(file.is_relative_to(folder) for folder in folders for file in files)


def _problem(error: BaseException, around: Surroundings) -> str:
    """Return place, problem, and fix in one line."""
    lines = [
        f"{frame.filename}:{frame.lineno}: "
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename) in around.files
    ]
    place = lines[-1] if lines else ""
    if isinstance(error, SyntaxError) and error.filename:
        place = f"{error.filename}:{error.lineno}: "
    remedy = "Correct it."
    if isinstance(error, ModuleNotFoundError) and error.name:
        top = error.name.partition(".")[0]
        if top not in sys.modules:
            remedy = f"Install {top}, or correct the import."
    return f"{place}{foreign_text.of_error(error).rstrip('.')}. {remedy}"
