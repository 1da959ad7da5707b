"""Standard output and error that cause no tracebacks.

Characters that the encoding lacks are printed in ASCII. A command ends quietly if its reader is
gone, and with one line if the disk is full. A measurement continues without a reader.
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
# ruff: noqa: RUF001 - this table is about look-alike characters.
_ASCII = {
    **{"†": "*", "‡": "^", "°": "deg", "×": "x", "·": "*", "µ": "u", "→": "->", "⁄": "/"},
    **{"≤": "<=", "≥": ">=", "≠": "!=", "±": "+-", "≈": "~", "…": "..."},
    # Double quotes become single ones, because the text may be part of JSON.
    **dict.fromkeys("‘’“”", "'"),
    **dict.fromkeys("‐‑‒–—−─━", "-"),
    **dict.fromkeys("│┃", "|"),
    **dict.fromkeys("\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}", " "),
}


_lost = False  # Whether a write failed; all later output is discarded.


class OutputError(UserError):
    """An output stream that can no longer be written."""


def check_read() -> None:
    """Raise OutputError if the output of this process has lost its reader.

    Snakemake deletes the outputs of a job whose log cannot be written, so finished measurements
    must stay in the journal for the next run.
    """
    poll = select.poll()
    for number in (1, 2):
        poll.register(number, select.POLLOUT)
    gone = any(event & select.POLLERR for _, event in poll.poll(0))
    if _lost or gone:
        raise OutputError(
            "the output is no longer read. Run the command again to resume; finished measurements"
            " are kept."
        )


@contextmanager
def ending_in_a_line(program: str, needed: bool = True) -> Iterator[None]:
    """Run a program's main function; print errors that users can fix as one line.

    Errors go to standard error.

    If the reader of its output is gone, a program that is ``needed`` only for its output ends as if
    by SIGPIPE; any other continues.
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
        sys.exit(f"{program}: {foreign_text.of_error(error)}. Reinstall the package.")
    except OSError as error:
        said = error.strerror or str(error)
        place = "" if error.filename is None else f"{error.filename}: "
        sys.exit(f"{program}: {foreign_text.line(f'{place}{said}')}")


def _guard(needed: bool) -> None:
    """Replace the standard streams by streams that handle these errors."""
    # If a stream is closed, the next file that is opened would get its number, and everything that
    # a library prints would go into that file.
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(number)
    # rich prints nothing at a width of 0, and crashes on digits such as superscripts.
    for name in ("COLUMNS", "LINES", "TERMINAL_WIDTH"):
        if not re.fullmatch("0*[1-9][0-9]{0,4}", os.environ.get(name, "1")):
            del os.environ[name]
    sys.stdout = _guarded(sys.stdout, 1, "standard output", needed)
    sys.stderr = _guarded(sys.stderr, 2, "standard error", False)


def _guarded(stream: TextIO | None, number: int, name: str, needed: bool) -> TextIO:
    if stream is not None and _number(stream) != number:  # Captured by a test.
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
    """A stream's file descriptor. After a failed write, all later output is discarded."""

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
            raise OutputError(
                f"{self._name}: cannot be written: {error.strerror}. Fix this and run again."
            ) from None


def _in_ascii(error: UnicodeError) -> tuple[str, int]:
    """Return an ASCII replacement for unencodable text.

    See :func:`codecs.register_error`.
    """
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
