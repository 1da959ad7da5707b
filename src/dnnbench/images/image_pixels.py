"""The pixels of one picture, as the usual loaders of ImageNet give them: decoded by its content,
in RGB, without regard to EXIF orientation or colour profiles.

Whatever can change a pixel is in this file, in a geometry's name, or in :func:`decoder`.
"""

import io
from typing import TYPE_CHECKING

import numpy as np
import PIL
from PIL import Image, UnidentifiedImageError, features

from dnnbench.images.geometry import Geometry

if TYPE_CHECKING:
    from numpy.typing import NDArray

# What a picture may be, whatever its name says. Others that Pillow knows start programs (EPS).
_FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM", "JPEG2000")

_ORIENTATION = 0x0112  # EXIF tag; 1 is upright.


class PictureError(Exception):
    """Why a file gives no pixels."""


def decoder() -> str:
    """The libraries, with versions, that decide on pixels."""
    codecs = ("jpg", "libjpeg_turbo", "webp", "jpg_2000", "libtiff")
    found = [f"{name} {features.version(name)}" for name in codecs]
    return ", ".join([f"Pillow {PIL.__version__}", *found])


def read(data: bytes) -> tuple[Image.Image, str]:
    """A file's picture in RGB, and what it was: ``JPEG RGB``, ``PNG P``.

    Grey is repeated, transparency dropped, a palette looked up, CMYK converted without a profile,
    16 bits cut to the upper eight; of several frames the first is taken. Raises PictureError for a
    file that is empty, cut short, broken, no picture, or beyond Pillow's limit on pixels.
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
    except UnidentifiedImageError:  # Whose own words hold an address in memory.
        raise PictureError("not a picture of a known format") from None
    except Exception as error:  # Broken files raise nearly anything.
        raise PictureError(" ".join(str(error).split()) or type(error).__name__) from error


def cut(image: Image.Image, geometry: Geometry) -> "NDArray[np.uint8]":
    """Pixels of the crop, [size, size, 3]: torchvision's Resize and CenterCrop on a PIL picture.

    Raises PictureError for one so long and thin that resizing takes it beyond Pillow's limit.
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
        raise PictureError(f"mode {image.mode}: numbers without a white")
    return image.convert("RGB")


def _turned(image: Image.Image) -> bool:
    try:
        return bool(image.getexif().get(_ORIENTATION, 1) != 1)
    except Exception:  # Broken EXIF turns nothing, and the picture is good without.
        return False


def _check_size(width: int, height: int) -> None:
    limit = Image.MAX_IMAGE_PIXELS
    if limit is not None and width * height > limit:
        raise PictureError(f"{width} x {height} pixels exceed Pillow's limit of {limit}")
