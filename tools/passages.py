"""The prose in a source file: paragraphs, docstrings, comments, messages, captions.

A comment over several lines, or a string in several pieces, is one passage. ``{}`` replaces values
that a program inserts into a message.
"""

import ast
import io
import re
import tokenize
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

_INSERTED = "{}"
# Tokens between the pieces of one string.
_BETWEEN_PIECES = {"COMMENT", "DEDENT", "INDENT", "NEWLINE", "NL"}


@dataclass(frozen=True)
class Passage:
    """Text as a reader sees it, and its first line in the file.

    ``lines``: whether the line breaks of the text are those of the file.
    """

    line: int
    text: str
    lines: bool = True

    def line_of(self, offset: int) -> int:
        """Return the line of the file that contains the character at ``offset``."""
        return self.line + (self.text.count("\n", 0, offset) if self.lines else 0)


def passages(path: Path) -> list[Passage]:
    """Return the passages of a file; none if files of its type are not checked."""
    reader = _BY_NAME.get(path.name) or _BY_SUFFIX.get(path.suffix)
    return list(reader(path.read_text(encoding="utf-8"))) if reader else []


# Python --------------------------------------------------------------------------------------


def _python(source: str) -> Iterator[Passage]:
    yield from _comments(source)
    yield from _Strings().found(ast.parse(source))


class _Strings(ast.NodeVisitor):
    """Collector of docstrings and of other strings with more than one word."""

    def found(self, tree: ast.AST) -> list[Passage]:
        self._passages: list[Passage] = []
        self.visit(tree)
        return self._passages

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            self._passages.append(Passage(node.lineno, node.value.value))
        else:
            self.generic_visit(node)

    def generic_visit(self, node: ast.AST) -> None:
        text = _joined(node)
        if text is None:
            super().generic_visit(node)
            return
        if " " in text.strip():
            self._passages.append(Passage(node.lineno, text, lines=False))  # type: ignore[attr-defined]
        for inner in ast.walk(node):
            if isinstance(inner, ast.FormattedValue):
                super().generic_visit(inner)


def _joined(node: ast.AST) -> str | None:
    """Return the text of a string that is written in pieces; None if it is not a string."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=values):
            return "".join(map(_piece, values))
        case ast.BinOp(op=ast.Add(), left=left, right=right):
            pieces = _joined(left), _joined(right)
            if pieces == (None, None):
                return None
            return "".join(_INSERTED if piece is None else piece for piece in pieces)
    return None


def _piece(node: ast.AST) -> str:
    text = _joined(node)
    return _INSERTED if text is None else text


def _snakemake(source: str) -> Iterator[Passage]:
    """Yield the passages of a Snakefile, whose tokens are those of Python."""
    yield from _comments(source)
    start, depth, pieces = 0, 0, list[str]()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        kind = tokenize.tok_name[token.type]
        if not pieces:
            start = token.start[0]
        if kind == "FSTRING_START":  # A formatted string is one token before Python 3.12.
            depth += 1
        elif kind == "FSTRING_END":
            depth -= 1
        elif kind == "FSTRING_MIDDLE":
            pieces.append(token.string)
        elif depth:
            pieces += [_INSERTED] * (token.string == "{")
        elif kind == "STRING":
            pieces.append(re.sub(r"^\w*(\"\"\"|\"|')|(\"\"\"|\"|')$", "", token.string))
        elif pieces and kind not in _BETWEEN_PIECES:
            yield Passage(start, "".join(pieces), lines=False)
            pieces = []


# Comments and quoted text of other languages -------------------------------------------------


def _comments(source: str) -> Iterator[Passage]:
    """Yield comments from ``#`` to the end of the line, joined over consecutive lines."""
    whole = re.compile(r"\s*#!?\s?(.*)")
    after = re.compile(r"(?:^|\s)#\s(.*)")
    block: list[str] = []
    lines = source.splitlines()
    for number, line in enumerate([*lines, ""], start=1):
        alone = whole.fullmatch(line)
        if alone:
            block.append(alone[1])
            continue
        if block:
            yield Passage(number - len(block), "\n".join(block))
            block = []
        if trailing := after.search(re.sub(r"\"[^\"\n]*\"|'[^'\n]*'", '""', line)):
            yield Passage(number, trailing[1])


def _hashed(source: str) -> Iterator[Passage]:
    """Yield the comments and quoted text of Makefiles, shell scripts and TOML."""
    yield from _comments(source)
    bare = re.sub(r"^\s*#.*$", "", source, flags=re.MULTILINE)
    yield from _quoted(bare, re.compile(r"\"([^\"\n]* [^\"\n]*)\"|'([^'\n]* [^'\n]*)'"))


def _quoted(source: str, quoted: re.Pattern[str]) -> Iterator[Passage]:
    for found in quoted.finditer(source):
        text = next(filter(None, found.groups()), "")
        yield Passage(1 + source.count("\n", 0, found.start()), text, lines=False)


def _yaml(source: str) -> Iterator[Passage]:
    yield from _comments(source)
    for event in yaml.parse(source, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.ScalarEvent) and " " in event.value.strip():
            assert event.start_mark
            yield Passage(event.start_mark.line + 1, event.value, lines=False)


_SCRIPT = re.compile(
    r"(?P<comment>(?:[ \t]*//[^\n]*\n)+|/\*.*?\*/)"
    r"|(?P<text>(?:\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`)"
    r"(?:\s*\+\s*(?:\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`))*)",
    re.DOTALL,
)


def _script(source: str) -> Iterator[Passage]:
    """Yield the comments and strings of JavaScript and CSS."""
    for found in _SCRIPT.finditer(source):
        line = 1 + source.count("\n", 0, found.start())
        if comment := found["comment"]:
            text = re.sub(r"^[ \t]*(//|/\*+|\*/|\*)[ \t]?|\s*\*/$", "", comment, flags=re.MULTILINE)
            yield Passage(line, text)
            continue
        text = re.sub(r"[\"'`]\s*\+\s*[\"'`]", "", found["text"])[1:-1]
        text = re.sub(r"\$\{[^{}]*\}", _INSERTED, text)
        if " " in text.strip():
            yield Passage(line, text, lines=False)


_ATTRIBUTES = re.compile(r"\b(?:alt|aria-label|content|placeholder|title)=\"([^\"]* [^\"]*)\"")


def _template(source: str) -> Iterator[Passage]:
    """Yield the text between tags, attributes with text, and comments of HTML with Jinja."""
    yield from _quoted(source, _ATTRIBUTES)
    for comment in re.finditer(r"<!--(.*?)-->|\{#(.*?)#\}", source, re.DOTALL):
        yield Passage(1 + source.count("\n", 0, comment.start()), comment[1] or comment[2])
    bare = re.sub(r"<!--.*?-->|\{#.*?#\}|\{%.*?%\}", _lines, source, flags=re.DOTALL)
    bare = re.sub(r"\{\{.*?\}\}", lambda part: _INSERTED + _lines(part), bare, flags=re.DOTALL)
    # Inline tags do not end a sentence; all other tags do.
    bare = re.sub(r"</?(?:a|abbr|b|code|em|i|kbd|span|strong|sub|sup)\b[^>]*>", _lines, bare)
    parts = re.split(r"(<[^>]*>)", bare)
    line = 1
    for place, part in enumerate(parts):
        if place % 2 == 0 and part.strip():
            yield Passage(line, part)
        line += part.count("\n")


def _lines(part: re.Match[str]) -> str:
    return "\n" * part[0].count("\n")


# Text ----------------------------------------------------------------------------------------


def _text(source: str) -> Iterator[Passage]:
    """Yield the paragraphs of Markdown and reStructuredText, without quote markers."""
    line = 1
    for part in re.split(r"(\n[ \t>]*\n)", source):
        if part.strip():
            yield Passage(line, re.sub(r"^[ \t]*>[ \t]?", "", part, flags=re.MULTILINE))
        line += part.count("\n")


_Reader = Callable[[str], Iterator[Passage]]
_BY_SUFFIX: dict[str, _Reader] = {
    **dict.fromkeys((".cff", ".yaml", ".yml"), _yaml),
    **dict.fromkeys((".css", ".js"), _script),
    **dict.fromkeys((".md", ".rst"), _text),
    ".html": _template,
    ".py": _python,
    ".smk": _snakemake,
    ".toml": _hashed,
}
_BY_NAME: dict[str, _Reader] = {
    **dict.fromkeys(("Makefile", "run", ".dvcignore", ".gitignore"), _hashed),
    **dict.fromkeys(("cpu", "cuda", "jetson", "slurm", "titanx"), _yaml),
    "Snakefile": _snakemake,
    "claims.csv": _text,
}
