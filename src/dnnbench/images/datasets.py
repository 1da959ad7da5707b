"""Public data sets: downloaded, verified, and unpacked once."""

import shutil
from pathlib import Path

from backports import tarfile

from dnnbench.config.dataset import named
from dnnbench.core import checksums, download, progress
from dnnbench.core.errors import UserError
from dnnbench.records import paths

FOLDER = paths.DATASETS


class DatasetError(UserError):
    """A data set that cannot be obtained; the message names reason and fix."""


def obtain(name: str, folder: Path = FOLDER) -> Path:
    """Return the folder of an unpacked data set; download and unpack it if necessary.

    If the archive is already in ``folder``, it is verified and used. Raises DownloadError,
    IntegrityError if the archive's hash is wrong, and DatasetError if the archive cannot be
    unpacked or the data set has none.
    """
    archive = named(name).archive
    unpacked = folder / name
    if unpacked.is_dir():
        return unpacked
    if archive is None:
        raise DatasetError(
            f"dataset.name: {name!r}: cannot be downloaded. Set dataset.path to its folder."
        )
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
    """Unpack into ``target``, which appears either complete or not at all."""
    temporary = target.with_name(f".{target.name}.unpacking")
    shutil.rmtree(temporary, ignore_errors=True)  # A killed run may have left it.
    try:
        with tarfile.open(archive) as opened:
            opened.extractall(temporary, filter="data")
    except (tarfile.TarError, EOFError) as error:
        raise DatasetError(
            f"{archive}: cannot be unpacked: {error}. Remove the file and run again."
        ) from error
    return temporary.rename(target)
