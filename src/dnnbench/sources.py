"""Which files a result depends on: a script and the package modules that it imports.

Read from the import statements, so that a rule's inputs follow the code by themselves. The
imports inside functions count; a module that is named only in a string does not.
"""

import ast
import hashlib
from collections.abc import Iterable
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def sources(script: Path | str) -> list[Path]:
    """``script`` and every module of this package that it imports, directly or not, sorted.

    Paths are relative to the working directory where they lie below it.
    """
    found: set[Path] = set()
    waiting = [Path(script).resolve()]
    while waiting:
        file = waiting.pop()
        if file not in found:
            found.add(file)
            waiting.extend(_imports(file))
    here = Path.cwd()
    return sorted(f.relative_to(here) if f.is_relative_to(here) else f for f in found)


def builder_sources(builder: str) -> list[Path]:
    """Files that define a network, of this package or a person's own; of a library, none.

    ``builder`` is ``module:function`` or ``file.py:function``.
    """
    module = builder.partition(":")[0]
    file = Path(module) if module.endswith(".py") else module_file(module)
    return sources(file) if file else []


def module_file(name: str) -> Path | None:
    """The file of a module of this package, or None where there is none of that name."""
    package, *parts = name.split(".")
    if package != _PACKAGE.name:
        return None
    path = _PACKAGE.joinpath(*parts)
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


def digest(files: Iterable[Path]) -> str:
    """Twelve hexadecimal digits that change when the content of any of the files does."""
    state = hashlib.sha256()
    for file in sorted(files):
        state.update(hashlib.sha256(file.read_bytes()).digest())
    return state.hexdigest()[:12]


def _imports(file: Path) -> list[Path]:
    names = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return [path for name in names if (path := module_file(name))]


def short_hash(text: str) -> str:
    """Twelve hexadecimal digits of a text's SHA-256."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]
