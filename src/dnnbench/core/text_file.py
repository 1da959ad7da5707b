"""Safe reading of small UTF-8 text files written by users or other machines.

A named pipe would block, a device would never end, and a file in another encoding would be misread.
Each is an error of one line with the file, the place and the fix.
"""

import os
import stat
from pathlib import Path

from dnnbench.core.errors import UserError

LIMIT = 64 * 2**20

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}
# Byte order marks, longest first, because the mark of UTF-32 starts with that of UTF-16.
_MARKS = {
    b"\xff\xfe\x00\x00": "UTF-32",
    b"\x00\x00\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}
_BOM = b"\xef\xbb\xbf"


class TextFileError(UserError):
    """A file that cannot be read as text; the message has the file, place and fix."""


def read_bytes(path: Path, limit: int = LIMIT) -> bytes:
    """Return the content of a regular file of at most ``limit`` bytes.

    Raises FileNotFoundError if there is no such file, and TextFileError for any other problem.
    """
    try:
        _check_kind(path, path.stat())  # Check before opening, which can affect a device.
        # O_NONBLOCK, in case the file was just replaced by a pipe.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            seen = os.fstat(descriptor)
            _check_kind(path, seen)
            # Files in /proc report no size.
            content = b"" if seen.st_size > limit else file.read(limit + 1)
    except (FileNotFoundError, TextFileError):
        raise
    except ValueError as error:  # For example NUL in the path.
        raise TextFileError(f"{str(path)!r}: {error}. Correct the path.") from error
    except OSError as error:
        raise TextFileError(
            f"{path}: cannot be read: {error.strerror}. Make it readable."
        ) from error
    if seen.st_size > limit or len(content) > limit:
        size = max(seen.st_size, len(content))
        raise TextFileError(
            f"{path}: {size} bytes, but at most {limit} are expected. Check that it is the right"
            " file."
        )
    return content


def check_regular(path: Path) -> None:
    """Raise TextFileError unless ``path`` is a regular file of any size and content.

    Raises FileNotFoundError if there is no such file.
    """
    _check_kind(path, path.stat())


def read_text(path: Path, limit: int = LIMIT) -> str:
    """Return the text of a UTF-8 file without a byte order mark.

    Raises as ``read_bytes``.
    """
    return decode(read_bytes(path, limit), str(path))


def decode(content: bytes, name: str) -> str:
    """Decode UTF-8, without a byte order mark.

    ``name`` is the origin, for messages. Raises TextFileError with the line of the first error.
    """
    remedy = "Save it as UTF-8."
    for mark, encoding in _MARKS.items():
        if content.startswith(mark):
            raise TextFileError(f"{name}: encoded in {encoding}, not UTF-8. {remedy}")
    content = content.removeprefix(_BOM)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line, column = _place(content, error.start)
        byte = content[error.start]
        raise TextFileError(
            f"{name}:{line}: byte 0x{byte:02x} in column {column} is not UTF-8. {remedy}"
        ) from None
    if "\0" in text:
        line, column = _place(content, content.index(b"\0"))
        raise TextFileError(f"{name}:{line}: NUL in column {column}: binary or not UTF-8. {remedy}")
    return text


def _check_kind(path: Path, seen: os.stat_result) -> None:
    if not stat.S_ISREG(seen.st_mode):
        kind = _KINDS.get(stat.S_IFMT(seen.st_mode), "a special file")
        raise TextFileError(f"{path}: {kind}, not a file. Correct the path.")


def _place(content: bytes, position: int) -> tuple[int, int]:
    """Return line and column of a byte, starting at 1."""
    before = content[:position]
    return before.count(b"\n") + 1, position - before.rfind(b"\n")
