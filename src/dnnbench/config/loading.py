"""Read and check params.yaml and device files.

Everything is checked before any work starts. A mistake is one line that names the file, the key,
the value and the remedy.
"""

import difflib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import (
    BaseModel,
    ValidationError,
)

from dnnbench.config.parameters import Parameters
from dnnbench.config.section import ParameterError
from dnnbench.core import storage, strict_yaml
from dnnbench.records.base import check_device
from dnnbench.records.paths import PARAMETERS


def check(config: Mapping[str, Any], files: Iterable[Path | str] = ()) -> Parameters:
    """Parameters from a merged configuration.

    ``files`` are those it was merged from, later ones overriding; they are read again only to
    say which of them holds a mistake. Raises ParameterError with one line.
    """
    paths = [Path(os.path.relpath(file)) for file in files]
    try:
        return Parameters.model_validate(dict(config))
    except ValidationError as error:
        raise ParameterError(_line(error, paths)) from None


def load(*files: Path | str) -> Parameters:
    """Parameters from files, later ones overriding earlier ones key by key."""
    config: dict[str, Any] = {}
    for file in files:
        config = merge(config, read_yaml(Path(file)))
    return check(config, files)


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML mapping from ``path``. Raises UserError naming the file, the place and the remedy."""
    try:
        return strict_yaml.read(path)
    except FileNotFoundError:
        known = difflib.get_close_matches(
            str(path), [str(file) for file in path.parent.glob("*.yaml")], n=1, cutoff=0
        )
        hint = f"; there is {known[0]}" if known else ""
        raise ParameterError(f"{path}: no such file{hint}") from None


def profile(config: Mapping[str, Any]) -> str:
    """Return the profile that params.yaml names, read from it as ``config``, or the default."""
    name = config.get("profile", Parameters.model_fields["profile"].default)
    return check_device(name, f"{PARAMETERS}: profile")


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``base`` with the keys of ``over`` put over it, section by section."""
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        merged[key] = (
            merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
        )
    return merged


def _line(error: ValidationError, files: list[Path]) -> str:
    first = error.errors(include_url=False)[0]
    location = [str(part) for part in first["loc"]]
    file = _holder(location, files)
    if first["type"] == "extra_forbidden":
        section = _section(location[:-1])
        close = difflib.get_close_matches(location[-1], section.model_fields, n=1)
        remedy = (
            f"did you mean {close[0]!r}?"
            if close
            else f"remove it; known keys: {', '.join(section.model_fields)}"
        )
        return f"{file}: {'.'.join(location)}: {first['input']!r}: unknown key; {remedy}"
    if first["type"] == "missing" and len(location) == 1:
        return (
            f"{file}: {'.'.join(location)}: missing; a device file sets it:"
            " run with a device's profile, such as snakemake --profile cpu"
        )
    if first["type"] == "value_error":  # Our own checks, which say what to do.
        return f"{file}: {'.'.join(location)}.{first['ctx']['error']}"
    return f"{file}: {storage.describe(error)}; {_remedy(location)}"


def _remedy(location: list[str]) -> str:
    """What the schema says of the nearest key that has a description."""
    section: type[BaseModel] = Parameters
    text = "correct the value"
    for part in location:
        field = section.model_fields.get(part)
        if field is None:
            break
        # Descriptions that list plugins are made for the schema alone.
        schema = section.model_json_schema()["properties"][part]
        text = f"correct the value ({field.description or schema['description']})"
        if inner := _inner(field.annotation):
            section = inner
    return text


def _section(location: list[str]) -> type[BaseModel]:
    section: type[BaseModel] = Parameters
    parts = iter(location)
    for part in parts:
        annotation: Any = section.model_fields[part].annotation
        if get_origin(annotation) is dict:  # Sections by name: the next part is the name.
            next(parts)
            annotation = get_args(annotation)[1]
        section = _inner(annotation) or section
    return section


def _inner(annotation: Any) -> type[BaseModel] | None:
    """The section that a field holds, also where it may be null."""
    for kind in (annotation, *get_args(annotation)):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None


def _holder(location: list[str], files: list[Path]) -> str:
    """The last file that sets the key, or the first part of it that any file sets."""
    for depth in range(len(location), 0, -1):
        for file in reversed(files):
            node: Any = strict_yaml.read(file) if file.exists() else None
            for part in location[:depth]:
                node = node.get(part, _ABSENT) if isinstance(node, dict) else _ABSENT
            if node is not _ABSENT:
                return str(file)
    return " + ".join(str(file) for file in files) or "parameters"


_ABSENT = object()
