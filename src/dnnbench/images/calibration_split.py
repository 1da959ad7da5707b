"""The images of a data set that calibrate quantized networks.

Accuracy is never measured on them. An image belongs to this part because of its content, so
the split does not change if you add or remove others, and copies of an image stay together.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnnbench.core.errors import UserError
from dnnbench.core.formatting import several
from dnnbench.images.decoded_arrays import Decoded

# A quarter of all images: those whose SHA-256 starts with one of these digits.
_DIGITS = "0123"
LEAST, MOST = 16, 128


class CalibrationError(UserError):
    """Too few images to calibrate; the message names the fix."""


def indices(hashes: Sequence[str]) -> list[int]:
    """Return the places of the calibration images among images with these SHA-256.

    A quarter of the images is set apart; of these, the 128 with the lowest SHA-256 are used, in
    this order. Raises CalibrationError if there are fewer than 16.
    """
    apart = sorted((sha256, place) for place, sha256 in enumerate(hashes) if set_apart(sha256))
    if len(apart) < LEAST:
        raise CalibrationError(
            f"int8: only {several(len(apart), 'image')} of {len(hashes)} would calibrate the"
            f" network, and {LEAST} are needed. A quarter of all images is set apart for this:"
            f" add images to dataset.path until there are about {6 * LEAST}, or remove the int8"
            " variants."
        )
    return [place for _, place in apart[:MOST]]


def set_apart(sha256: str) -> bool:
    """Return whether an image is set apart, so that accuracy must not be measured on it."""
    return sha256[0] in _DIGITS


@dataclass(frozen=True)
class _Chosen:
    """Some of many stored images; NumPy reads them when it needs them."""

    images: NDArray[np.uint8]
    places: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, part: slice) -> "_Chosen":
        return _Chosen(self.images, self.places[part])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[np.uint8]:
        return self.images[self.places]


def measured(decoded: Decoded) -> Decoded:
    """Return the images that are not set apart, on which accuracy is measured."""
    places = [place for place, sha256 in enumerate(decoded.hashes) if not set_apart(sha256)]
    chosen: Any = _Chosen(decoded.images, np.array(places, np.intp))
    return replace(
        decoded,
        images=chosen,
        labels=decoded.labels[places],
        names=[decoded.names[place] for place in places],
        hashes=[decoded.hashes[place] for place in places],
    )
