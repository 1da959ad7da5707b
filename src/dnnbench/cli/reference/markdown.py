"""Markdown from help texts and docstrings: paragraphs, tables, code."""

import inspect
import re
import textwrap
from collections.abc import Iterable, Sequence
from itertools import groupby

_WIDTH = 100
_NOTE = "<!-- Written by `make reference`; edit {source} instead. -->"
# Roles of reStructuredText.
_ROLE = re.compile(r":\w+:`~?([^`]+)`")
# Paths, which become code: Markdown would read their angle brackets as tags.
_PATH = re.compile(
    r"(?<![`\w/.])(?:[\w./:-]*(?:<[\w-]+>[\w./:-]*)+|(?:config|docs|reports|results|workflow)/[\w./-]*)"
    r"(?<![.:])"
)


def page(title: str, source: str, parts: Iterable[str]) -> str:
    """Return a page: its title, a note for editors, and ``parts``.

    Empty lines separate them.
    """
    return "\n\n".join([f"# {title}", _NOTE.format(source=source), *filter(None, parts)]) + "\n"


def text(source: str) -> str:
    """Return a line or paragraph of a docstring in Markdown."""
    spans = re.split(r"(``?[^`]+``?)", _ROLE.sub(r"`\1`", source))
    spans[::2] = [_PATH.sub(lambda path: f"`{path[0]}`", span) for span in spans[::2]]
    return "".join(spans).replace("``", "`")


def paragraphs(source: str) -> str:
    """Return a help text or docstring in Markdown; indented lines become code."""
    parts = re.split(r"\n\s*\n", inspect.cleandoc(source))
    groups = groupby(parts, key=lambda part: part.startswith("  "))
    return "\n\n".join(
        code(textwrap.dedent("\n".join(group))) if indented else "\n\n".join(map(_filled, group))
        for indented, group in groups
    )


def _filled(paragraph: str) -> str:
    return wrapped(text(paragraph))


def wrapped(paragraph: str) -> str:
    """Return a paragraph in lines of at most 100 characters, unless a word is longer."""
    return textwrap.fill(
        " ".join(paragraph.split()), _WIDTH, break_long_words=False, break_on_hyphens=False
    )


def code(lines: str, language: str = "sh") -> str:
    """Return a block of code."""
    return f"```{language}\n{lines.rstrip()}\n```"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; empty if it has no rows."""
    lines = [_row(row) for row in rows]
    return "\n".join([_row(header), _row(["---"] * len(header)), *lines]) if lines else ""


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"
