"""Data sets that anyone may download: fetched, checked and unpacked once."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from backports import tarfile

from dnnbench.core import checksums, download, progress
from dnnbench.core.errors import UserError
from dnnbench.records import paths

FOLDER = paths.DATASETS


class DatasetError(UserError):
    """An archive that cannot be unpacked: names it, the reason and the remedy."""


@dataclass(frozen=True)
class Archive:
    """Where a data set can be had, and the SHA-256 of that file."""

    url: str
    sha256: str

    @property
    def filename(self) -> str:
        """Last part of the address."""
        return self.url.rpartition("/")[2]


# Addresses and hashes as tensorflow-datasets 4.9.10 states them (datasets/*/checksums.tsv).
ARCHIVES = {
    "imagenetv2": Archive(
        "https://huggingface.co/datasets/vaishaal/ImageNetV2/resolve/main/"
        "imagenetv2-matched-frequency.tar.gz",
        "f0c37fdf925916b19ea1323cd9a2208cdb6959ba2c32eef2a7fc393835c9ca7c",
    ),
    "imagenette": Archive(
        "https://s3.amazonaws.com/fast-ai-imageclas/imagenette2.tgz",
        "6cbfac238434d89fe99e651496f0812ebc7a10fa62bd42d6874042bf01de4efd",
    ),
}


def obtain(name: str, folder: Path = FOLDER) -> Path:
    """The folder of an unpacked data set; it is fetched where neither it nor its archive is there.

    An archive that somebody put into ``folder`` is used as it is, if its hash is right. Raises
    DownloadError, IntegrityError and DatasetError.
    """
    unpacked = folder / name
    if unpacked.is_dir():
        return unpacked
    archive = ARCHIVES[name]
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
