"""The pictures of a data set: found in whatever layout they lie, labelled and hashed.

Nothing is left out in silence: a picture that cannot be used is listed with the reason, and what is
no part of the data set is counted by reason, with examples.
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

# The number that a validation picture of ImageNet keeps, whatever else is in its name.
_NUMBER = re.compile(r"ILSVRC2012_val_\d{8}")

# The name that a program made of another picture's, which it changed.
_MADE = re.compile(
    r"(.+?)[ _.-]*[ _.(@-](?:thumb(?:nail)?|small|medium|preview|resized|scaled|cropped|edited|\d+x"
    r"|\d+x\d+|checkpoint|copy|sync-conflict\b.*|[^(]*conflicted copy[^)]*)\)?",
    re.IGNORECASE,
)


def index(dataset: str, folder: Path, threads: int) -> ImageIndex:
    """List a data set: every picture with its hash and class, or why it cannot be used.

    Raises UserError for a data set that is unknown, ImagesError where no picture can be used or it
    is not clear which are meant, and LabelError where labels are missing or cannot be right.
    """
    known = named(dataset)
    root, left_out = _place(known, folder)
    if picture_folders.shown(str(root)) != str(root):
        raise ImagesError(f"{picture_folders.shown(str(root))}: its name is not UTF-8; rename it")
    found = picture_folders.contents(root, training=not known.validation)
    left_out = defaultdict(list, left_out | found.left_out)
    if not found.pictures:
        packed = picture_folders.packed(found.left_out)
        raise ImagesError(
            f"{root}: no picture in it; unpack {packed} and let dataset.path hold what is in it"
            if packed
            else f"{root}: no picture in it; correct dataset.path in params.yaml"
        )
    label, source = known.labels(folder, root)

    def examine(name: str) -> ImageFile | SkippedImage | tuple[str, str]:
        path = root / name
        try:
            shown = picture_folders.shown(name)
            if shown != name:
                return SkippedImage(name=shown, reason="its name is not UTF-8")
            number = label(PurePosixPath(name))
            if path.exists() and not path.is_file():  # A pipe would be waited for.
                return SkippedImage(name=name, reason="not a file")
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
        left_out[f"labels of {Path(source).name} that no picture has"] = unused
    records = picture_folders.records(left_out)
    for record in records:
        examples = ", ".join(record.examples) + ", ..." * (record.count > len(record.examples))
        said = foreign_text.line(f"left out: {record.count} x {record.reason}: {examples}")
        print(said, file=sys.stderr)
    if not files:
        raise ImagesError(
            f"{root}: none of its {len(found.pictures)} pictures can be used; {why[0]}; correct the"
            " folder, or dataset.path in params.yaml"
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
    """A digest of the names, sizes and times of a folder's files, to notice that it changed.

    So that it is noticed if labels did, files of labels that lie above the folder are among them.
    Reads no content. Raises ImagesError where there is no such folder.
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
        except OSError:  # A link to nothing, which the index will name.
            continue
        line = f"{path}\0{seen.st_size}\0{seen.st_mtime_ns}\n"
        state.update(line.encode(errors="surrogateescape"))
    return state.hexdigest()[:12]


def _check(folder: Path) -> None:
    if not folder.is_dir():
        raise ImagesError(f"{folder}: no such folder; correct dataset.path in params.yaml")


def _place(dataset: Dataset, folder: Path) -> tuple[Path, Reasons]:
    """Where the pictures of a data set lie, and what is left out that lies elsewhere."""
    _check(folder)
    place = next((place for place in dataset.places if (folder / place).is_dir()), None)
    if place is None:
        raise ImagesError(
            f"{folder}: has none of {', '.join(dataset.places)};"
            " correct dataset.path in params.yaml"
        )
    root = folder / place
    # Pictures that networks were trained on say nothing of their accuracy.
    return picture_folders.validation(root) if dataset.validation else (root, {})


def _without_copies(files: Sequence[ImageFile], left_out: Reasons) -> list[ImageFile]:
    """Leave out copies: equal in content and class, in name or, in one folder, but for an addition.

    So programs name them: ``1 (copy).jpg``, ``1 - Copy.jpg``, ``Copy of 1.jpg``. Where what is
    added says so, the content may differ: ``1_thumb.jpg``, ``1-150x150.jpg``.
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
            left_out["a copy of another picture, by content and name"].append(file.name)
        elif made and (path.parent, made[1]) in stems:
            left_out["a copy of another picture, by name"].append(file.name)
        else:
            originals.append(path)
            kept.append(file)
    return sorted(kept, key=lambda file: file.name)


def _refuse_twins(root: Path, files: Sequence[ImageFile]) -> None:
    """Raise ImagesError where a validation picture of ImageNet is there twice, unequal."""
    numbers: dict[str, str] = {}
    for file in files:
        if match := _NUMBER.search(PurePosixPath(file.name).name):
            other = numbers.setdefault(match[0], file.name)
            if other != file.name:
                raise ImagesError(
                    f"{root}: {other} and {file.name}: one picture twice; remove one, or let"
                    " dataset.path hold one set of pictures"
                )
