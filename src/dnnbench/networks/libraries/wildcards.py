"""Which of a library's names is meant: one, or all that a pattern matches."""

import difflib
import fnmatch
from collections.abc import Sequence

from dnnbench.networks.registry import RegistryError


def matching(pattern: str, known: Sequence[str], spec: str, source: str) -> list[str]:
    """Those of ``known`` that ``pattern`` (with ``*``, ``?`` or ``[...]``) matches, in order.

    Raises RegistryError with close matches where there are none.
    """
    found = fnmatch.filter(known, pattern)
    if not found:
        close = difflib.get_close_matches(pattern, known, n=3)
        remedy = f"did you mean {' or '.join(close)}?" if close else "see the library's own list"
        raise RegistryError(f"{source}: {spec!r} is not a network; {remedy}")
    return found


def is_pattern(name: str) -> bool:
    """Whether a name has wildcards."""
    return any(mark in name for mark in "*?[")
