"""Names as people write them: case, dashes and spaces do not matter, and a near miss has a hint."""

import difflib
from collections.abc import Mapping

from dnnbench.core.errors import UserError


def find(text: str, known: Mapping[str, str], what: str) -> str:
    """Return the key that ``text`` stands for, as key or printed name (``known``: key -> name).

    Raises UserError naming ``what`` it is for, the value, and the nearest names or all of them.
    """
    if text in known:
        return text
    bare = _bare(text)
    found = [key for key, name in known.items() if bare and bare in (_bare(key), _bare(name))]
    if len(found) == 1:
        return found[0]
    near = found or nearest(text, known)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(known) or 'none'}"
    raise UserError(f"{what}: {text!r}: {'more than one' if found else 'no'} such name; {hint}")


def nearest(text: str, known: Mapping[str, str]) -> list[str]:
    """Return up to three keys that begin with ``text``, else the most similar one, if any."""
    begun = list(starting(text, known)) if _bare(text) else []
    if 0 < len(begun) <= 3:
        return begun
    bare = {_bare(name): key for key, printed in known.items() for name in (printed, key)}
    return [bare[close] for close in difflib.get_close_matches(_bare(text), bare, n=1)]


def starting(text: str, known: Mapping[str, str]) -> dict[str, str]:
    """Return those whose key or name begins with ``text``: key -> ``text`` with the rest.

    The spelling stays as it was typed, since shells drop a completion that begins otherwise.
    """
    found: dict[str, str] = {}
    for key, name in known.items():
        for one in (key, name):
            if _bare(one).startswith(_bare(text)):
                rest = _rest(one, len(_bare(text)))
                # A dash that was typed already is not offered again.
                found.setdefault(key, text + (rest if text[-1:].isalnum() else rest.lstrip("- ")))
    return found


def _rest(name: str, begun: int) -> str:
    """What follows the first ``begun`` letters and digits, with no brackets for a shell to read."""
    for at in range(len(name) + 1):
        if len(_bare(name[:at])) == begun:
            return name[at:].replace("(", "_").replace(")", "")
    return ""


def _bare(text: str) -> str:
    return "".join(char for char in text.casefold() if char.isalnum())
