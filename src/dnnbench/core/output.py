"""Standard output and error that no terminal, reader or full disk makes end in a traceback.

What an encoding cannot show is printed in ASCII. A reader that goes away ends a command quietly,
and a full disk ends it in one line. A measurement goes on without its reader.
"""

import codecs
import io
import os
import re
import select
import signal
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from dnnbench.core import foreign_text
from dnnbench.core.errors import UserError

_HANDLER = "dnnbench.ascii"
# ruff: noqa: RUF001 - characters that look like others are what this is about.
_ASCII = {
    **{"†": "*", "‡": "^", "°": "deg", "×": "x", "·": "*", "µ": "u", "→": "->", "⁄": "/"},
    **{"≤": "<=", "≥": ">=", "≠": "!=", "±": "+-", "≈": "~", "…": "..."},
    # Not the ASCII one where two are meant: a text may be part of JSON.
    **dict.fromkeys("‘’“”", "'"),
    **dict.fromkeys("‐‑‒–—−─━", "-"),
    **dict.fromkeys("│┃", "|"),
    **dict.fromkeys("\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}", " "),
}


_lost = False  # Whether an output took nothing, and what followed went nowhere.


class OutputError(UserError):
    """An output that takes no more, and why."""


def check_read() -> None:
    """Raise OutputError if the output of this process has lost its reader.

    Snakemake removes the outputs of a job whose log has no writer, so finished measurements must
    stay where they are kept for the next run.
    """
    poll = select.poll()
    for number in (1, 2):
        poll.register(number, select.POLLOUT)
    gone = any(event & select.POLLERR for _, event in poll.poll(0))
    if _lost or gone:
        raise OutputError(
            "nothing reads the output any more; finished measurements are kept; "
            "run the command again to resume"
        )


@contextmanager
def ending_in_a_line(program: str, needed: bool = True) -> Iterator[None]:
    """Run a program's main function; an error that a person can correct is one line on stderr.

    Where nobody reads its output any more, a program that is ``needed`` for its output ends, as by
    SIGPIPE; any other goes on.
    """
    _guard(needed)
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except UserError as error:
        sys.exit(f"{program}: {foreign_text.line(str(error), limit=4000)}")
    except ImportError as error:
        sys.exit(f"{program}: {foreign_text.of_error(error)}; install it anew")
    except OSError as error:
        said = error.strerror or str(error)
        place = "" if error.filename is None else f"{error.filename}: "
        sys.exit(f"{program}: {foreign_text.line(f'{place}{said}')}")


def _guard(needed: bool) -> None:
    """Put streams that keep these rules in the place of those that Python has opened."""
    # A file that is opened next would take the number of a stream that is closed, and whatever a
    # library prints would go into it.
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(number)
    # rich prints nothing in a width of 0, and ends at a digit such as a superscript.
    for name in ("COLUMNS", "LINES", "TERMINAL_WIDTH"):
        if not re.fullmatch("0*[1-9][0-9]{0,4}", os.environ.get(name, "1")):
            del os.environ[name]
    sys.stdout = _guarded(sys.stdout, 1, "standard output", needed)
    sys.stderr = _guarded(sys.stderr, 2, "standard error", False)


def _guarded(stream: TextIO | None, number: int, name: str, needed: bool) -> TextIO:
    if stream is not None and _number(stream) != number:  # A test reads it.
        return stream
    if stream is not None:
        stream.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(_Output(number, name, needed)),
        encoding=stream.encoding if stream else "utf-8",
        errors=_HANDLER,
        line_buffering=number == 2 or bool(stream and stream.isatty()),
    )


def _number(stream: TextIO) -> int | None:
    try:
        return stream.fileno()
    except (OSError, ValueError):
        return None


class _Output(io.FileIO):
    """A stream's descriptor. Once it takes nothing, what follows goes nowhere."""

    def __init__(self, number: int, name: str, needed: bool) -> None:
        super().__init__(number, "w", closefd=False)
        self._name = name
        self._needed = needed

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            global _lost
            _lost = True
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            if not self._needed:
                return len(data)
            if isinstance(error, BrokenPipeError):
                raise SystemExit(128 + signal.SIGPIPE) from None
            raise OutputError(f"{self._name}: cannot be written: {error.strerror}") from None


def _in_ascii(error: UnicodeError) -> tuple[str, int]:
    """Return ASCII for what an encoding cannot show; see :func:`codecs.register_error`."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_plain, error.object[error.start : error.end])), error.end


def _plain(char: str) -> str:
    if char in _ASCII:
        return _ASCII[char]
    parts = unicodedata.normalize("NFKD", char) if char.isalnum() else "?"
    text = "".join(_ASCII.get(part, part) for part in parts if not unicodedata.combining(part))
    raised = "^" if unicodedata.decomposition(char).startswith("<super>") else ""
    return raised + text if text.isascii() else "?"


codecs.register_error(_HANDLER, _in_ascii)
