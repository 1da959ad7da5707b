"""The content of a file that a person or another machine wrote: small, regular, and UTF-8.

A named pipe would wait for ever, a device would never end, and a file in another encoding would
be read wrongly: each is one line that names the file, the place and the remedy.
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
# Marks that a file may begin with, the longer first: that of UTF-32 begins as that of UTF-16.
_MARKS = {
    b"\xff\xfe\x00\x00": "UTF-32",
    b"\x00\x00\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}
_BOM = b"\xef\xbb\xbf"


class TextFileError(UserError):
    """A file that cannot be read as text: names it, the place and the remedy."""


def read_bytes(path: Path, limit: int = LIMIT) -> bytes:
    """Return the content of a regular file of at most ``limit`` bytes.

    Raises FileNotFoundError where there is none, and TextFileError for whatever else is wrong.
    """
    try:
        _check_kind(path, path.stat())  # Before it is opened, which a device may notice.
        # Should a pipe take the file's place meanwhile, opening it does not wait.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            seen = os.fstat(descriptor)
            _check_kind(path, seen)
            # The kernel's own files state no size.
            content = b"" if seen.st_size > limit else file.read(limit + 1)
    except (FileNotFoundError, TextFileError):
        raise
    except ValueError as error:  # So Python says it of NUL, and of what no path can hold.
        raise TextFileError(f"{str(path)!r}: {error}; correct the path") from error
    except OSError as error:
        raise TextFileError(f"{path}: cannot be read: {error.strerror}; correct that") from error
    if seen.st_size > limit or len(content) > limit:
        size = max(seen.st_size, len(content))
        raise TextFileError(
            f"{path}: {size} bytes, where at most {limit} are expected; is it the right file?"
        )
    return content


def check_regular(path: Path) -> None:
    """Raise TextFileError unless ``path`` is a regular file, of whatever size and content.

    Raises FileNotFoundError where there is none.
    """
    _check_kind(path, path.stat())


def read_text(path: Path, limit: int = LIMIT) -> str:
    """Return the text of a regular file in UTF-8, without a byte order mark; see ``read_bytes``."""
    return decode(read_bytes(path, limit), str(path))


def decode(content: bytes, name: str) -> str:
    """Return UTF-8 as text, without a byte order mark.

    ``name`` says in messages where it is from. Raises TextFileError naming the first wrong line.
    """
    remedy = "save it as UTF-8"
    for mark, encoding in _MARKS.items():
        if content.startswith(mark):
            raise TextFileError(f"{name}: in {encoding}, not UTF-8; {remedy}")
    content = content.removeprefix(_BOM)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line, column = _place(content, error.start)
        byte = content[error.start]
        raise TextFileError(
            f"{name}:{line}: byte 0x{byte:02x} in column {column} is not UTF-8; {remedy}"
        ) from None
    if "\0" in text:
        line, column = _place(content, content.index(b"\0"))
        raise TextFileError(
            f"{name}:{line}: NUL in column {column}: binary, or not UTF-8; {remedy}"
        )
    return text


def _check_kind(path: Path, seen: os.stat_result) -> None:
    if not stat.S_ISREG(seen.st_mode):
        kind = _KINDS.get(stat.S_IFMT(seen.st_mode), "something else")
        raise TextFileError(f"{path}: {kind}, not a file; correct the path")


def _place(content: bytes, position: int) -> tuple[int, int]:
    """Line and column of a byte, from 1."""
    before = content[:position]
    return before.count(b"\n") + 1, position - before.rfind(b"\n")
