"""Messages to whoever watches a run, which must not stop it."""

import io
import os
import select
import sys
from contextlib import suppress

_PATIENCE_S = 5.0
# A pipe that is ready takes as much without waiting (pipe(7)).
_PIECE = select.PIPE_BUF
_patience_s = _PATIENCE_S


def say(text: str) -> None:
    """Write ``text`` to standard error.

    Do nothing where its reader has gone or the disk is full, and wait for a reader that does not
    read for a few seconds only: a measurement goes on without.
    """
    global _patience_s
    with suppress(OSError, ValueError):  # ValueError: it is closed.
        try:
            file = sys.stderr.fileno()
        except (io.UnsupportedOperation, AttributeError):  # A test's own, or none at all.
            print(text, file=sys.stderr, end="", flush=True)
            return
        sys.stderr.flush()
        content = text.encode(errors="backslashreplace")
        while content:
            if not select.select([], [file], [], _patience_s)[1]:
                _patience_s = 0.0
                return
            content = content[os.write(file, content[:_PIECE]) :]
        _patience_s = _PATIENCE_S
