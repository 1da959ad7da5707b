"""The index of a data set: its images, in any layout, with labels and hashes.

Nothing is excluded silently. An image that cannot be used is listed with the reason; files that do
not belong to the data set are counted by reason, with examples.
"""

import hashlib
import os
import re
import sys
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

from dnnbench.config.dataset import Dataset, named
from dnnbench.core import foreign_text, progress
from dnnbench.core.checksums import sha256
from dnnbench.images import label_files, picture_folders
from dnnbench.images.class_labels import NoLabel, NotOfTheSet
from dnnbench.images.picture_folders import ImagesError, Reasons
from dnnbench.records.image_records import ImageFile, ImageIndex, SkippedImage

# The number of an ImageNet validation image, which stays in its name when files are renamed.
_NUMBER = re.compile(r"ILSVRC2012_val_\d{8}")

# Names that programs give to modified copies of an image.
_MADE = re.compile(
    r"(.+?)[ _.-]*[ _.(@-](?:thumb(?:nail)?|small|medium|preview|resized|scaled|cropped|edited|\d+x"
    r"|\d+x\d+|checkpoint|copy|sync-conflict\b.*|[^(]*conflicted copy[^)]*)\)?",
    re.IGNORECASE,
)


def index(dataset: str, folder: Path, threads: int) -> ImageIndex:
    """List every image of a data set with hash and class, or why it is unusable.

    Raises UserError if the data set is unknown, ImagesError if no image can be used or it is
    ambiguous which images are meant, and LabelError if labels are missing or invalid.
    """
    known = named(dataset)
    root, left_out = _place(known, folder)
    if picture_folders.shown(str(root)) != str(root):
        raise ImagesError(
            f"{picture_folders.shown(str(root))}: the name is not valid UTF-8. Rename the folder."
        )
    found = picture_folders.contents(root, training=not known.validation)
    left_out = defaultdict(list, left_out | found.left_out)
    if not found.pictures:
        packed = picture_folders.packed(found.left_out)
        raise ImagesError(
            f"{root}: contains no images. Unpack {packed} and set dataset.path to the result."
            if packed
            else f"{root}: contains no images. Correct dataset.path in params.yaml."
        )
    label, source = known.labels(folder, root)

    def examine(name: str) -> ImageFile | SkippedImage | tuple[str, str]:
        path = root / name
        try:
            shown = picture_folders.shown(name)
            if shown != name:
                return SkippedImage(name=shown, reason="its name is not valid UTF-8")
            number = label(PurePosixPath(name))
            if path.exists() and not path.is_file():  # Reading a pipe would block.
                return SkippedImage(name=name, reason="not a regular file")
            return ImageFile(name=name, label=number, sha256=sha256(path))
        except NotOfTheSet as reason:
            return str(reason), name
        except NoLabel as reason:
            return SkippedImage(name=name, reason=str(reason))
        except OSError as error:
            return SkippedImage(name=name, reason=f"cannot be read: {error.strerror}")

    files: list[ImageFile] = []
    skipped: list[SkippedImage] = []
    why: list[str] = []
    with ThreadPoolExecutor(threads) as pool, progress.steps("list", len(found.pictures)) as step:
        for name, file in zip(found.pictures, pool.map(examine, found.pictures), strict=True):
            step(foreign_text.line(name))
            if isinstance(file, ImageFile):
                files.append(file)
            elif isinstance(file, SkippedImage):
                skipped.append(file)
                why.append(f"{file.name}: {file.reason}")
            else:
                left_out[file[0]].append(file[1])
                why.append(f"{file[1]}: {file[0]}")
    files = _without_copies(files, left_out)
    _refuse_twins(root, files)
    others = sum(map(len, left_out.values()))
    if unused := getattr(label, "unused", ()):
        left_out[f"labels in {Path(source).name} that match no image"] = unused
    records = picture_folders.records(left_out)
    for record in records:
        examples = ", ".join(record.examples) + ", ..." * (record.count > len(record.examples))
        said = foreign_text.line(f"excluded: {record.count} x {record.reason}: {examples}")
        print(said, file=sys.stderr)
    if not files:
        raise ImagesError(
            f"{root}: no usable images among {len(found.pictures)}; {why[0]}. Correct the folder,"
            " or dataset.path in params.yaml."
        )
    return ImageIndex(
        dataset=dataset,
        folder=str(root),
        labels=picture_folders.shown(source),
        files=files,
        skipped=skipped,
        left_out=records,
        other_files=others,
    )


def listing(folder: Path) -> str:
    """Return a digest of a folder's file names, sizes, and mtimes, to detect changes.

    Label files above the folder are included, so that edits to labels are detected too. Reads no
    file contents. Raises ImagesError if the folder does not exist.
    """
    _check(folder)
    state = hashlib.sha256()
    files: list[str] = []
    for place, folders, names in picture_folders.walk(folder):
        folders[:] = [name for name in folders if not picture_folders.is_foreign(name)]
        files += [os.path.join(place, name) for name in names]  # noqa: PTH118  (For fifty thousand.)
    for path in [*files, *map(str, label_files.present(folder, folder))]:
        try:
            seen = os.stat(path)  # noqa: PTH116  (For fifty thousand files.)
        except OSError:  # A broken link, which the index reports.
            continue
        line = f"{path}\0{seen.st_size}\0{seen.st_mtime_ns}\n"
        state.update(line.encode(errors="surrogateescape"))
    return state.hexdigest()[:12]


def _check(folder: Path) -> None:
    if not folder.is_dir():
        raise ImagesError(f"{folder}: no such folder. Correct dataset.path in params.yaml.")


def _place(dataset: Dataset, folder: Path) -> tuple[Path, Reasons]:
    """Return the folder of a data set's images, and excluded files elsewhere."""
    _check(folder)
    place = next((place for place in dataset.places if (folder / place).is_dir()), None)
    if place is None:
        raise ImagesError(
            f"{folder}: contains none of {', '.join(dataset.places)}."
            " Correct dataset.path in params.yaml."
        )
    root = folder / place
    # Accuracy on training images would be too high.
    return picture_folders.validation(root) if dataset.validation else (root, {})


def _without_copies(files: Sequence[ImageFile], left_out: Reasons) -> list[ImageFile]:
    """Exclude copies of other images.

    A copy has the same content and class as another image, and either the same name or, in the same
    folder, a name that extends it: ``1 (copy).jpg``, ``1 - Copy.jpg``, ``Copy of 1.jpg``. If the
    extension marks a modified copy, the content may differ: ``1_thumb.jpg``, ``1-150x150.jpg``.
    """
    kept: list[ImageFile] = []
    stems = {(path.parent, path.stem) for path in (PurePosixPath(file.name) for file in files)}
    same: dict[tuple[str, int], list[PurePosixPath]] = defaultdict(list)
    for file in sorted(files, key=lambda file: (len(file.name), file.name)):
        path = PurePosixPath(file.name)
        originals = same[file.sha256, file.label]
        made = _MADE.fullmatch(path.stem)
        if any(
            path.name == original.name
            or (path.parent == original.parent and original.stem in path.stem)
            for original in originals
        ):
            left_out["copy of another image (same content, similar name)"].append(file.name)
        elif made and (path.parent, made[1]) in stems:
            left_out["modified copy of another image, judging by its name"].append(file.name)
        else:
            originals.append(path)
            kept.append(file)
    return sorted(kept, key=lambda file: file.name)


def _refuse_twins(root: Path, files: Sequence[ImageFile]) -> None:
    """Raise ImagesError if two files have the number of one validation image."""
    numbers: dict[str, str] = {}
    for file in files:
        if match := _NUMBER.search(PurePosixPath(file.name).name):
            other = numbers.setdefault(match[0], file.name)
            if other != file.name:
                raise ImagesError(
                    f"{root}: {other} and {file.name}: two files for one image. Remove one, or set"
                    " dataset.path to the folder of one data set."
                )
