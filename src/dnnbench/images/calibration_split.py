"""The images of a data set that calibrate quantized networks.

Accuracy is never measured on them. An image belongs to this part because of its content, so
the split does not change if you add or remove others, and copies of an image stay together.
"""

from collections.abc import Sequence

from dnnbench.core.errors import UserError
from dnnbench.core.formatting import several

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
