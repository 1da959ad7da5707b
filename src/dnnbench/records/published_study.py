"""Names of the 2018 study and of its two devices, and how far its printed numbers were rounded.

Known without reading a table, so that a shell completes them at once.
"""

from typing import Final

from dnnbench.core.units import MIB_PER_GIB

# Its set of networks, its protocols of timing and of preparing images, the folder of its tables.
STUDY: Final = "bianco2018"

TITAN = "titanxp-2018"
JETSON = "jetsontx1-2018"
DEVICES = (TITAN, JETSON)

# Half the last printed digit: a printed 1.28 ms was anything from 1.275 to 1.285.
LATENCY_ROUNDING_MS = 0.005
MEMORY_ROUNDING_MIB = 0.005 * MIB_PER_GIB
# Half the last digit of a printed accuracy, per cent, and how far one read off a figure may be off.
TOP1_ROUNDING = {"table3": 0.005, "figure": 0.03, "library": 0.005}
TOP5_ROUNDING = {"table3": 0.005, "figure": 0.05, "library": 0.005}

_LABELS = {TITAN: "Titan Xp", JETSON: "Jetson TX1"}


def label(device: str) -> str:
    """Return the machine behind a published device, as readers know it; others keep their name."""
    return _LABELS.get(device, device)
