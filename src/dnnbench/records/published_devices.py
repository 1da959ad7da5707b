"""Names of the two devices of the 2018 study, whose numbers pass through every stage as they are.

Known without reading a table, so that a shell completes them at once.
"""

TITAN = "titanxp-2018"
JETSON = "jetsontx1-2018"
DEVICES = (TITAN, JETSON)

_LABELS = {TITAN: "Titan Xp", JETSON: "Jetson TX1"}


def label(device: str) -> str:
    """Return the machine behind a published device, as readers know it; others keep their name."""
    return _LABELS.get(device, device)
