"""The images of a data set as networks see them, decoded into one array.

The array grows under a temporary name, in the order of the index. A list next to it gets one line
per image after its pixels are on disk, so a kill loses only a few images. The file names contain a
key of everything that could change a pixel or a label, so an existing array is reused while it is
valid.
"""

import hashlib
import json
import os
import shutil
import sys
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import numpy as np
from filelock import FileLock
from numpy.lib.format import write_array_header_1_0
from numpy.typing import NDArray

from dnnbench.core import code_graph, foreign_text, progress
from dnnbench.core.errors import UserError
from dnnbench.core.formatting import several
from dnnbench.core.storage import RecordError, read_json, read_lines
from dnnbench.images import image_pixels
from dnnbench.images.geometry import Geometry
from dnnbench.images.image_pixels import PictureError
from dnnbench.records import earlier_layout
from dnnbench.records.image_records import (
    DecodedImages,
    DecodedPicture,
    ImageFile,
    ImageGeometry,
    ImageIndex,
    SkippedImage,
)

# Images per write to disk; as many are decoded ahead, at most 42 MB each.
_AT_A_TIME = 128

# Bytes before the first image. NumPy leaves room in it for a longer first axis.
_HEADER = 128

_Pixels = NDArray[np.uint8]


class DecodeError(UserError):
    """An image array that cannot be written or read; the message names the fix."""


@dataclass(frozen=True)
class Decoded:
    """Decoded images and their labels, in the order of the index.

    ``images`` [n, size, size, 3] is a memory map of RGB bytes, ``labels`` [n] holds classes from 0
    to 999, ``names`` the file names, and ``hashes`` the SHA-256 of the files.
    """

    record: DecodedImages
    images: _Pixels
    labels: NDArray[np.int64]
    names: list[str]
    hashes: Sequence[str] = ()


def decode(index: ImageIndex, geometry: Geometry, folder: Path, threads: int) -> DecodedImages:
    """Decode the remaining images of ``index`` into an array in ``folder``.

    Images that cannot be decoded are recorded with the reason. Arrays of this geometry with another
    key are removed. Raises DecodeError if the disk is too small, a file has changed since it was
    listed, or no image can be decoded.
    """
    files = index.files
    made_by = decoder()
    key = _key(geometry, made_by, files)
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / f".{geometry.name}.lock"):
        growing = _GrowingArray(folder / f"{geometry.name}-{key}", geometry.size)
        for other in set(folder.glob(f"{geometry.name}-*")) - growing.files:
            other.unlink()
        done = growing.resume(files)
        if not growing.array.exists():
            _check_space(growing, len(files))
            todo = files[len(done) :]
            growing.extend(_decoded(Path(index.folder), todo, geometry, threads))
            done = growing.finish()
    used = [line for line in done if line.skipped is None]
    failed = [SkippedImage(name=line.name, reason=line.skipped) for line in done if line.skipped]
    skipped = [*index.skipped, *failed]
    if not used:
        raise DecodeError(
            f"{index.folder}: no usable images among {len(skipped)};"
            f" {skipped[0].name}: {skipped[0].reason}. Correct dataset.path in params.yaml."
        )
    return DecodedImages(
        dataset=index.dataset,
        geometry=ImageGeometry(**asdict(geometry)),
        key=key,
        decoder=made_by,
        array=growing.array.name,
        pictures=growing.list.name,
        n=len(used),
        scored_classes=sorted({line.label for line in used}),
        kinds=dict(sorted(Counter(str(line.kind) for line in used).items())),
        skipped=skipped,
        other_files=index.other_files,
        labels=index.labels,
    )


def open_decoded(path: Path) -> Decoded:
    """Return the images of the record at ``path``, from the array next to it.

    Raises DecodeError if record, list, and array do not belong together.
    """
    record = read_json(path, DecodedImages)
    geometry = Geometry(**record.geometry.model_dump())
    array, listed = path.with_name(record.array), path.with_name(record.pictures)
    shape = (record.n, geometry.size, geometry.size, 3)
    try:
        lines = read_lines(listed, DecodedPicture)
        if record.key != _key(geometry, record.decoder, lines):
            raise DecodeError(f"{listed}: does not match key {record.key}")
        size, expected = array.stat().st_size, _HEADER + int(np.prod(shape))
        if size != expected:
            raise DecodeError(f"{array}: {size} bytes, expected {expected}")
        images = np.load(array, mmap_mode="r")
        used = [line for line in lines if line.skipped is None]
        if images.shape != shape or images.dtype != np.uint8 or len(used) != record.n:
            raise DecodeError(f"{array}: {images.shape} {images.dtype}, expected {shape} uint8")
    except (DecodeError, OSError, RecordError, ValueError) as error:
        problem = str(error).rstrip(".")
        raise DecodeError(f"{problem}. Remove {path} to decode the images again.") from error
    labels = np.array([line.label for line in used], dtype=np.int64)
    return Decoded(
        record, images, labels, [line.name for line in used], [line.sha256 for line in used]
    )


def decoder() -> str:
    """Return what determines pixels: library versions and a digest of our code."""
    code = [Path(image_pixels.__file__)]
    digest = earlier_layout.digest("image_pixels", code) or code_graph.digest(code)
    return f"{image_pixels.decoder()}, pictures.py {digest}"


def _key(geometry: Geometry, made_by: str, files: Iterable[ImageFile]) -> str:
    """Return 16 hexadecimal digits that identify pixels and labels."""
    causes = [geometry.name, made_by, [(file.name, file.sha256, file.label) for file in files]]
    return hashlib.sha256(json.dumps(causes).encode()).hexdigest()[:16]


class _GrowingArray:
    """An image array and its list, which grow in step and can be resumed."""

    def __init__(self, stem: Path, size: int) -> None:
        self._size = size
        self.array = stem.with_name(f"{stem.name}.npy")
        self.part = stem.with_name(f"{stem.name}.npy.part")
        self.list = stem.with_name(f"{stem.name}.jsonl")
        self.files = {self.array, self.part, self.list}

    def bytes_for(self, count: int) -> int:
        """Return the size in bytes of an array file with ``count`` images."""
        return _HEADER + count * self._size**2 * 3

    def resume(self, files: Sequence[ImageFile]) -> list[DecodedPicture]:
        """Return the lines of the ``files`` on disk: all, if the array is complete.

        Files that do not belong together are removed, so that they are written again.
        """
        lines = self._lines()
        length = self.bytes_for(sum(line.skipped is None for line in lines))
        fit = all(
            (line.name, line.sha256, line.label) == (file.name, file.sha256, file.label)
            for line, file in zip(lines, files, strict=False)
        )
        if self.array.exists():
            if fit and len(lines) == len(files) and self.array.stat().st_size == length:
                return lines
        elif fit and self.part.exists() and self.part.stat().st_size >= length:
            os.truncate(self.part, length)
            return lines
        for file in self.files:
            file.unlink(missing_ok=True)
        return []

    def extend(self, more: Iterable[tuple[DecodedPicture, _Pixels | None]]) -> None:
        """Append images in batches: pixels first, then lines."""
        left = iter(more)
        with self.part.open("ab") as array, self.list.open("a", encoding="utf-8") as listed:
            if not array.tell():
                self._write_header(array, 0)
            while some := list(islice(left, _AT_A_TIME)):
                array.writelines(pixels.data for _, pixels in some if pixels is not None)
                array.flush()
                os.fdatasync(array.fileno())
                listed.writelines(f"{line.model_dump_json()}\n" for line, _ in some)
                listed.flush()
                os.fsync(listed.fileno())

    def finish(self) -> list[DecodedPicture]:
        """Write the array's final shape, rename it, and return all lines."""
        lines = self._lines()
        with self.part.open("r+b") as array:
            self._write_header(array, sum(line.skipped is None for line in lines))
            array.flush()
            os.fsync(array.fileno())
        self.part.replace(self.array)
        return lines

    def _write_header(self, file: BinaryIO, count: int) -> None:
        shape = (count, self._size, self._size, 3)
        write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
        assert file.tell() == _HEADER

    def _lines(self) -> list[DecodedPicture]:
        """Return the lines of the list, after removing one that was cut short."""
        if not self.list.exists():
            return []
        content = self.list.read_bytes()
        os.truncate(self.list, content.rfind(b"\n") + 1)
        try:
            return read_lines(self.list, DecodedPicture)
        except RecordError:
            self.list.unlink()
            return []


def _decoded(
    root: Path, files: Sequence[ImageFile], geometry: Geometry, threads: int
) -> Iterator[tuple[DecodedPicture, _Pixels | None]]:
    """Yield line and pixels of each file, in order."""
    with (
        ThreadPoolExecutor(threads) as pool,  # Pillow releases the GIL while it decodes.
        progress.steps(f"decode {geometry.name}", len(files)) as step,
    ):
        left = (pool.submit(_picture, root, file, geometry) for file in files)
        ahead = deque(islice(left, _AT_A_TIME))
        while ahead:
            line, pixels = ahead.popleft().result()
            ahead.extend(islice(left, 1))
            step(foreign_text.line(line.name))
            yield line, pixels


def _picture(
    root: Path, file: ImageFile, geometry: Geometry
) -> tuple[DecodedPicture, _Pixels | None]:
    data = (root / file.name).read_bytes()
    if hashlib.sha256(data).hexdigest() != file.sha256:
        raise DecodeError(
            f"{root / file.name}: changed since the folder was listed. Run again to list it anew."
        )
    line = DecodedPicture(**file.model_dump())
    try:
        image, kind = image_pixels.read(data)
        return line.model_copy(update={"kind": kind}), image_pixels.cut(image, geometry)
    except PictureError as error:
        return line.model_copy(update={"skipped": str(error)}), None


def _check_space(growing: _GrowingArray, count: int) -> None:
    """Print the array's size; raise DecodeError if the disk has less free space."""
    folder = growing.part.parent
    need = growing.bytes_for(count)
    free = shutil.disk_usage(folder).free
    have = growing.part.stat().st_size if growing.part.exists() else 0
    what = f"decoding {several(count, 'image')} needs {_amount(need)}"
    if have:
        what += f" ({_amount(have)} already written)"
    if need - have > free:
        raise DecodeError(
            f"{folder}: {what}, but only {_amount(free)} are free. Free some space, or replace the"
            " folder by a link to a larger disk."
        )
    print(f"{folder}: {what}; {_amount(free)} are free", file=sys.stderr, flush=True)


def _amount(size: float) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.1f} MB"
