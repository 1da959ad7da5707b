"""A network of one's own: a function of a Python file, with its input beside it.

The file says of its networks, in one mapping of plain values, what no code can tell::

    DNNBENCH = {"input_size": 224, "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}

Any of the fields below may stand there; input_size must. It is read, and the function looked for,
without running the file: that happens only where the network is built.
"""

import ast
import difflib
import hashlib
import json
import re
import warnings
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from dnnbench.config.library import Library
from dnnbench.core import code_graph, foreign_text, home, text_file
from dnnbench.core.errors import UserError
from dnnbench.core.storage import describe
from dnnbench.networks.registry import Network, RegistryError

_NAME = "DNNBENCH"
_FORM = "<file>.py:<function>"
_LARGEST = 2**20  # Bytes; no file that a person wrote is as long.
_NOT_PLAIN = "not a mapping of plain values"
_ANY = "*"  # All that another module has is imported, and what that is only running it tells.
# What an entry of the registry may say too, and what is taken where the file does not say.
_FIELDS: dict[str, Any] = {
    "input_size": None,
    "channel_order": "RGB",
    "range": (0, 1),
    "mean": (0.485, 0.456, 0.406),
    "std": (0.229, 0.224, 0.225),
    "interpolation": None,
    "crop_pct": None,
    "classes": 1000,
    "arguments": {},
    "name": None,
    "family": None,
    "year": None,
    "venue": None,
}


def find(name: str, source: str) -> list[Network]:
    """The network of ``<file>.py:<function>``. Raises RegistryError naming what is wrong."""
    spec = f"{source}: {'mine:' + name[:200]!r}"
    try:
        file, function = _parts(name)
    except UserError as error:
        raise RegistryError(f"{spec}: {error}") from error
    if not file.endswith(".py") or not function.isidentifier():
        raise RegistryError(f"{spec}: not a function of a file; write mine:{_FORM}")
    if not {"{", "}"}.isdisjoint(file):
        raise RegistryError(f"{spec}: Snakemake takes braces in a path for wildcards; rename it")
    slug = _slug(file, function, spec)
    tree = _parsed(file)
    known = _defined(tree)
    if function not in known and _ANY not in known:
        close = difflib.get_close_matches(function, known, n=1)
        remedy = f"did you mean {close[0]}?" if close else "write the function"
        raise RegistryError(f"{spec}: {file} has no {function}; {remedy}")
    fields = {**_FIELDS, "name": function, "family": function, **_said(tree, file)}
    try:
        return [Network(key=slug, spec=f"mine:{name}", builder=f"{file}:{function}", **fields)]
    except ValidationError as error:
        raise RegistryError(f"{file}: {_NAME}.{describe(error)}; correct it") from error


def key(file: Path, function: str) -> str:
    """Key of a function of a file: another one whenever the file's content is.

    Raises RegistryError where the file cannot be read.
    """
    return _slug(file, function, f"mine:{file}:{function}")


def _slug(file: Path | str, function: str, spec: str) -> str:
    digest = hashlib.sha256(_content(Path(file), spec)).hexdigest()
    return f"mine-{re.sub('[^a-z0-9_.-]', '-', function.lower())}-{digest[:8]}"


def _content(file: Path, spec: str) -> bytes:
    try:
        return text_file.read_bytes(file, _LARGEST)
    except FileNotFoundError as error:
        raise RegistryError(f"{spec}: {error.strerror}; write mine:{_FORM}") from error
    except text_file.TextFileError as error:
        raise RegistryError(f"{spec}: {error}") from error


def _parsed(file: str) -> ast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Of its strings; whoever runs it is told.
            return ast.parse(text_file.read_bytes(Path(file), _LARGEST))
    except (SyntaxError, ValueError) as error:
        line = f":{error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        reason = error.msg if isinstance(error, SyntaxError) else error
        raise RegistryError(f"{file}{line}: not Python: {reason}; correct it") from error
    except (RecursionError, MemoryError) as error:  # So Python's parser says it.
        raise RegistryError(f"{file}: not Python: nested too deeply; correct it") from error


def _defined(tree: ast.Module) -> list[str]:
    """Names that the file gives to functions and classes, to values, or to what it imports.

    Those below ``if``, ``try``, ``with``, ``for`` and ``while`` too.
    """
    names: list[str] = []
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.append(node.name)
        elif isinstance(node, ast.ImportFrom):
            names += [alias.asname or alias.name for alias in node.names]
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            parts = (part for target in _targets(node) for part in ast.walk(target))
            names += [part.id for part in parts if isinstance(part, ast.Name)]
        else:
            for block in code_graph.BLOCKS:
                waiting += getattr(node, block, ())
    return names


def _targets(node: ast.Assign | ast.AnnAssign) -> list[ast.expr]:
    return node.targets if isinstance(node, ast.Assign) else [node.target]


def _said(tree: ast.Module, file: str) -> dict[str, Any]:
    """The file's mapping. Raises RegistryError where it is missing or wrong."""
    example = f'write {_NAME} = {{"input_size": 224}}'
    for node in tree.body:
        if (
            isinstance(node, ast.Assign | ast.AnnAssign)
            and node.value
            and (ast.unparse(_targets(node)[0]) == _NAME)
        ):
            said = _plain(node.value)
            if not isinstance(said, dict):
                problem = _problem(node.value)
                raise RegistryError(f"{file}: {_NAME}{problem or f': {_NOT_PLAIN}; {example}'}")
            _check_alone(tree, node, file)
            break
    else:
        raise RegistryError(f"{file}: {_NAME}: missing: it says what the network takes; {example}")
    if "input_size" not in said:
        raise RegistryError(f"{file}: {_NAME}: no input_size; {example}")
    given = said.get("range", _FIELDS["range"])
    if given not in ((0, 1), [0, 1]) and not {"mean", "std"} <= said.keys():
        raise RegistryError(f"{file}: {_NAME}.range: {given}: write mean and std too, in its units")
    for field in said:
        if field not in _FIELDS:
            close = difflib.get_close_matches(str(field), _FIELDS, n=1)
            remedy = f"did you mean {close[0]}?" if close else f"known: {', '.join(_FIELDS)}"
            raise RegistryError(f"{file}: {_NAME}.{field}: unknown key; {remedy}")
    return said


def _plain(node: ast.expr) -> Any:
    """A plain value, or None where it is no such value."""
    try:
        said = ast.literal_eval(node)
        json.dumps(said)
    except (ValueError, TypeError, RecursionError, MemoryError):
        return None
    return said


def _problem(node: ast.expr) -> str | None:
    """Which value of a mapping is not plain; None where all are, or it is no mapping."""
    for key, value in (
        zip(node.keys, node.values, strict=True) if isinstance(node, ast.Dict) else ()
    ):
        name = _plain(key) if key else None
        plain = _plain(value) is not None or isinstance(value, ast.Constant)
        if isinstance(name, str) and not plain:
            shown = foreign_text.line(ast.unparse(value), 60)
            return f".{name}: {shown}: not a plain value; write the value itself"
    return None


def _check_alone(tree: ast.Module, said: ast.Assign | ast.AnnAssign, file: str) -> None:
    """Raise RegistryError where the mapping, or a key in it, is given a value a second time."""
    first = {id(node) for node in ast.walk(said)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Name | ast.Subscript) or isinstance(node.ctx, ast.Load):
            continue
        target = node.value if isinstance(node, ast.Subscript) else node
        if id(node) not in first and isinstance(target, ast.Name) and target.id == _NAME:
            raise RegistryError(
                f"{file}:{node.lineno}: {_NAME}: changed after line {said.lineno}; write it once"
            )
    keys = said.value.keys if isinstance(said.value, ast.Dict) else []
    names = [_plain(key) for key in keys if key]
    for place, name in enumerate(names):
        if name in names[:place]:
            raise RegistryError(f"{file}: {_NAME}.{name}: given twice; remove one")


def _key(name: str) -> str:
    file, function = _parts(name)
    return key(Path(file), function)


def _parts(name: str) -> tuple[str, str]:
    """The file, with ~ at its start expanded, and the function. Raises UserError for no home."""
    file, _, function = name.rpartition(":")
    return str(home.expand(file)) if file.startswith("~") else file, function


def _printed(name: str) -> str:
    """The function, from a key without its prefix."""
    return re.sub("-[0-9a-f]{8}$", "", name)


LIBRARY = Library(name="mine", find=find, form=_FORM, key=_key, printed=_printed)
