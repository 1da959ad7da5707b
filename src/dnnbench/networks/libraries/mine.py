"""Your own network: a Python function in a file that describes its input.

The file describes its networks in one mapping of plain values::

    DNNBENCH = {"input_size": 224, "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}

The mapping may contain any of the fields below; only input_size is required. The mapping and the
function are found by parsing the file, which runs only when the network is built.
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
from dnnbench.config.stated_accuracy import StatedAccuracy
from dnnbench.core import code_graph, foreign_text, home, text_file
from dnnbench.core.errors import UserError
from dnnbench.core.storage import describe
from dnnbench.networks.registry import Network, RegistryError

_NAME = "DNNBENCH"
_FORM = "<file>.py:<function>"
_LARGEST = 2**20  # Bytes; larger than any hand-written file.
_NOT_PLAIN = "not a mapping of plain values"
_ANY = "*"  # A star import, whose names are unknown without running the file.
# Fields of a registry entry that the file may set, with their defaults.
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
# Keys for the accuracy of the network, by the fields of StatedAccuracy.
_ACCURACY = {"top1": "top1", "top5": "top5", "source": "accuracy_source"}
_KEYS = (*_FIELDS, *_ACCURACY.values())


def find(name: str, source: str) -> list[Network]:
    """Return the network of ``<file>.py:<function>``.

    Raises RegistryError, which names the file or spec, if either is invalid.
    """
    spec = f"{source}: {'mine:' + name[:200]!r}"
    try:
        file, function = _parts(name)
    except UserError as error:
        raise RegistryError(f"{spec}: {error}") from error
    if not file.endswith(".py") or not function.isidentifier():
        raise RegistryError(f"{spec}: not a function in a file. Write mine:{_FORM}.")
    if not {"{", "}"}.isdisjoint(file):
        raise RegistryError(
            f"{spec}: Snakemake would treat braces in the path as wildcards. Rename the file."
        )
    slug = _slug(file, function, spec)
    tree = _parsed(file)
    known = _defined(tree)
    if function not in known and _ANY not in known:
        close = difflib.get_close_matches(function, known, n=1)
        remedy = f"Did you mean {close[0]}?" if close else "Add the function."
        raise RegistryError(f"{spec}: {file} does not define {function}. {remedy}")
    said = _said(tree, file)
    accuracy = _stated(said, file)
    own = {key: value for key, value in said.items() if key in _FIELDS}
    fields = {**_FIELDS, "name": function, "family": function, "accuracy": accuracy, **own}
    try:
        return [Network(key=slug, spec=f"mine:{name}", builder=f"{file}:{function}", **fields)]
    except ValidationError as error:
        raise RegistryError(f"{file}: {_NAME}.{describe(error)}. Correct it.") from error


def key(file: Path, function: str) -> str:
    """Return the key of a function in a file; it changes with the file's content.

    Raises RegistryError if the file cannot be read.
    """
    return _slug(file, function, f"mine:{file}:{function}")


def _slug(file: Path | str, function: str, spec: str) -> str:
    digest = hashlib.sha256(_content(Path(file), spec)).hexdigest()
    return f"mine-{re.sub('[^a-z0-9_.-]', '-', function.lower())}-{digest[:8]}"


def _content(file: Path, spec: str) -> bytes:
    try:
        return text_file.read_bytes(file, _LARGEST)
    except FileNotFoundError as error:
        raise RegistryError(f"{spec}: {file}: no such file. Correct the path.") from error
    except text_file.TextFileError as error:
        raise RegistryError(f"{spec}: {error}") from error


def _parsed(file: str) -> ast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python repeats them when the file runs.
            return ast.parse(text_file.read_bytes(Path(file), _LARGEST))
    except (SyntaxError, ValueError) as error:
        line = f":{error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        reason = error.msg if isinstance(error, SyntaxError) else error
        raise RegistryError(f"{file}{line}: not valid Python: {reason}. Correct it.") from error
    except (RecursionError, MemoryError) as error:  # Python's parser raises either.
        raise RegistryError(f"{file}: not valid Python: nested too deeply. Correct it.") from error


def _defined(tree: ast.Module) -> list[str]:
    """Return the names that the file defines or imports.

    Includes definitions inside ``if``, ``try``, ``with``, ``for``, and ``while``.
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
    """Return the file's mapping; raise RegistryError if it is missing or invalid."""
    example = f'Write {_NAME} = {{"input_size": 224}}.'
    for node in tree.body:
        if (
            isinstance(node, ast.Assign | ast.AnnAssign)
            and node.value
            and (ast.unparse(_targets(node)[0]) == _NAME)
        ):
            said = _plain(node.value)
            if not isinstance(said, dict):
                problem = _problem(node.value)
                raise RegistryError(f"{file}: {_NAME}{problem or f': {_NOT_PLAIN}. {example}'}")
            _check_alone(tree, node, file)
            break
    else:
        raise RegistryError(
            f"{file}: {_NAME}: missing, but required to describe the network's input. {example}"
        )
    if "input_size" not in said:
        raise RegistryError(f"{file}: {_NAME}.input_size: missing. {example}")
    given = said.get("range", _FIELDS["range"])
    if given not in ((0, 1), [0, 1]) and not {"mean", "std"} <= said.keys():
        raise RegistryError(
            f"{file}: {_NAME}.range: {given}: requires mean and std. Add both, in the same units."
        )
    for field in said:
        if field not in _KEYS:
            close = difflib.get_close_matches(str(field), _KEYS, n=1)
            remedy = f"Did you mean {close[0]}?" if close else f"Known keys: {', '.join(_KEYS)}."
            raise RegistryError(f"{file}: {_NAME}.{field}: unknown key. {remedy}")
    return said


def _stated(said: dict[str, Any], file: str) -> StatedAccuracy | None:
    """Return the accuracy that a mapping states, if any; raise RegistryError if it is invalid."""
    given = {field: said[key] for field, key in _ACCURACY.items() if key in said}
    if not given:
        return None
    for field, remedy in (
        ("top1", "Add it, in percent."),
        ("source", "Say where the accuracy comes from."),
    ):
        if field not in given:
            with_others = ", ".join(_ACCURACY[other] for other in given)
            raise RegistryError(
                f"{file}: {_NAME}.{_ACCURACY[field]}: missing, but required with {with_others}."
                f" {remedy}"
            )
    try:
        return StatedAccuracy.model_validate(given, strict=True)
    except ValidationError as error:
        problem = describe(error)
        if not error.errors()[0]["loc"]:  # Raised by our own validators, with a remedy.
            raise RegistryError(f"{file}: {_NAME}.{problem}") from error
        key, rest = problem.split(":", 1)
        raise RegistryError(f"{file}: {_NAME}.{_ACCURACY[key]}:{rest}. Correct it.") from error


def _plain(node: ast.expr) -> Any:
    """Return a plain value, or None if the expression is not one."""
    try:
        said = ast.literal_eval(node)
        json.dumps(said)
    except (ValueError, TypeError, RecursionError, MemoryError):
        return None
    return said


def _problem(node: ast.expr) -> str | None:
    """Describe the first value of a mapping that is not plain, or return None."""
    for key, value in (
        zip(node.keys, node.values, strict=True) if isinstance(node, ast.Dict) else ()
    ):
        name = _plain(key) if key else None
        plain = _plain(value) is not None or isinstance(value, ast.Constant)
        if isinstance(name, str) and not plain:
            shown = foreign_text.line(ast.unparse(value), 60)
            return f".{name}: {shown}: not a plain value. Write the value itself."
    return None


def _check_alone(tree: ast.Module, said: ast.Assign | ast.AnnAssign, file: str) -> None:
    """Raise RegistryError if the mapping or a key in it is assigned twice."""
    first = {id(node) for node in ast.walk(said)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Name | ast.Subscript) or isinstance(node.ctx, ast.Load):
            continue
        target = node.value if isinstance(node, ast.Subscript) else node
        if id(node) not in first and isinstance(target, ast.Name) and target.id == _NAME:
            raise RegistryError(
                f"{file}:{node.lineno}: {_NAME}: changed after line {said.lineno}. Assign it once."
            )
    keys = said.value.keys if isinstance(said.value, ast.Dict) else []
    names = [_plain(key) for key in keys if key]
    for place, name in enumerate(names):
        if name in names[:place]:
            raise RegistryError(f"{file}: {_NAME}.{name}: duplicate key. Remove one.")


def _key(name: str) -> str:
    file, function = _parts(name)
    return key(Path(file), function)


def _parts(name: str) -> tuple[str, str]:
    """Return the file, with a leading ~ expanded, and the function.

    Raises UserError if there is no home folder.
    """
    file, _, function = name.rpartition(":")
    return str(home.expand(file)) if file.startswith("~") else file, function


def _printed(name: str) -> str:
    """Return the function's name, given a key without its prefix."""
    return re.sub("-[0-9a-f]{8}$", "", name)


LIBRARY = Library(name="mine", find=find, form=_FORM, key=_key, printed=_printed)
