"""Text of other programs and libraries, in one clean line: exceptions, names, messages.

It may hold colors and other control sequences of terminals, many lines, or a first line that says
nothing; an exception may say what is wrong only in its cause. A record, a table and a terminal take
one line, and the log takes the traceback.
"""

import re
import sys
import traceback
from contextlib import suppress

from dnnbench.core.errors import UserError

_LIMIT = 400  # Characters of a line: two links of a chain, or a long one, and still a cell.
_LINE = 200  # Of one line of many: the command of a compiler is longer than its error.
_READ = 20_000  # Characters that are looked at: a message may hold a whole tensor.

# ECMA-48: CSI sequences, strings to their terminator, and other escape sequences.
_ESCAPE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[]PX^_]|[\x90\x98\x9d\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"
    r"|\x1b[ -/]*[0-~]?"
)
# A traceback inside a message: its header, and frames, which are indented below it.
_TRACEBACK = re.compile(
    r".*Traceback .*\(most recent call last\):|from user code:|File \".*\", line \d"
)
# A place in somebody's source, and nothing else.
_PLACE = re.compile(r"(?:Exception from |at |in )?\S+\.\w+:\d+(?::\d+)?:?")
# What libraries add to any of their errors.
_ADVICE = re.compile(
    r"(?:CUDA|HIP) kernel errors might be|For debugging consider passing|Compile with .TORCH_USE_"
    r"|Search for .cuda|Set TORCH|You can suppress this exception|## Exception summary"
    r"|\(Refer to the full stack trace"
)


def line(text: str, limit: int = _LIMIT) -> str:
    """Return ``text`` in one printable line of at most ``limit`` characters.

    Control sequences are removed, and other characters that do not print are blanks. Too long a
    text is cut in its middle.
    """
    return _cut(_printable(_ESCAPE.sub("", _cut(text, _READ))), limit)


def of_error(error: BaseException, limit: int = _LIMIT) -> str:
    """Return type and message of an exception and of what caused it, as :func:`line` does.

    Lines of a message that only name a place, hold a traceback or give general advice are left
    out. An exception without a message names the statement that raised it. Of a long chain, the
    last link has most of the ``limit``, then the first.
    """
    said: list[str] = []
    chain = _links(error)
    for place, link in enumerate(chain):
        lines = _message(link) or [_raised_at(link)]
        # A wrapper around a cause has said what it is about in its first line.
        text = _joined(lines[:1] if place + 1 < len(chain) and link.__cause__ else lines)
        name = type(link).__name__
        if not any(text in before for before in said) or not text:
            said.append(f"{name}: {text}" if text else name)
    return _fitted(said, limit)


def causes(error: BaseException) -> list[BaseException]:
    """Return an exception, what caused it, and the members of a group, each once."""
    found: list[BaseException] = []
    waiting = [error]
    while waiting:
        for link in _links(waiting.pop(0)):
            if not any(link is other for other in found):
                found.append(link)
                if isinstance(link, BaseExceptionGroup):
                    waiting += link.exceptions
    return found


def log_error(error: BaseException) -> None:
    """Write the whole traceback of ``error``, its causes among it, to standard error."""
    text = "".join(traceback.format_exception(error))
    lines = _ESCAPE.sub("", text).splitlines()
    clean = ("".join(c if c.isprintable() else " " for c in one.expandtabs()) for one in lines)
    with suppress(Exception):  # Code of others may have closed it, or put anything there.
        print("\n".join(clean), file=sys.stderr, flush=True)


def _links(error: BaseException) -> list[BaseException]:
    """The exception, its cause (or what was handled when it was raised), and so on to the first."""
    found: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and not any(link is other for other in found):
        found.append(link)
        if isinstance(link, UserError):  # Written for a person: it says what there is to say.
            break
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return found


def _message(error: BaseException) -> list[str]:
    """The lines of a message, and of its notes, that say something."""
    if isinstance(error, BaseExceptionGroup):
        return [f"{line(error.message)}:", *(of_error(one) for one in error.exceptions)]
    try:
        text = str(error)
    except Exception:
        text = ""
    notes = getattr(error, "__notes__", None)
    return _informative("\n".join([text, *map(str, notes if isinstance(notes, list) else ())]))


def _informative(text: str) -> list[str]:
    every, found = [], []
    in_traceback = False
    for raw in _ESCAPE.sub("", _cut(text, _READ)).splitlines():
        one = _cut(_printable(raw).removesuffix(" Next steps:"), _LINE)
        if not any(character.isalnum() for character in one):
            continue
        every.append(one)
        if _TRACEBACK.match(one):
            in_traceback = True
        elif not (in_traceback and raw[:1].isspace()):
            in_traceback = False
            if not _PLACE.fullmatch(one) and not _ADVICE.match(one):
                found.append(one)
    return found or every


def _raised_at(error: BaseException) -> str:
    """The statement that raised an exception without a message; empty if none is known."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return ""
    last = frames[-1]
    return line(f"{last.filename.rpartition('/')[2]}:{last.lineno}: {last.line or last.name}")


def _joined(lines: list[str]) -> str:
    text = ""
    for one in lines:
        text += f"{'' if not text else ' ' if text[-1] in '.,:;!' else '; '}{one}"
    return text


def _fitted(said: list[str], limit: int) -> str:
    """Links of a chain in one line; those between the first and the last give way."""
    between = "; caused by "
    while len(said) > 2 and len(between.join(said)) > limit:
        del said[1]
    if len(said) > 1 and len(between.join(said)) > limit:
        share = (limit - len(between)) * 2 // 5
        first = _cut(said[0], max(share, limit - len(between) - len(said[-1])))
        said = [first, _cut(said[-1], limit - len(between) - len(first))]
    return _cut(between.join(said), limit)


def _printable(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    tail = (limit - 3) // 3
    return f"{text[: limit - 3 - tail]}...{text[len(text) - tail :]}"
