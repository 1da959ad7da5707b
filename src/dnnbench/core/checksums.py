"""Checksums of files, and renaming of files that fail the check."""

import hashlib
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from dnnbench.core import text_file
from dnnbench.core.errors import UserError

# Weights barely compress, so a higher ratio means a zip bomb.
_LARGEST_RATIO = 4


class IntegrityError(UserError):
    """A file with unexpected content.

    The message has its origin, the expected and the actual hash.
    """


def sha256(path: Path) -> str:
    """Return the SHA-256 of a regular file: 64 hexadecimal digits in lower case."""
    text_file.check_regular(path)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check(path: Path, algorithm: str, expected: str, origin: str, in_archive: bool = False) -> None:
    """Raise IntegrityError unless a file's hash is or starts with ``expected``.

    ``algorithm`` is a name from hashlib; ``origin`` is where the file comes from, for the message.
    ``in_archive``: hash the only file in a zip archive instead of the archive.
    """
    text_file.check_regular(path)
    with only_member(path) if in_archive else path.open("rb") as file:
        found = hashlib.file_digest(file, algorithm).hexdigest()  # type: ignore[arg-type]
    if not found.startswith(expected):
        raise IntegrityError(f"{origin}: expected {algorithm} {expected}, got {found}")


@contextmanager
def only_member(path: Path) -> Iterator[IO[bytes]]:
    """Open the only file in a zip archive for reading, ignoring its name.

    Raises IntegrityError if the file is not a zip archive with one file of a plausible size.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            if len(members) != 1:
                raise IntegrityError(f"{path}: archive contains {len(members)} files, expected 1")
            if members[0].file_size > _LARGEST_RATIO * path.stat().st_size:
                raise IntegrityError(f"{path}: would unpack to {members[0].file_size} bytes")
            with archive.open(members[0]) as file:
                yield file
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise IntegrityError(f"{path}: not a complete zip archive") from error


def set_aside(path: Path, name: str | None = None) -> Path:
    """Rename a bad file to ``<name>.bad`` (or .bad2, ...) and return the new path.

    ``name`` defaults to the file's current name.
    """
    aside = path.with_name(f"{name or path.name}.bad")
    number = 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{name or path.name}.bad{number}")
    return path.rename(aside)
