"""Local copy of another machine's device folder, always replaced as a whole.

A manifest (results/.merged/<device>.json) lists the files that a merge copied. A new copy replaces
only these files, and files that are identical in both. Incoming and outgoing copies are kept next
to the manifest, so that the next merge can recover them if a merge is killed.
"""

import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from dnnbench.core.checksums import sha256
from dnnbench.core.errors import UserError
from dnnbench.core.storage import parse_json, write_bytes, write_json, writing
from dnnbench.core.text_file import read_bytes
from dnnbench.records import paths
from dnnbench.records.merge_records import Merged

# Contents by path in the folder.
Files = Mapping[str, bytes]


def recover(target: Path) -> None:
    """Restore the copy that a killed merge had moved, and remove its leftovers.

    Raises UserError if there are any other files.
    """
    coming, former = _places(target)
    listed = _manifest(target)
    known = {*listed.files.values(), *listed.before.values()}
    for path in (one for place in (coming, former) for one in (place, *_entries(place))):
        plain = path.is_file() and sha256(path) in known
        # write_bytes writes to a hidden file first.
        unfinished = path.name.startswith(".") and coming in path.parents
        if path.is_symlink() or (path.exists() and not path.is_dir() and not (plain or unfinished)):
            raise UserError(f"{path}: not copied by a merge, which would remove it. Move it away.")
    with writing(target):
        if former.exists() and not target.exists():
            former.rename(target)
    shutil.rmtree(former, ignore_errors=True)
    shutil.rmtree(coming, ignore_errors=True)


def check(target: Path, files: Files) -> None:
    """Raise UserError if replacing ``target`` by ``files`` would lose other files."""
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise UserError(f"{target}: not a folder copied by a merge. Move it away.")
    listed, coming = _manifest(target), _digests(files)
    for path in _entries(target):
        name = str(path.relative_to(target))
        known = {listed.files.get(name), listed.before.get(name), coming.get(name)} - {None}
        plain = path.is_file() and not path.is_symlink()
        if not (known and plain and sha256(path) in known):
            raise UserError(
                f"{path}: not copied by a merge, which would remove it. Move it out of {target}."
            )


def replace(target: Path, files: Files) -> None:
    """Write ``files`` to a new folder, then move it to ``target``; file times are new.

    Call :func:`check` first.
    """
    coming, former = _places(target)
    there = {str(path.relative_to(target)): sha256(path) for path in _entries(target)}
    # List both copies, because either may be in place after a kill.
    write_json(_file(target), Merged(files=_digests(files), before=there))
    for name, content in files.items():
        write_bytes(coming / name, content)
    with writing(target):
        if target.exists():
            target.rename(former)
        try:
            coming.rename(target)
        except BaseException:
            if former.exists():
                former.rename(target)
            raise
    shutil.rmtree(former, ignore_errors=True)
    write_json(_file(target), Merged(files=_digests(files)))  # Last: now the old copy is gone.


def _file(target: Path) -> Path:
    """Return the path of the manifest."""
    return paths.under(target.parent, paths.MERGED, device=target.name)


def _places(target: Path) -> tuple[Path, Path]:
    """Return the folders of the incoming copy and of the copy that it replaces."""
    folder = _file(target).parent
    return folder / f"{target.name}.coming", folder / f"{target.name}.former"


def _manifest(target: Path) -> Merged:
    file = _file(target)
    try:
        return parse_json(read_bytes(file), str(file), Merged, "Remove it, and merge again.")
    except FileNotFoundError:
        return Merged(files={})


def _entries(folder: Path) -> Iterator[Path]:
    """Yield everything in a folder except folders; links are not followed."""
    for place, folders, names in os.walk(folder):
        for name in sorted([*names, *(one for one in folders if Path(place, one).is_symlink())]):
            yield Path(place, name)


def _digests(files: Files) -> dict[str, str]:
    return {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
