"""Names of the 2018 study and of its two devices, whose numbers pass through every stage.

Known without reading a table, so that a shell completes them at once.
"""

from typing import Final

# Its set of networks, its protocols of timing and of preparing images, the folder of its tables.
STUDY: Final = "bianco2018"

TITAN = "titanxp-2018"
JETSON = "jetsontx1-2018"
DEVICES = (TITAN, JETSON)

_LABELS = {TITAN: "Titan Xp", JETSON: "Jetson TX1"}


def label(device: str) -> str:
    """Return the machine behind a published device, as readers know it; others keep their name."""
    return _LABELS.get(device, device)
