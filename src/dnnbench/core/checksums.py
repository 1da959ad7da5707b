"""Whether a file is the one that was meant: hashes, and where a file goes that is not."""

import hashlib
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from dnnbench.core import text_file
from dnnbench.core.errors import UserError

# Weights hardly shrink: a member that claims more than this is there to fill the memory.
_LARGEST_RATIO = 4


class IntegrityError(UserError):
    """A file whose content is not what was expected: its origin, what was wanted and found."""


def sha256(path: Path) -> str:
    """SHA-256 of a regular file, 64 hexadecimal digits in lower case."""
    text_file.check_regular(path)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check(path: Path, algorithm: str, expected: str, origin: str, in_archive: bool = False) -> None:
    """Raise IntegrityError unless the file's hash is ``expected``, or begins with it.

    ``algorithm`` is hashlib's name of it; ``origin`` says in the message where the file is from.
    ``in_archive``: the hash is that of the only file in a zip archive.
    """
    text_file.check_regular(path)
    with only_member(path) if in_archive else path.open("rb") as file:
        found = hashlib.file_digest(file, algorithm).hexdigest()  # type: ignore[arg-type]
    if not found.startswith(expected):
        raise IntegrityError(f"{origin}: expected {algorithm} {expected}, got {found}")


@contextmanager
def only_member(path: Path) -> Iterator[IO[bytes]]:
    """The one file in a zip archive, open for reading; its name in there is of no account.

    Raises IntegrityError for what is no zip archive of one file of a plausible size.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            if len(members) != 1:
                raise IntegrityError(f"{path}: an archive of {len(members)} files, expected 1")
            if members[0].file_size > _LARGEST_RATIO * path.stat().st_size:
                raise IntegrityError(f"{path}: would unpack to {members[0].file_size} bytes")
            with archive.open(members[0]) as file:
                yield file
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise IntegrityError(f"{path}: not a whole zip archive") from error


def set_aside(path: Path, name: str | None = None) -> Path:
    """Rename a file that must not be used to ``<name>.bad``, or .bad2 and so on; the new path.

    ``name`` is what the file was to be called; its own name unless given.
    """
    aside = path.with_name(f"{name or path.name}.bad")
    number = 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{name or path.name}.bad{number}")
    return path.rename(aside)
