"""The home folder and the name of the user, where a container or a cluster gives none.

Libraries keep caches and locks in the home folder, and some ask for the user's name. A user who
exists as a number alone often has ``HOME=/``, which it may not write.
"""

import os
import pwd
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from dnnbench.core.errors import UserError


def expand(path: Path | str) -> Path:
    """Return a path with ``~`` and ``~user`` at its start expanded; variables are left.

    Raises UserError where there is no such home folder.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise UserError(f"{str(path)!r}: no such home folder; write the path without ~") from None


def expand_words(words: Sequence[str]) -> list[str]:
    """Return the words of a command with ``~`` expanded also in ``--option=~/path``.

    Shells leave that one as it is, and so is a home that does not exist left here.
    """

    def expanded(word: str) -> str:
        option, equals, path = word.partition("=")
        if not equals or not option.startswith("--"):
            option, equals, path = "", "", word
        return option + equals + os.path.expanduser(path)  # noqa: PTH111  (A word, not a path.)

    return [expanded(word) for word in words]


def ensure() -> None:
    """Give this process, and those that it starts, a home folder and a name where it has none.

    The folder is one in that of temporary files, and one line on standard error says so. Raises
    UserError where that cannot be written either.
    """
    user = os.getuid()
    try:
        pwd.getpwuid(user)
    except KeyError:
        os.environ.setdefault("LOGNAME", f"user-{user}")
    if _writable(os.environ.get("HOME")):
        return
    folder = Path(tempfile.gettempdir()) / f"dnnbench-{user}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        seen = folder.lstat()
    except OSError as error:
        raise UserError(
            f"HOME: {os.environ.get('HOME')!r}: cannot be written, nor can {folder}:"
            f" {error.strerror}; set HOME to a folder that can"
        ) from None
    if seen.st_uid != user or folder.is_symlink() or not _writable(str(folder)):
        raise UserError(f"{folder}: another user's; remove it, or set HOME to a folder of your own")
    print(f"HOME: {os.environ.get('HOME')!r} cannot be written; using {folder}", file=sys.stderr)
    os.environ["HOME"] = str(folder)


def _writable(folder: str | None) -> bool:
    """Whether files can be made in a folder; permissions alone do not say it."""
    if not folder:
        return False
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False
