"""docs/reference/settings.md, from the validating models and the descriptors."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from dnnbench.cli.reference import markdown, schema_values
from dnnbench.config import backend, dataset, engine, library, parameters
from dnnbench.networks import registry
from dnnbench.queries import limits
from dnnbench.records import paths

_INTRODUCTION = f"""\
Two files configure a study: `{paths.PARAMETERS}` and a device file,
`{paths.DEVICE_FILES}/<name>.yaml`. Both accept the same keys. If a key is in both, the value in the
device file applies. The registry, `{paths.REGISTRY}`, defines the networks. Settings are validated
before anything runs; an error names the file, key, value, and fix.
"""
_DESCRIPTORS = """\
Settings can use the names in these tables. To add a name from your own package, register a
descriptor under the entry point group given above the table.
"""


def page() -> str:
    """Return the page."""
    source = "the descriptions in src/dnnbench/config and src/dnnbench/networks/registry.py"
    return markdown.page("Settings", source, _parts())


def _parts() -> Iterator[str]:
    yield markdown.wrapped(_INTRODUCTION)
    yield f"## {paths.PARAMETERS} and device files"
    yield from _sections(parameters.schema(), "")
    yield f"## {paths.REGISTRY}"
    whole = registry.schema()
    yield markdown.wrapped(
        "Each network has one entry. Commands and tables use the key of the entry as its name."
    )
    entry = schema_values.referenced(whole) or ""
    yield from _sections(whole["$defs"][entry] | {"$defs": whole["$defs"]}, "network")
    yield "## Names"
    yield markdown.wrapped(_DESCRIPTORS)
    yield from _descriptors()


def _sections(whole: Mapping[str, Any], prefix: str) -> Iterator[str]:
    """Yield a table of the top keys, then one per section, at any depth."""
    definitions = whole["$defs"]
    waiting = [(prefix, whole)]
    while waiting:
        place, section = waiting.pop(0)
        if place:
            yield f"### `{place}`"
            yield markdown.wrapped(markdown.text(section.get("description", "")))
        rows = []
        for key, schema in section["properties"].items():
            inner = definitions.get(schema_values.referenced(schema), {})
            below = ""
            if "properties" in inner:
                below = ".".join(filter(None, (place, key)))
                if "additionalProperties" in schema and schema.get("type") == "object":
                    below += ".<network>"
                waiting.append((below, inner))
            rows.append(_row(key, schema, section, definitions, below))
        yield markdown.table(("key", "value", "unit", "default", "meaning"), rows)


def _row(
    key: str,
    schema: Mapping[str, Any],
    section: Mapping[str, Any],
    definitions: Mapping[str, Any],
    below: str,
) -> tuple[str, ...]:
    """Return the row of a key; ``below`` is the path of its section, or empty."""

    def link(name: str) -> str:
        inner = definitions[name]
        if "properties" in inner:
            return f"[section](#{re.sub('[^a-z_]', '', below)})"
        return schema_values.value(inner, link)

    described = schema.get("description")
    if described is None:
        described = definitions[schema_values.referenced(schema) or ""]["description"]
    kind = schema_values.value(schema, link)
    meaning = markdown.text(f"{described.rstrip('.')}.")
    return f"`{key}`", kind, schema_values.unit(key), _default(key, schema, section), meaning


def _default(key: str, schema: Mapping[str, Any], section: Mapping[str, Any]) -> str:
    if "default" in schema:
        # The keys of a section have their own defaults.
        whole = isinstance(schema["default"], dict) and bool(schema["default"])
        return "" if whole or "$ref" in schema else schema_values.default(schema)
    # The schema of params.yaml lists no required keys, because a device file may have them.
    return "required" if key in section.get("required", section["properties"]) else ""


def _descriptors() -> Iterator[str]:
    yield "### Engines"
    yield _group(engine.GROUP)
    yield markdown.table(
        ("engine", "precisions", "backends", "autocast", "channels_last", "installation"),
        [
            (
                f"`{one.name}`",
                ", ".join(one.precisions),
                ", ".join(one.backends or ["all"]),
                _yes(one.autocast),
                _yes(one.channels_last),
                f"`{one.install}`" if one.packages else "",
            )
            for one in engine.engines().values()
        ],
    )
    yield "### Backends"
    yield _group(backend.GROUP)
    yield markdown.table(
        ("backend", "has a section `gpu`", "supports TF32", "CPU and GPU share memory"),
        [
            (f"`{one.name}`", _yes(one.gpu), _yes(one.tf32), _yes(one.shared_memory))
            for one in backend.backends().values()
        ],
    )
    yield "### Data sets"
    yield _group(dataset.GROUP)
    yield markdown.table(
        ("data set", "images", "downloadable"),
        [
            (f"`{one.name}`", one.description, _yes(one.archive is not None))
            for one in dataset.datasets().values()
        ],
    )
    yield "### Libraries of networks"
    yield _group(library.GROUP)
    yield markdown.table(
        ("syntax in `models`", "package"),
        [(f"`{one.name}:{one.form}`", one.package or "") for one in library.libraries().values()],
    )
    yield "### Limits"
    yield _group(limits.GROUP)
    yield markdown.table(
        ("option of `dnnbench pick`", "name in JSON and CSV", "unit", "meaning"),
        [
            (f"`{one.option}`", f"`{one.name}`", one.unit, one.help)
            for one in limits.known_limits().values()
        ],
    )


def _group(name: str) -> str:
    return f"Entry point group: `{name}`."


def _yes(value: bool) -> str:
    return "yes" if value else "no"
