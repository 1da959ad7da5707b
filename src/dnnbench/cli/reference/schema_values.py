"""Descriptions of the values in a JSON Schema: type, range, unit, default."""

import re
from collections.abc import Callable, Mapping
from itertools import product
from typing import Any

import yaml

Schema = Mapping[str, Any]

_TYPES = {"string": "text", "boolean": "boolean", "object": "mapping"}
# Units by patterns for the names of columns, keys and settings.
_UNITS = {
    r".*?_ms(_low|_high)?|ms": "ms",
    r".*_s": "s",
    r".*_mib": "MiB",
    r".*_gib": "GiB",
    r".*_mj": "mJ",
    r".*_mhz": "MHz",
    r".*_w": "W",
    r".*_c": "°C",
    r"(.*_)?fps": "images/s",
    r"(.*_)?macs": "multiply-adds",
    r"flops": "operations",
    r"top[15](_(low|high|measured|published|same))?|best_top1_(low|high)|.*_pct": "%",
    r"top1_diff": "points",
    r"batch_sizes?|n": "images",
    r"input_size|resize|size": "pixels",
}
_NOT_PERCENT = {"crop_pct"}


def unit(name: str) -> str:
    """Return the unit that the name of a column, key or setting implies."""
    if name in _NOT_PERCENT:
        return ""
    return next((unit for names, unit in _UNITS.items() if re.fullmatch(names, name)), "")


def default(schema: Schema) -> str:
    """Return the default as it is written in YAML."""
    shown: str = yaml.safe_dump(schema["default"], default_flow_style=True, width=1000)
    shown = re.sub(r"(?<=\d)\.0\b", "", shown.rstrip().removesuffix("..."))
    return f"`{shown.rstrip()}`"


def referenced(schema: Schema) -> str | None:
    """Return the name of the definition that a value, or each of several, follows."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    inner = [schema.get("items"), schema.get("additionalProperties"), *schema.get("anyOf", ())]
    inner += schema.get("patternProperties", {}).values()
    found = (referenced(part) for part in inner if isinstance(part, Mapping))
    return next(filter(None, found), None)


def value(
    schema: Schema,
    link: Callable[[str], str],
    null: str = "`null`",
    ranges: bool = True,
) -> str:
    """Describe the type of a value, with its range unless ``ranges`` is false.

    ``link`` returns the words for a definition of this name; ``null`` are those for no value.
    """

    def words(part: Schema) -> str:
        return value(part, link, null, ranges)

    if "$ref" in schema:
        return link(str(schema["$ref"]).rpartition("/")[2])
    if parts := schema.get("anyOf") or schema.get("oneOf"):
        every = [kind for part in parts for kind in _choices(part) or [words(part)]]
        return _listed(list(dict.fromkeys(every)))
    if choices := _choices(schema):
        return _listed(choices)
    kind = schema.get("type")
    if kind == "null":
        return null
    if kind in ("integer", "number"):
        return f"{kind}{_range(schema)}" if ranges else str(kind)
    if kind == "array":
        return _array(schema, words)
    if kind == "object" and isinstance(schema.get("additionalProperties"), Mapping):
        return f"mapping of text to {words(schema['additionalProperties'])}"
    if schema.get("format") == "path":
        return "path"
    if schema.get("format") == "date-time":
        return "date and time"
    return _TYPES.get(str(kind), "any")


def _array(schema: Schema, words: Callable[[Schema], str]) -> str:
    if "prefixItems" not in schema:
        return f"list of {_plural(words(schema['items']))}"
    items = schema["prefixItems"]
    if all(map(_values, items)):
        lists = product(*map(_values, items))
        return _listed([f"`[{', '.join(map(str, values))}]`" for values in lists])
    kinds = list(dict.fromkeys(map(words, items)))
    assert len(kinds) == 1, f"no words for a list of {kinds}"
    return f"list of {len(items)} {_plural(kinds[0])}"


def _choices(schema: Schema) -> list[str]:
    """Return the only values that a schema allows; empty if it allows others."""
    return [f"`{one}`" for one in _values(schema)]


def _values(schema: Schema) -> list[Any]:
    values: list[Any] = schema.get("enum") or ([schema["const"]] if "const" in schema else [])
    return values


def _plural(kind: str) -> str:
    return re.sub(r"^(integer|number|path|\[?section)\b", r"\1s", kind)


def _range(schema: Schema) -> str:
    low, high = (_number(schema.get(bound)) for bound in ("minimum", "maximum"))
    if low and high:
        return f" ({low} to {high})"
    if low:
        return f" (at least {low})"
    return f" (at most {high})" if high else ""


def _number(value: float | None) -> str:
    """Return a bound; numbers below 10,000, such as years, have no comma."""
    if value is None:
        return ""
    return f"{value:,}" if abs(value) >= 10_000 else f"{value}"


def _listed(choices: list[str]) -> str:
    return choices[0] if len(choices) == 1 else f"{', '.join(choices[:-1])} or {choices[-1]}"
