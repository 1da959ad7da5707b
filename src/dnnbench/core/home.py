"""Home folder and user name, with fallbacks for systems that have none.

Some containers and clusters provide neither.

Libraries keep caches and locks in the home folder, and some need a user name. A user known only by
a number often has ``HOME=/``, which is not writable.
"""

import os
import pwd
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from dnnbench.core.errors import UserError


def expand(path: Path | str) -> Path:
    """Return a path with a leading ``~`` or ``~user`` expanded.

    Variables are not expanded.

    Raises UserError if there is no such home folder.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise UserError(f"{str(path)!r}: no such home folder. Write the path without ~.") from None


def expand_words(words: Sequence[str]) -> list[str]:
    """Return the words of a command with ``~`` expanded, even in ``--option=~/path``.

    Shells do not expand it there. Words with an unknown home folder stay unchanged.
    """

    def expanded(word: str) -> str:
        option, equals, path = word.partition("=")
        if not equals or not option.startswith("--"):
            option, equals, path = "", "", word
        return option + equals + os.path.expanduser(path)  # noqa: PTH111  (A word, not a path.)

    return [expanded(word) for word in words]


def ensure() -> None:
    """Give this process and its children a home and user name if they have none.

    The folder is created among the temporary files and reported on standard error. Raises UserError
    if that is not writable either.
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
            f"HOME: {os.environ.get('HOME')!r}: not writable, and neither is {folder}:"
            f" {error.strerror}. Set HOME to a writable folder."
        ) from None
    if seen.st_uid != user or folder.is_symlink() or not _writable(str(folder)):
        raise UserError(
            f"{folder}: belongs to another user. Remove it, or set HOME to a folder of your own."
        )
    print(f"HOME: {os.environ.get('HOME')!r} is not writable; using {folder}", file=sys.stderr)
    os.environ["HOME"] = str(folder)


def _writable(folder: str | None) -> bool:
    """Return whether files can be created in a folder, by trying.

    Permissions can mislead.
    """
    if not folder:
        return False
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False
