"""Messages on standard error that never block or stop a run."""

import io
import select
import sys
from contextlib import suppress

_PATIENCE_S = 5.0
# A ready pipe accepts PIPE_BUF bytes without blocking (pipe(7)); a character has up to four bytes.
_PIECE = select.PIPE_BUF // 4
_patience_s = _PATIENCE_S


def say(text: str) -> None:
    """Write ``text`` to standard error.

    Do nothing if the reader is gone or the disk is full. Wait only a few seconds for a reader that
    does not read, so that the measurement continues.
    """
    global _patience_s
    with suppress(OSError, ValueError):  # ValueError: the stream is closed.
        try:
            file = sys.stderr.fileno()
        except (io.UnsupportedOperation, AttributeError):  # Replaced by a test, or missing.
            print(text, file=sys.stderr, end="", flush=True)
            return
        sys.stderr.flush()
        for start in range(0, len(text), _PIECE):
            if not select.select([], [file], [], _patience_s)[1]:
                _patience_s = 0.0
                return
            print(text[start : start + _PIECE], file=sys.stderr, end="", flush=True)
        _patience_s = _PATIENCE_S
