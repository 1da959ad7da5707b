"""Which files a result depends on: a script and the package modules that it imports.

Read from the import statements, so that a rule's inputs follow the code by themselves. The
imports inside functions count; those under ``if TYPE_CHECKING:`` do not, nor does a module that is
named only in a string. A person's own file is followed into its neighbours.
"""

import ast
import hashlib
import importlib.util
from collections.abc import Iterable
from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]
_TYPES_ONLY = "TYPE_CHECKING"
_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")


def sources(
    script: Path | str, folder: Path | None = None, without: Iterable[str] = ()
) -> list[Path]:
    """``script`` and every module of ``folder`` or of this package that it imports, sorted.

    Directly or not. ``folder`` is by default the script's own. ``without``: modules and packages of
    this package, as paths in it, that are neither listed nor followed. Paths are relative to the
    working directory where they lie below it.
    """
    left_out = [_PACKAGE / name for name in without]
    found: set[Path] = set()
    first = Path(script).resolve()
    waiting = [first]
    while waiting:
        file = waiting.pop()
        if file not in found and not any(map(file.is_relative_to, left_out)):
            found.add(file)
            waiting.extend(_imports(file, folder or first.parent))
    here = Path.cwd()
    return sorted(f.relative_to(here) if f.is_relative_to(here) else f for f in found)


def builder_sources(builder: str) -> list[Path]:
    """Files that define a network, of this package or a person's own; of a library, none.

    ``builder`` is ``module:function`` or ``file.py:function``.
    """
    module = builder.partition(":")[0]
    file = Path(module) if module.endswith(".py") else module_file(module)
    return sources(file) if file else []


def module_sources(name: str, without: Iterable[str] = ()) -> list[Path]:
    """A module of this package, or of a plugin, and what it imports of its own and this package.

    ``name`` is dotted; its parent packages are imported to find the file. ``without`` as above.
    """
    file = module_file(name)
    if file is None:
        spec = importlib.util.find_spec(name)
        assert spec is not None and spec.origin is not None, name  # It has been imported.
        file = Path(spec.origin).resolve()
    levels = name.count(".") + (file.name == "__init__.py")
    return sources(file, file.parents[levels], without)


def module_file(name: str) -> Path | None:
    """The file of a module of dnnbench, or None where there is none of that name.

    Not of a package: its ``__init__`` holds a docstring and nothing to depend on.
    """
    if name.partition(".")[0] != _PACKAGE.name:
        return None
    file, _ = module_files(_PACKAGE.parent, name)
    return file if file.is_file() else None


def module_files(folder: Path, name: str) -> tuple[Path, Path]:
    """Where the module ``name`` may lie below a folder: a file, or a package."""
    path = folder.joinpath(*name.split("."))
    return path.with_suffix(".py"), path / "__init__.py"


def digest(files: Iterable[Path]) -> str:
    """Twelve hexadecimal digits that change when the content of any of the files does."""
    state = hashlib.sha256()
    for file in sorted(files):
        state.update(hashlib.sha256(file.read_bytes()).digest())
    return state.hexdigest()[:12]


def _imports(file: Path, folder: Path) -> list[Path]:
    """What a file imports of this package, and, if it is not of this package, of ``folder``."""
    own = file.is_relative_to(_PACKAGE)
    found: list[Path | None] = []
    for node in _import_statements(file, file.stat().st_mtime_ns):
        if isinstance(node, ast.Import):
            names, base = [alias.name for alias in node.names], folder
        else:
            start = f"{node.module}." if node.module else ""
            names = [start[:-1], *(start + alias.name for alias in node.names)]
            base = file.parents[node.level - 1] if node.level else folder
        for name in names:
            found.append(module_file(name))
            found += [] if own else _neighbours(base, name)
    return [path for path in found if path]


@cache
def _import_statements(file: Path, mtime_ns: int) -> list[ast.Import | ast.ImportFrom]:
    """The import statements of a file as of ``mtime_ns``, but for those under TYPE_CHECKING."""
    found: list[ast.Import | ast.ImportFrom] = []
    try:
        waiting: list[ast.AST] = [ast.parse(file.read_bytes())]
    except SyntaxError:
        # Whoever imports it says so.
        return []
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            found.append(node)
        elif isinstance(node, ast.If) and ast.unparse(node.test).split(".")[-1] == _TYPES_ONLY:
            waiting += node.orelse
        else:  # Statements are in statements alone; expressions need not be looked through.
            for block in _BLOCKS:
                waiting += getattr(node, block, ())
    return found


def _neighbours(folder: Path, name: str) -> list[Path]:
    """Files of the module ``name`` below a folder, and of the packages around it."""
    parts = name.split(".")
    modules = (".".join(parts[:count]) for count in range(1, len(parts) + 1))
    return [file for one in modules for file in module_files(folder, one) if file.is_file()]


def short_hash(text: str) -> str:
    """Twelve hexadecimal digits of a text's SHA-256."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]
