"""The folder of a device that another machine measured: a copy that is replaced whole.

A list (results/.merged/<device>.json) says what was brought. Only that, and what is the same in
both, gives way to another copy. The copies on their way in and out lie beside the list, where a
merge that was killed leaves them to the next one.
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
    """Put in its place what a merge that was killed had taken away; remove what it left.

    Raises UserError where something else lies there.
    """
    coming, former = _beside(target)
    listed = _brought(target)
    known = {*listed.files.values(), *listed.before.values()}
    for path in (place for beside in (coming, former) for place in (beside, *_entries(beside))):
        plain = path.is_file() and sha256(path) in known
        # What write_bytes had not finished has its place's name between dots.
        unfinished = path.name.startswith(".") and coming in path.parents
        if path.is_symlink() or (path.exists() and not path.is_dir() and not (plain or unfinished)):
            raise UserError(f"{path}: not brought by a merge, which would remove it; move it away")
    with writing(target):
        if former.exists() and not target.exists():
            former.rename(target)
    shutil.rmtree(former, ignore_errors=True)
    shutil.rmtree(coming, ignore_errors=True)


def check(target: Path, files: Files) -> None:
    """Raise UserError where ``files`` in the place of ``target`` would lose what is there."""
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise UserError(f"{target}: not a folder that a merge brought; move it away")
    listed, coming = _brought(target), _digests(files)
    for path in _entries(target):
        name = str(path.relative_to(target))
        known = {listed.files.get(name), listed.before.get(name), coming.get(name)} - {None}
        plain = path.is_file() and not path.is_symlink()
        if not (known and plain and sha256(path) in known):
            raise UserError(
                f"{path}: not brought by a merge, which would remove it; move it out of {target}"
            )


def replace(target: Path, files: Files) -> None:
    """Write ``files`` beside the target, then put them in its place; file times are new.

    What is there has to be checked first.
    """
    coming, former = _beside(target)
    there = {str(path.relative_to(target)): sha256(path) for path in _entries(target)}
    # Whichever of the two is in place after a kill, the next merge knows it.
    write_json(_list(target), Merged(files=_digests(files), before=there))
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
    write_json(_list(target), Merged(files=_digests(files)))  # Last: it knew what was there.


def _list(target: Path) -> Path:
    return paths.under(target.parent, paths.MERGED, device=target.name)


def _beside(target: Path) -> tuple[Path, Path]:
    """Where a copy is written, and where the one that it replaces is meanwhile."""
    folder = _list(target).parent
    return folder / f"{target.name}.coming", folder / f"{target.name}.former"


def _brought(target: Path) -> Merged:
    file = _list(target)
    try:
        return parse_json(read_bytes(file), str(file), Merged, "remove it, and merge again")
    except FileNotFoundError:
        return Merged(files={})


def _entries(folder: Path) -> Iterator[Path]:
    """All that is in a folder but folders; links are not followed."""
    for place, folders, names in os.walk(folder):
        for name in sorted([*names, *(one for one in folders if Path(place, one).is_symlink())]):
            yield Path(place, name)


def _digests(files: Files) -> dict[str, str]:
    return {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
