"""The files that a result depends on: a script and the modules that it imports.

They are found from the import statements, so that the inputs of a rule follow the code. Imports
inside functions count; imports under ``if TYPE_CHECKING:`` do not. For the user's own files,
modules next to them and ``import_module("...")`` also count; in this package, a module named only
in a string does not.
"""

import ast
import hashlib
import importlib.util
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from dnnbench.core import text_file

_PACKAGE = Path(__file__).resolve().parents[1]
_INIT = "__init__.py"
_TYPES_ONLY = "TYPE_CHECKING"
# Attributes of a statement that contain nested statements.
BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")


def sources(
    script: Path | str, folder: Path | None = None, without: Iterable[str] = ()
) -> list[Path]:
    """Return ``script`` and the modules that it imports, sorted.

    The modules are those in ``folder`` or in this package; indirect imports count. Without
    ``folder``, the imports of the user's own file are found as in :func:`surroundings`.
    ``without``: modules and packages of this package, as paths in it, that are neither listed nor
    followed. Paths below the working directory are returned relative to it.
    """
    left_out = [_PACKAGE / name for name in without]
    first = Path(script).resolve()
    if folder or first.is_relative_to(_PACKAGE):
        found = frozenset(_follow(first, [folder or first.parent], None, left_out).files)
    else:
        found = surroundings(first, left_out).files
    here = Path.cwd()
    return sorted(f.relative_to(here) if f.is_relative_to(here) else f for f in found)


@dataclass(frozen=True)
class Surroundings:
    """The import paths of the user's own file.

    ``package``: the outermost folder that its relative imports need, or that has an ``__init__.py``
    as have all folders in between; None: the file is not in a package. ``first`` and ``last``:
    folders to search before and after the installed packages. ``files``: the file itself and
    everything that it imports from these folders or from dnnbench.
    """

    package: Path | None
    first: tuple[Path, ...]
    last: tuple[Path, ...]
    files: frozenset[Path]


def surroundings(file: Path, left_out: Iterable[Path] = ()) -> Surroundings:
    """Find the import paths of the user's own (resolved) file without running it.

    An absolute import is searched for next to the file, next to its package, among the installed
    packages, and last next to each enclosing folder, nearest first.
    """
    package, last = _outermost(file.parent), list[Path]()
    while True:
        root = package.parent if package else file.parent
        first = tuple(dict.fromkeys([file.parent, root]))
        found = _follow(file, [*first, *last], package, left_out)
        above = [folder for folder in found.climbed if file.is_relative_to(folder)]
        if package:
            above = [folder for folder in above if not folder.is_relative_to(package)]
        around = set(filter(None, (_nearest(root.parents, name) for name in found.missing)))
        if above:
            highest = min(above, key=lambda folder: len(folder.parts))
            package = _outermost(highest) or highest
        elif around.difference(last):
            last = sorted({*around, *last}, key=lambda folder: -len(folder.parts))
        else:
            return Surroundings(package, first, tuple(last), frozenset(found.files))


def builder_sources(builder: str) -> list[Path]:
    """Return the files that define a network, except those of a library.

    They are in this package or are the user's.

    ``builder`` is ``module:function`` or ``file.py:function``.
    """
    module = builder.partition(":")[0]
    file = Path(module) if module.endswith(".py") else module_file(module)
    return sources(file) if file else []


def module_sources(name: str, without: Iterable[str] = ()) -> list[Path]:
    """Return a module of this package or a plugin, and its imports.

    The imports are those from its own package and from this one.

    ``name`` is dotted; its parent packages are imported to find the file. ``without``: see
    :func:`sources`.
    """
    file = module_file(name)
    if file is None:
        spec = importlib.util.find_spec(name)
        assert spec is not None and spec.origin is not None, name  # Already imported.
        file = Path(spec.origin).resolve()
    levels = name.count(".") + (file.name == "__init__.py")
    return sources(file, file.parents[levels], without)


def module_file(name: str) -> Path | None:
    """Return the file of a module of dnnbench, or None if there is no such module.

    Packages do not count, because their ``__init__`` holds only a docstring.
    """
    if name.partition(".")[0] != _PACKAGE.name:
        return None
    file, _ = module_files(_PACKAGE.parent, name)
    return file if file.is_file() else None


def module_files(folder: Path, name: str) -> tuple[Path, Path]:
    """Return the two possible files of the module ``name`` below ``folder``."""
    path = folder.joinpath(*name.split("."))
    return path.with_suffix(".py"), path / "__init__.py"


def digest(files: Iterable[Path]) -> str:
    """Return twelve hexadecimal digits that change if the content of any file changes."""
    state = hashlib.sha256()
    for file in sorted(files):
        state.update(hashlib.sha256(text_file.read_bytes(file)).digest())
    return state.hexdigest()[:12]


@dataclass(frozen=True)
class _Found:
    """Imported files, ``climbed`` folders of relative imports, ``missing`` modules."""

    files: set[Path]
    climbed: set[Path]
    missing: set[str]


def _follow(
    first: Path, folders: Sequence[Path], package: Path | None, left_out: Iterable[Path]
) -> _Found:
    """Follow the imports of ``first``; ``folders`` are searched for absolute ones."""
    left_out = list(left_out)
    found = _Found(set(), set(), set())
    waiting = [first]
    while waiting:
        file = waiting.pop()
        if file in found.files or any(map(file.is_relative_to, left_out)):
            continue
        found.files.add(file)
        own = not file.is_relative_to(_PACKAGE)
        if package and file.is_relative_to(package):  # Python imports its packages first.
            around = [folder / _INIT for folder in file.parents if folder.is_relative_to(package)]
            waiting += [init for init in around if init.is_file()]
        for level, name in _imported(file):
            base: Path | None
            if level:
                base = file.parents[min(level, len(file.parents)) - 1]
                waiting += filter(Path.is_file, [base / _INIT])
                found.climbed.add(base)
            else:
                waiting += filter(None, [module_file(name)])
                base = _nearest(folders, name) if own else None
                if own and not base and not _installed(name.partition(".")[0]):
                    found.missing.add(name)
            waiting += _neighbours(base, name) if base and own else []
    return found


def _nearest(folders: Iterable[Path], name: str) -> Path | None:
    """Return the first folder that has the module ``name`` or a package around it."""
    return next((folder for folder in folders if _neighbours(folder, name)), None)


def _imported(file: Path) -> Iterator[tuple[int, str]]:
    """Yield the imports of a file: levels up (0 if absolute) and module name."""
    for node in _import_statements(file, file.stat().st_mtime_ns):
        if isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)
        else:
            start = f"{node.module}." if node.module else ""
            if node.module:
                yield node.level, node.module
            # The name may be a submodule, or an object defined in the module.
            yield from ((node.level, start + alias.name) for alias in node.names)


@cache
def _installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def _outermost(folder: Path) -> Path | None:
    """Return the outermost package around a folder, or None if it is not a package."""
    found = None
    while (folder / _INIT).is_file():
        found, folder = folder, folder.parent
    return found


@cache
def _import_statements(file: Path, mtime_ns: int) -> list[ast.Import | ast.ImportFrom]:
    """Return a file's import statements, except those under TYPE_CHECKING.

    ``mtime_ns`` is part of the cache's key.
    """
    found: list[ast.Import | ast.ImportFrom] = []
    try:
        waiting: list[ast.AST] = [ast.parse(text_file.read_bytes(file))]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        # Importing the file reports the error.
        return []
    if not file.is_relative_to(_PACKAGE):
        found += filter(None, map(_by_call, ast.walk(waiting[0])))
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            found.append(node)
        elif isinstance(node, ast.If) and ast.unparse(node.test).split(".")[-1] == _TYPES_ONLY:
            waiting += node.orelse
        else:  # Only statements contain statements, so skip expressions.
            for block in BLOCKS:
                waiting += getattr(node, block, ())
    return found


def _by_call(node: ast.AST) -> ast.Import | ast.ImportFrom | None:
    """Return the import statement equivalent to a call of ``import_module("...")``.

    Returns None if ``node`` is not one.
    """
    match node:
        case ast.Call(
            func=ast.Name(id="import_module" | "__import__") | ast.Attribute(attr="import_module"),
            args=[ast.Constant(value=str(text)), *_],
        ) if name := text.lstrip("."):
            level = len(text) - len(name)
            return ast.ImportFrom(name, [], level) if level else ast.Import([ast.alias(name)])
    return None


def _neighbours(folder: Path, name: str) -> list[Path]:
    """Return the files, below a folder, of the module ``name`` and its packages."""
    parts = name.split(".")
    modules = (".".join(parts[:count]) for count in range(1, len(parts) + 1))
    return [file for one in modules for file in module_files(folder, one) if file.is_file()]


def short_hash(text: str) -> str:
    """Return the first twelve hexadecimal digits of a text's SHA-256."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]
