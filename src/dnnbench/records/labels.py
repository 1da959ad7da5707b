"""Readable names for raw values of records, on the terminal and on the page.

CSV and JSON files keep the raw values; everything that is printed or drawn uses the names.
"""

from dnnbench.records.published_study import DEVICES, label

# Kind of a source of accuracy, before a colon and the user's words.
STATED = "stated"
# Kind of an accuracy measured here; after a plus sign, of its change from fp32-eager.
CHANGED = "measured"

_ACCURACY_SOURCES = {
    "published:table3": "published in the 2018 study, Table 3",
    "published:figure": "published in the 2018 study, read from a figure",
    "published:library": "published with the weights",
}
_BRIEF_SOURCES = {
    "published:table3": "2018, Table 3",
    "published:figure": "2018, a figure",
    "published:library": "with the weights",
}
_MEMORY_BASES = {"net": "network only", "process": "whole process", "device": "whole GPU"}


def device(key: str) -> str:
    """Return a device's name: ``Titan Xp, 2018`` for ``titanxp-2018``."""
    return f"{label(key)}, 2018" if key in DEVICES else key


def accuracy_source(source: str | None) -> str:
    """Return where an accuracy comes from, such as ``published in the 2018 study, Table 3``."""
    kind, _, detail = (source or "").partition(":")
    if kind == STATED:
        return f"stated, not measured: {detail}"
    before, plus, _ = kind.partition(f"+{CHANGED}")
    if plus:
        return f"{before} for fp32-eager, plus the change measured on {detail}"
    if kind == CHANGED:
        return f"measured on {detail}" if detail else "measured"
    return _ACCURACY_SOURCES.get(source or "", source or "unknown source")


def brief_accuracy_source(source: str | None) -> str:
    """Return where an accuracy comes from, for a column: ``2018, Table 3``."""
    if (source or "").startswith(f"{STATED}:"):
        return STATED
    return _BRIEF_SOURCES.get(source or "", accuracy_source(source))


def memory_basis(basis: str | None) -> str:
    """Return what a memory number includes, such as ``network only``."""
    own, _, other = (basis or "").partition(":")
    words = _MEMORY_BASES.get(own, own)
    return f"{words} on {device(other)}" if other else words
