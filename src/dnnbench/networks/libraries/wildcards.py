"""Selection among a library's names, by name or by pattern."""

import difflib
import fnmatch
from collections.abc import Sequence

from dnnbench.networks.registry import RegistryError


def matching(pattern: str, known: Sequence[str], spec: str, source: str) -> list[str]:
    """Return the names in ``known`` that match ``pattern``, in order.

    The pattern may contain ``*``, ``?``, and ``[...]``. Raises RegistryError, which suggests
    similar names, if none matches.
    """
    found = fnmatch.filter(known, pattern)
    if not found:
        close = difflib.get_close_matches(pattern, known, n=3)
        remedy = (
            f"Did you mean {' or '.join(close)}?"
            if close
            else "Correct the name; the library's documentation lists its networks."
        )
        raise RegistryError(f"{source}: {spec!r}: unknown network. {remedy}")
    return found


def is_pattern(name: str) -> bool:
    """Return whether a name contains wildcards."""
    return any(mark in name for mark in "*?[")
