"""Lenient matching of names, with suggestions of similar names.

Case, dashes and spaces are ignored.
"""

import difflib
from collections.abc import Mapping

from dnnbench.core.errors import UserError

# Names that an error lists.
_MOST = 12


def find(text: str, known: Mapping[str, str], what: str, *, parts: bool = False) -> str:
    """Return the key that matches ``text``, by key or printed name.

    ``known`` maps keys to names. With ``parts``, part of a key or name is enough if no other
    contains it.

    Raises UserError that names the option ``what`` and the value, and lists similar names, or else
    the first ones.
    """
    if text in known:
        return text
    bare = _bare(text)
    spelled = {key: (_bare(key), _bare(name)) for key, name in known.items()} if bare else {}
    found = [key for key, both in spelled.items() if bare in both]
    if parts and not found:
        found = [key for key, both in spelled.items() if any(bare in one for one in both)]
    if len(found) == 1:
        return found[0]
    near = found or nearest(text, known)
    hint = f"Did you mean {' or '.join(near)}?" if near else f"Known: {_listed(known)}."
    problem = "several names match" if found else "no such name"
    raise UserError(f"{what}: {text!r}: {problem}. {hint}")


def _listed(known: Mapping[str, str]) -> str:
    """Return the first keys, and the number of the others."""
    more = len(known) - _MOST
    return ", ".join(list(known)[:_MOST]) + (f", and {more} more" if more > 0 else "") or "none"


def nearest(text: str, known: Mapping[str, str]) -> list[str]:
    """Return up to three keys that start with ``text``, or else the most similar."""
    begun = list(starting(text, known)) if _bare(text) else []
    if 0 < len(begun) <= 3:
        return begun
    bare = {_bare(name): key for key, printed in known.items() for name in (printed, key)}
    return [bare[close] for close in difflib.get_close_matches(_bare(text), bare, n=1)]


def starting(text: str, known: Mapping[str, str]) -> dict[str, str]:
    """Return completions of ``text`` by key, for keys or names that start with it.

    The typed spelling is kept, because shells drop a completion that starts differently.
    """
    found: dict[str, str] = {}
    for key, name in known.items():
        for one in (key, name):
            if _bare(one).startswith(_bare(text)):
                rest = _rest(one, len(_bare(text)))
                # Do not repeat a dash that was already typed.
                found.setdefault(key, text + (rest if text[-1:].isalnum() else rest.lstrip("- ")))
    return found


def _rest(name: str, begun: int) -> str:
    """Return the text after the first ``begun`` letters and digits.

    Shell brackets are removed.
    """
    for at in range(len(name) + 1):
        if len(_bare(name[:at])) == begun:
            return name[at:].replace("(", "_").replace(")", "")
    return ""


def _bare(text: str) -> str:
    return "".join(char for char in text.casefold() if char.isalnum())
