"""Results measured before the code was moved into packages, which stay valid.

A fingerprint holds a digest of the code that measures. Moving that code changed file names and
import lines, and nothing that a number depends on, so a result keeps the digest that the earlier
files gave, as long as the present files are those of the move. An edit of any of them ends that for
what it concerns, and those results are measured again, as after any edit.

``earlier_layout.json`` holds the SHA-256 of the earlier files, the earlier files of each group (a
measuring module, or a network's own file), and the SHA-256 of the present files at the move; null:
edited since. ``python -m dnnbench.measure.renew_earlier_layout`` renews it where code moved again.
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
# Its files were put in order by their names as from the working directory, all others' resolved.
_AS_LISTED = "inference"
_ARCHITECTURES = ("dnnbench.networks.architectures.", "dnnbench.architectures.")


def digest(group: str, code: Iterable[Path], own: Iterable[Path] = ()) -> str | None:
    """Return the digest that the earlier layout gave; None where the code was edited since.

    ``code`` is what measures now, of the group ``latency``, ``memory``, ``inference`` or
    ``image_pixels``; ``own`` are the files that define a network, as the code graph lists them: of
    this package, or a person's.
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
    """Return what the builder of a network, ``module:function``, was called."""
    now, before = _ARCHITECTURES
    return f"{before}{name.removeprefix(now)}" if name.startswith(now) else name


def _relative(group: str, file: Path) -> bool:
    return group == _AS_LISTED and not file.is_absolute()


@cache
def _known() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(DATA.read_text(encoding="utf-8"))
    return content
