"""Strict YAML: values that YAML 1.1 and 1.2 read differently are refused.

Snakemake and PyYAML read YAML 1.1, DVC and most editors YAML 1.2. For example, ``yes`` is true in
one and text in the other, ``010`` is 8 or 10, and some readers accept duplicate keys. Such values
must be written unambiguously or quoted. Keys are text, and numbers are finite and decimal.
"""

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from dnnbench.core import text_file
from dnnbench.core.errors import UserError

LIMIT = 4 * 2**20
_DEEPEST = 40
# Counted after expanding aliases, because nested aliases can exhaust memory.
_MOST_VALUES = 100_000
_MOST_DIGITS = 300
_MERGE = "<<"

_WORDS = {"": None, "~": None} | {
    form: value
    for word, value in (("null", None), ("true", True), ("false", False))
    for form in (word, word.title(), word.upper())
}
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_DECIMAL = re.compile(r"[-+]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")
# Other texts that YAML 1.2 reads as numbers.
_OTHER_NUMBER = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+|[-+]?0[0-9]+(\.[0-9]*)?([eE][-+]?[0-9]+)?")
# Patterns of texts that YAML 1.1 converts, by first letter.
_OLDER: Any = yaml.SafeLoader.yaml_implicit_resolvers
# Characters that are line breaks only in YAML 1.1, and control characters.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")

# Ten times faster, if PyYAML was built with it.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class YamlError(UserError):
    """Invalid or ambiguous YAML; the message has the file, line, key, value and fix."""


def read(path: Path) -> dict[str, Any]:
    """Return the mapping in a file.

    Raises FileNotFoundError if there is no such file, TextFileError if it is not text, and
    YamlError.
    """
    return mapping(text_file.read_text(path, LIMIT), str(path))


def mapping(text: str, name: str) -> dict[str, Any]:
    """Return the mapping in a text.

    ``name`` is its origin, for messages. Raises YamlError.
    """
    content = value(text, name)
    if not isinstance(content, dict):
        shown = "empty" if content is None else f"{_short(repr(content))}: not a mapping"
        raise YamlError(f"{name}: {shown}. Write `key: value` lines.")
    return content


def value(text: str, name: str, *keys: str) -> Any:
    """Return the content of a text with one document; None if empty.

    Raises YamlError.

    ``keys`` are the path to the value if it is part of something larger, for messages.
    """
    if strange := _CONTROL.search(text):
        line = text.count("\n", 0, strange.start()) + 1
        raise YamlError(f"{name}:{line}: control character {strange[0]!r}. Remove it.")
    try:
        return _Builder(yaml.parse(text, Loader=_Loader), name).document(keys)
    except yaml.YAMLError as error:
        raise YamlError(_syntax(error, text, name)) from None


class _Builder:
    """A builder of a document's value from parser events.

    It tracks the path of keys.
    """

    def __init__(self, events: Iterator[Any], name: str) -> None:
        self._events = events
        self._name = name
        # Values by anchor, with the number of values inside; None while being built.
        self._anchored: dict[str, tuple[Any, int] | None] = {}
        self._count = 0

    def document(self, keys: tuple[str, ...]) -> Any:
        """Return the value of the only document, or None if there is none."""
        content, first = None, True
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                if not first:
                    raise self._error(event, (), "a second document starts here. Keep one.")
                content, first = self._value(next(self._events), keys), False
        return content

    def _value(self, event: Any, path: tuple[str, ...]) -> Any:
        if len(path) > _DEEPEST:
            raise self._error(event, path[:2], f"more than {_DEEPEST} levels deep. Flatten it.")
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, path)
        if event.tag is not None:
            raise self._error(event, path, f"tag {event.tag}. Write the plain value.")
        before = self._count
        self._count += 1
        if event.anchor is not None:
            self._anchored[event.anchor] = None
        found: Any
        if isinstance(event, yaml.ScalarEvent):
            found = self._scalar(event, path) if event.implicit[0] else event.value
        elif isinstance(event, yaml.SequenceStartEvent):
            found = self._sequence(path)
        else:
            found = self._mapping(path)
        if event.anchor is not None:
            self._anchored[event.anchor] = found, self._count - before
        return found

    def _alias(self, event: Any, path: tuple[str, ...]) -> Any:
        if event.anchor not in self._anchored:
            raise self._error(event, path, f"*{event.anchor}: no such anchor before it. Add it.")
        anchored = self._anchored[event.anchor]
        if anchored is None:
            raise self._error(event, path, f"*{event.anchor}: contains itself. Write the value.")
        found, size = anchored
        self._count += size
        if self._count > _MOST_VALUES:
            raise self._error(event, path, f"more than {_MOST_VALUES} values. Write fewer aliases.")
        return found

    def _sequence(self, path: tuple[str, ...]) -> list[Any]:
        found: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            found.append(self._value(event, (*path, str(len(found)))))
        return found

    def _mapping(self, path: tuple[str, ...]) -> dict[str, Any]:
        own: dict[str, Any] = {}
        lines: dict[str, int] = {}
        merged: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._key(event, path)
            if key in lines:
                raise self._error(
                    event, (*path, key), f"given twice, first on line {lines[key]}. Remove one."
                )
            lines[key] = event.start_mark.line + 1
            found = self._value(next(self._events), (*path, key))
            if key == _MERGE and event.implicit[0]:
                merged = self._merged(event, found, path)
            else:
                own[key] = found
        return merged | own

    def _key(self, event: Any, path: tuple[str, ...]) -> str:
        """Return a key. Raises YamlError if it is not text."""
        if isinstance(event, yaml.ScalarEvent) and event.value == _MERGE:
            return _MERGE
        key = self._value(event, (*path, getattr(event, "value", "?")))
        if not isinstance(key, str):
            shown = getattr(event, "value", key)
            raise self._error(event, path, f"{shown!r}: this key is not text. Quote it.")
        return key

    def _merged(self, event: Any, found: Any, path: tuple[str, ...]) -> dict[str, Any]:
        """Return the merged keys of mappings; earlier mappings have precedence."""
        mappings = found if isinstance(found, list) else [found]
        if not all(isinstance(one, dict) for one in mappings):
            raise self._error(event, (*path, _MERGE), "can merge only mappings. Write the keys.")
        return {key: one[key] for one in reversed(mappings) for key in one}

    def _scalar(self, event: Any, path: tuple[str, ...]) -> Any:
        """Return the meaning of an unquoted value. Raises YamlError if it is ambiguous."""
        text = event.value
        if text in _WORDS:
            return _WORDS[text]
        if _DECIMAL.fullmatch(text):
            if len(text) > _MOST_DIGITS:
                raise self._error(event, path, f"{_short(text)}: too many digits. Correct it.")
            number = int(text) if _INTEGER.fullmatch(text) else float(text)
            if not math.isfinite(number):
                raise self._error(event, path, f"{text}: number too large. Correct it.")
            return number
        tags = (tag for tag, form in _OLDER.get(text[0], ()) if form.match(text))
        kind = next(tags, "").rpartition(":")[2]
        if _OTHER_NUMBER.fullmatch(text) or kind in ("int", "float"):
            problem = "not a plain decimal number. Write one, or quote the text."
        elif kind == "bool":
            problem = (
                "ambiguous: some YAML readers treat it as true or false. Write true or false, or"
                " quote it."
            )
        elif kind:
            problem = f"ambiguous: some YAML readers treat it as a {kind}. Quote it."
        else:
            return text
        raise self._error(event, path, f"{_short(text)}: {problem}")

    def _error(self, event: Any, path: tuple[str, ...], problem: str) -> YamlError:
        where = f"{self._name}:{event.start_mark.line + 1}"
        return YamlError(": ".join(filter(None, (where, printable(".".join(path)), problem))))


def _syntax(error: Any, text: str, name: str) -> str:
    """Return an error text for invalid YAML, with its line."""
    begun = getattr(error, "context_mark", None)
    mark = getattr(error, "problem_mark", None) or begun
    if mark is None:
        return f"{name}: not YAML: {printable(str(error))}. Correct it."
    lines = text.splitlines()
    if begun and mark.line >= len(lines):  # Never closed: show where it starts.
        mark = begun
    line = lines[mark.line] if mark.line < len(lines) else ""
    shown = f"{name}:{mark.line + 1}: {_short(repr(line))}"
    if "\t" in line[: mark.column + 1]:
        return f"{shown}: contains a tab. Indent with spaces."
    since = f", which begins on line {begun.line + 1}" if begun and begun.line < mark.line else ""
    problem = " ".join(part for part in (error.problem, error.context) if part)
    return f"{shown}: not YAML: {problem}{since}. Correct the line."


def _short(text: str) -> str:
    return printable(text if len(text) <= 60 else text[:57] + "...")


def printable(text: str) -> str:
    """Return a text as one line, with unprintable characters escaped."""
    return "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)
