"""Text of other programs (exceptions, names, messages) as one clean line.

Such text may contain terminal control sequences, many lines, or an uninformative first line, and
the real problem may only be in the cause of an exception. Records, tables and terminals get one
line; the log gets the traceback.
"""

import re
import sys
import traceback
from contextlib import suppress

from dnnbench.core.errors import UserError

_LIMIT = 400  # Characters per message: enough for two chained exceptions.
_LINE = 200  # Characters per line of a message, so that a compiler's command cannot hide its error.
_READ = 20_000  # Characters that are examined: a message may contain a whole tensor.

# ECMA-48: CSI sequences, strings up to their terminator, and other escape sequences.
_ESCAPE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[]PX^_]|[\x90\x98\x9d\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"
    r"|\x1b[ -/]*[0-~]?"
)
# A traceback inside a message: its header, followed by indented frames.
_TRACEBACK = re.compile(
    r".*Traceback .*\(most recent call last\):|from user code:|File \".*\", line \d"
)
# A line that is only a source location.
_PLACE = re.compile(r"(?:Exception from |at |in )?\S+\.\w+:\d+(?::\d+)?:?")
# Generic advice that libraries append to their errors.
_ADVICE = re.compile(
    r"(?:CUDA|HIP) kernel errors might be|For debugging consider passing|Compile with .TORCH_USE_"
    r"|Search for .cuda|Set TORCH|You can suppress this exception|## Exception summary"
    r"|\(Refer to the full stack trace"
)


def line(text: str, limit: int = _LIMIT) -> str:
    """Return ``text`` as one printable line of at most ``limit`` characters.

    Control sequences are removed and other unprintable characters become blanks. Text that is too
    long is shortened in the middle.
    """
    return _cut(_printable(_ESCAPE.sub("", _cut(text, _READ))), limit)


def of_error(error: BaseException, limit: int = _LIMIT) -> str:
    """Return an exception and its causes, with types and messages, as one line.

    See :func:`line`.

    Source locations, tracebacks and generic advice are removed from messages. An exception without
    a message is described by the statement that raised it. If the chain is too long for ``limit``
    characters, the innermost exception gets the most space, then the outermost.
    """
    said: list[str] = []
    chain = _links(error)
    for place, link in enumerate(chain):
        lines = _message(link) or [_raised_at(link)]
        # If there is a cause, the first line of the wrapper is enough.
        text = _joined(lines[:1] if place + 1 < len(chain) and link.__cause__ else lines)
        name = type(link).__name__
        if not any(text in before for before in said) or not text:
            said.append(f"{name}: {text}" if text else name)
    return _fitted(said, limit)


def causes(error: BaseException) -> list[BaseException]:
    """Return an exception, its causes, and the members of groups, each once."""
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
    """Write the full traceback of ``error``, including its causes, to standard error."""
    text = "".join(traceback.format_exception(error))
    lines = _ESCAPE.sub("", text).splitlines()
    clean = ("".join(c if c.isprintable() else " " for c in one.expandtabs()) for one in lines)
    with suppress(Exception):  # A network's code may have closed or replaced the stream.
        print("\n".join(clean), file=sys.stderr, flush=True)


def _links(error: BaseException) -> list[BaseException]:
    """Return the exception, its cause or context, and so on down to the innermost."""
    found: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and not any(link is other for other in found):
        found.append(link)
        if isinstance(link, UserError):  # Written for the user, so it is complete.
            break
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return found


def _message(error: BaseException) -> list[str]:
    """Return the informative lines of a message and its notes."""
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
    """Return the statement that raised an exception, or an empty text if unknown."""
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
    """Join a chain of exceptions in one line; drop the middle if it is too long."""
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
