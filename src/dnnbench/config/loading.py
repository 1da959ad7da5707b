"""Reading and validation of params.yaml and device files.

Settings are validated before anything runs. An error is one line that names the file, the key, the
value and the fix.
"""

import difflib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, get_args, get_origin

from pydantic import (
    BaseModel,
    ValidationError,
)

from dnnbench.config.parameters import NO_GPU, Parameters
from dnnbench.config.section import ParameterError
from dnnbench.core import storage, strict_yaml
from dnnbench.records import paths
from dnnbench.records.base import check_device


class Source(NamedTuple):
    """Settings read from one source: a file or the command-line option ``--config``."""

    name: str
    content: Mapping[str, Any]


def sources(
    profile: str | None = None, files: Sequence[Path] = (), words: Sequence[str] = ()
) -> list[Source]:
    """Return the sources of a study's settings; later sources override earlier ones.

    The sources are params.yaml, the device file of ``profile``, ``files``, and ``KEY=VALUE`` words.
    Without ``profile``, one of the files may define the device; otherwise params.yaml names the
    profile. Raises UserError if a source cannot be read.
    """
    over = [read(file) for file in files] + [_command_line(words)] * bool(words)
    study = read(paths.PARAMETERS)
    if profile is None and any("device" in one.content for one in over[: len(files)]):
        return [study, *over]
    name = (
        check_device(profile, "--profile") if profile else default_profile(merged([study, *over]))
    )
    return [study, read(paths.device_file(name)), *over]


def check(config: Mapping[str, Any], origins: Sequence[Source] = ()) -> Parameters:
    """Return the validated settings of a merged configuration.

    ``origins`` are the sources that it was merged from, to name the file in errors. Raises
    ParameterError with one line.
    """
    try:
        # Strict mode for JSON accepts lists as tuples and text as paths, but not true as a number.
        return Parameters.model_validate_json(json.dumps(config), strict=True)
    except ValidationError as error:
        raise ParameterError(_line(error, origins)) from None


def load(*files: Path | str) -> Parameters:
    """Return the settings in files; later files override earlier ones key by key."""
    origins = [read(Path(file)) for file in files]
    return check(merged(origins), origins)


def read(path: Path) -> Source:
    """Return the settings in a YAML file.

    Raises UserError with the file, the place and the fix.
    """
    shown = Path(os.path.relpath(path))
    try:
        return Source(str(shown), strict_yaml.read(shown))
    except FileNotFoundError:
        if path == paths.PARAMETERS:
            raise ParameterError(
                f"{shown}: no such file. Run this in the folder of the study."
            ) from None
        there = [str(file) for file in shown.parent.glob("*.yaml")]
        known = difflib.get_close_matches(str(shown), there, n=1, cutoff=0)
        hint = f" Did you mean {known[0]}?" if known else ""
        raise ParameterError(f"{shown}: no such file.{hint}") from None


def default_profile(config: Mapping[str, Any]) -> str:
    """Return the profile named in ``config``, or the default.

    ``config`` is the content of params.yaml.
    """
    name = config.get("profile", Parameters.model_fields["profile"].default)
    return check_device(name, f"{paths.PARAMETERS}: profile")


def merged(origins: Iterable[Source]) -> dict[str, Any]:
    """Return the settings of all sources merged; later sources override earlier ones."""
    config: dict[str, Any] = {}
    for origin in origins:
        config = merge(config, origin.content)
    return config


def _command_line(words: Sequence[str]) -> Source:
    """Return ``KEY=VALUE`` words as a source, with values read as YAML.

    Raises UserError.
    """
    changes: dict[str, Any] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            raise ParameterError(
                f"--config: {word!r}: no value. Write KEY=VALUE with a value in YAML."
            )
        if key in changes:
            raise ParameterError(f"--config: {key}: given twice. Remove one.")
        if not value.strip():  # For example from a shell variable that is not set.
            raise ParameterError(f"--config: {key}: {value!r}: empty. Write null or a value.")
        try:
            changes[key] = strict_yaml.value(value, "--config", key)
        except strict_yaml.YamlError as error:
            said = str(error).removeprefix("--config:1: ")
            where = "--config" if said.startswith(key) else f"--config: {key}"
            raise ParameterError(f"{where}: {said}") from None
    return Source("--config", changes)


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``base`` overridden by ``over``, section by section."""
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        merged[key] = (
            merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
        )
    return merged


def _line(error: ValidationError, origins: Sequence[Source]) -> str:
    first = error.errors(include_url=False)[0]
    location = storage.location(first["loc"])
    file = _holder(location, origins)
    if first["type"] == "extra_forbidden":
        section = _section(location[:-1])
        close = difflib.get_close_matches(location[-1], section.model_fields, n=1)
        remedy = (
            f"Did you mean {close[0]!r}?"
            if close
            else f"Remove it. Known keys: {', '.join(section.model_fields)}."
        )
        key = strict_yaml.printable(".".join(location))
        return f"{file}: {key}: {first['input']!r}: unknown key. {remedy}"
    if first["type"] == "missing" and len(location) == 1:
        return (
            f"{file}: {'.'.join(location)}: missing, but set by device files. Run with a profile,"
            " such as snakemake --profile cpu"
        )
    if first["type"] == "value_error":  # Raised by our own validators, with a remedy.
        return f"{file}: {'.'.join(location)}.{first['ctx']['error']}"
    remedy = "Remove it." if first["type"] == NO_GPU else _remedy(location)
    return f"{file}: {storage.describe(error)}. {remedy}"


def _remedy(location: list[str]) -> str:
    """Return a remedy that quotes the description of the innermost key that has one."""
    section: type[BaseModel] = Parameters
    text = "Correct the value."
    for part in location:
        field = section.model_fields.get(part)
        if field is None:  # A name or an index, such as that of a network.
            continue
        # Descriptions that list plugins exist only in the schema.
        schema = section.model_json_schema()["properties"][part]
        text = f"Correct the value: {field.description or schema['description']}"
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
    """Return the section type of a field, even if the field may be null."""
    for kind in (annotation, *get_args(annotation)):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None


def _holder(location: list[str], origins: Sequence[Source]) -> str:
    """Return the last source that sets the key, or else the longest part of its path."""
    for depth in range(len(location), 0, -1):
        for origin in reversed(origins):
            if _sets(origin.content, location[:depth]):
                return str(origin.name)
    return " + ".join(origin.name for origin in origins) or "parameters"


def _sets(content: Any, location: list[str]) -> bool:
    for part in location:
        if not isinstance(content, dict) or part not in content:
            return False
        content = content[part]
    return True
