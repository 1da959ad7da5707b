"""Names of the 2018 study and its devices, and the rounding of its numbers.

They are constants so that shell completion does not have to read a table.
"""

from typing import Final

from dnnbench.core.units import MIB_PER_GIB

# Name of its set of networks, its latency and image protocols, and the folder of its tables.
STUDY: Final = "bianco2018"

TITAN = "titanxp-2018"
JETSON = "jetsontx1-2018"
DEVICES = (TITAN, JETSON)

# Half a unit of the last printed digit: 1.28 ms was between 1.275 and 1.285.
LATENCY_ROUNDING_MS = 0.005
MEMORY_ROUNDING_MIB = 0.005 * MIB_PER_GIB
# Half a unit of the last printed digit of an accuracy, in percentage points, and the reading error
# of values taken from a figure.
TOP1_ROUNDING = {"table3": 0.005, "figure": 0.03, "library": 0.005}
TOP5_ROUNDING = {"table3": 0.005, "figure": 0.05, "library": 0.005}

_LABELS = {TITAN: "Titan Xp", JETSON: "Jetson TX1"}


def label(device: str) -> str:
    """Return the common name of a published device; other names are unchanged."""
    return _LABELS.get(device, device)
