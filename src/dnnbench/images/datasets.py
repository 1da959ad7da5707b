"""Data sets that anyone may download: fetched, checked and unpacked once."""

import shutil
from pathlib import Path

from backports import tarfile

from dnnbench.config.dataset import named
from dnnbench.core import checksums, download, progress
from dnnbench.core.errors import UserError
from dnnbench.records import paths

FOLDER = paths.DATASETS


class DatasetError(UserError):
    """An archive that cannot be unpacked: names it, the reason and the remedy."""


def obtain(name: str, folder: Path = FOLDER) -> Path:
    """Return the folder of an unpacked data set; fetch it where it and its archive are missing.

    An archive that somebody put into ``folder`` is used as it is, if its hash is right. Raises
    DownloadError, IntegrityError and DatasetError, the last also where there is no archive.
    """
    archive = named(name).archive
    unpacked = folder / name
    if unpacked.is_dir():
        return unpacked
    if archive is None:
        raise DatasetError(f"dataset: {name!r}: cannot be downloaded; name its folder (path)")
    path = folder / archive.filename
    if path.exists():
        checksums.check(path, "sha256", archive.sha256, str(path))
    else:
        with progress.transfers("data set") as begin:
            download.fetch(
                archive.url,
                path,
                lambda file: checksums.check(file, "sha256", archive.sha256, archive.url),
                begin(archive.filename),
            )
    return _unpack(path, unpacked)


def _unpack(archive: Path, target: Path) -> Path:
    """Unpack into ``target``, which appears whole or not at all."""
    temporary = target.with_name(f".{target.name}.unpacking")
    shutil.rmtree(temporary, ignore_errors=True)  # What a kill left.
    try:
        with tarfile.open(archive) as opened:
            opened.extractall(temporary, filter="data")
    except (tarfile.TarError, EOFError) as error:
        raise DatasetError(f"{archive}: cannot be unpacked: {error}; remove it") from error
    return temporary.rename(target)
