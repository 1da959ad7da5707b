"""Compatibility with results measured before the code was moved into packages.

A fingerprint contains a digest of the measuring code. The move changed only file names and import
lines, so results keep the digest of the earlier files as long as the present files have not been
edited since the move. After an edit, the results that depend on the file are measured again.

``earlier_layout.json`` contains the SHA-256 of the earlier files, the earlier files of each group
(a measuring module, or the file of a network), and the SHA-256 of the present files at the move, or
null for files edited since. ``python -m dnnbench.measure.renew_earlier_layout`` updates it if code
moves again.
"""

import hashlib
import json
import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

DATA = Path(__file__).with_suffix(".json")
PACKAGE = Path(__file__).resolve().parents[1]
# Files of this group were sorted by their paths from the working directory, others by full paths.
_AS_LISTED = "inference"
_ARCHITECTURES = ("dnnbench.networks.architectures.", "dnnbench.architectures.")


def digest(group: str, code: Iterable[Path], own: Iterable[Path] = ()) -> str | None:
    """Return the digest in the earlier layout, or None if the code was edited since.

    ``code`` is the present measuring code of the group ``latency``, ``memory``, ``inference`` or
    ``image_pixels``; ``own`` are the files that define a network, as listed by the code graph.
    """
    known = _known()
    earlier = {PACKAGE / place: known["earlier"][place] for place in known["groups"][group]}
    for file in (*code, *own):
        path = file.resolve()
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        if not path.is_relative_to(PACKAGE):
            earlier[file if group == _AS_LISTED else path] = sha256
        elif known["present"].get(str(path.relative_to(PACKAGE))) != sha256:
            return None
        elif file in own:
            for place in known["groups"].get(path.stem, ()):
                folder = Path(os.path.relpath(PACKAGE)) if _relative(group, file) else PACKAGE
                earlier[folder / place] = known["earlier"][place]
    state = hashlib.sha256()
    for file in sorted(earlier):
        state.update(bytes.fromhex(earlier[file]))
    return state.hexdigest()[:12]


def builder(name: str) -> str:
    """Return the earlier name of the builder of a network, ``module:function``."""
    now, before = _ARCHITECTURES
    return f"{before}{name.removeprefix(now)}" if name.startswith(now) else name


def _relative(group: str, file: Path) -> bool:
    return group == _AS_LISTED and not file.is_absolute()


@cache
def _known() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(DATA.read_text(encoding="utf-8"))
    return content
