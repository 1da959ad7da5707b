"""The pixels of one image, decoded as the usual ImageNet loaders do.

The format is detected from the content; the result is RGB; EXIF orientation and color profiles are
ignored. Everything that can change a pixel is in this file, in a geometry's name, or in
:func:`decoder`.
"""

import io
from typing import TYPE_CHECKING

import numpy as np
import PIL
from PIL import Image, UnidentifiedImageError, features

from dnnbench.images.geometry import Geometry

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Accepted formats, regardless of file name. Some others start programs in Pillow, such as EPS.
_FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM", "JPEG2000")

_ORIENTATION = 0x0112  # EXIF tag; 1 is upright.


class PictureError(Exception):
    """The reason why a file cannot be decoded."""


def decoder() -> str:
    """Return the names and versions of the libraries that determine pixel values."""
    codecs = ("jpg", "libjpeg_turbo", "webp", "jpg_2000", "libtiff")
    found = [f"{name} {features.version(name)}" for name in codecs]
    return ", ".join([f"Pillow {PIL.__version__}", *found])


def read(data: bytes) -> tuple[Image.Image, str]:
    """Return a file's image in RGB, and its kind, such as ``JPEG RGB`` or ``PNG P``.

    Gray is repeated, transparency dropped, a palette looked up, CMYK converted without a profile,
    16 bits reduced to the upper eight; the first of several frames is used. Raises PictureError if
    the file is empty, truncated, corrupt, not an image, or larger than Pillow's pixel limit.
    """
    if not data:
        raise PictureError("empty file")
    try:
        image = Image.open(io.BytesIO(data), formats=_FORMATS)
        _check_size(image.width, image.height)
        kind = f"{image.format} {image.mode}"
        return _rgb(image), f"{kind}, EXIF orientation ignored" if _turned(image) else kind
    except PictureError:
        raise
    except UnidentifiedImageError:  # Its own message contains a memory address.
        raise PictureError("not an image in a supported format") from None
    except Exception as error:  # Corrupt files raise nearly anything.
        raise PictureError(" ".join(str(error).split()) or type(error).__name__) from error


def cut(image: Image.Image, geometry: Geometry) -> "NDArray[np.uint8]":
    """Return the pixels [size, size, 3] of the crop, as torchvision computes them.

    Raises PictureError if an image is so elongated that resizing exceeds Pillow's pixel limit.
    """
    short, long = sorted(image.size)
    resized = (geometry.resize, int(geometry.resize * long / short))
    width, height = reversed(resized) if image.width > image.height else resized
    _check_size(width, height)
    image = image.resize((width, height), Image.Resampling[geometry.interpolation.upper()])
    left, top = (round((side - geometry.size) / 2) for side in image.size)
    return np.asarray(image.crop((left, top, left + geometry.size, top + geometry.size)))


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    elif image.mode in ("I", "F"):
        raise PictureError(f"mode {image.mode}: no defined value for white")
    return image.convert("RGB")


def _turned(image: Image.Image) -> bool:
    try:
        return bool(image.getexif().get(_ORIENTATION, 1) != 1)
    except Exception:  # Corrupt EXIF data cannot rotate the image, which is usable without it.
        return False


def _check_size(width: int, height: int) -> None:
    limit = Image.MAX_IMAGE_PIXELS
    if limit is not None and width * height > limit:
        raise PictureError(f"{width} x {height} pixels exceed Pillow's limit of {limit}")
