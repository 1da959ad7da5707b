"""The pictures of a data set: found in whatever layout they lie, labelled and hashed.

Nothing is left out in silence: a picture that cannot be used is listed with the reason, and files
that are no pictures by their names are counted.
"""

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

from dnnbench.config.dataset import Dataset, named
from dnnbench.core import progress
from dnnbench.core.checksums import sha256
from dnnbench.core.errors import UserError
from dnnbench.images.class_labels import NoLabel
from dnnbench.records.image_records import ImageFile, ImageIndex, SkippedImage

# What makes a file count as a picture; what it is in fact is decided by its content.
_SUFFIXES = frozenset(
    (".jpeg", ".jpg", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".jp2")
)


class ImagesError(UserError):
    """A data set that cannot be used: names the folder, what is wrong and the remedy."""


def index(dataset: str, folder: Path, threads: int) -> ImageIndex:
    """List a data set: every picture with its hash and class, or why it cannot be used.

    Raises UserError for a data set that is unknown, ImagesError where no picture can be used, and
    LabelError where labels are missing or cannot be right.
    """
    known = named(dataset)
    root = _place(known, folder)
    found, others = _files(root)
    if not found:
        raise ImagesError(f"{root}: no picture in it; correct dataset.path in params.yaml")
    label, source = known.labels(folder, root)

    def examine(name: str) -> ImageFile | SkippedImage:
        path = root / name
        try:
            shown = os.fsencode(name).decode(errors="backslashreplace")
            if shown != name:
                return SkippedImage(name=shown, reason="its name is not UTF-8")
            number = label(PurePosixPath(name))
            if path.exists() and not path.is_file():  # A pipe would be waited for.
                return SkippedImage(name=name, reason="not a file")
            return ImageFile(name=name, label=number, sha256=sha256(path))
        except NoLabel as reason:
            return SkippedImage(name=name, reason=str(reason))
        except OSError as error:
            return SkippedImage(name=name, reason=f"cannot be read: {error.strerror}")

    files: list[ImageFile] = []
    skipped: list[SkippedImage] = []
    with ThreadPoolExecutor(threads) as pool, progress.steps("list", len(found)) as step:
        for file in pool.map(examine, found):
            step(file.name)
            if isinstance(file, ImageFile):
                files.append(file)
            else:
                skipped.append(file)
    if not files:
        raise ImagesError(
            f"{root}: none of its {len(skipped)} pictures can be used; {skipped[0].name}:"
            f" {skipped[0].reason}; correct the folder, or dataset.path in params.yaml"
        )
    return ImageIndex(
        dataset=dataset,
        folder=str(root),
        labels=source,
        files=files,
        skipped=skipped,
        other_files=others,
    )


def listing(folder: Path) -> str:
    """A digest of the names, sizes and times of a folder's files, to notice that it changed.

    Reads no content. Raises ImagesError where there is no such folder.
    """
    _check(folder)
    state = hashlib.sha256()
    for place, _, names in sorted(os.walk(folder, followlinks=True)):
        for name in sorted(names):
            path = os.path.join(place, name)  # noqa: PTH118  (For fifty thousand files.)
            try:
                seen = os.stat(path)  # noqa: PTH116
            except OSError:  # A link to nothing, which the index will name.
                continue
            line = f"{path}\0{seen.st_size}\0{seen.st_mtime_ns}\n"
            state.update(line.encode(errors="surrogateescape"))
    return state.hexdigest()[:12]


def _check(folder: Path) -> None:
    if not folder.is_dir():
        raise ImagesError(f"{folder}: no such folder; correct dataset.path in params.yaml")


def _place(dataset: Dataset, folder: Path) -> Path:
    _check(folder)
    place = next((place for place in dataset.places if (folder / place).is_dir()), None)
    if place is None:
        raise ImagesError(
            f"{folder}: has none of {', '.join(dataset.places)};"
            " correct dataset.path in params.yaml"
        )
    # Pictures that networks were trained on say nothing of their accuracy.
    if "val" in dataset.places and place == "." and (folder / "train").is_dir():
        raise ImagesError(
            f"{folder}: has train but no val; let dataset.path hold validation pictures"
        )
    return folder / place


def _files(root: Path) -> tuple[list[str], int]:
    """Paths of the pictures below ``root``, sorted, and how many other files there are."""

    def refuse(error: OSError) -> None:
        raise error

    names, others = [], 0
    seen: set[Path] = set()
    for place, _, files in os.walk(root, followlinks=True, onerror=refuse):
        real = Path(place).resolve()
        if real in seen:
            raise ImagesError(f"{place}: a link to a folder that is listed already; remove it")
        seen.add(real)
        below = Path(place).relative_to(root)
        for file in files:
            if Path(file).suffix.lower() in _SUFFIXES and not file.startswith("."):
                names.append((below / file).as_posix())
            else:
                others += 1
    return sorted(names), others
