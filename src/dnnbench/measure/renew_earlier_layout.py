"""Record of edits of measuring code, which decides if earlier results stay valid.

    python -m dnnbench.measure.renew_earlier_layout                   # no number changes
    python -m dnnbench.measure.renew_earlier_layout --edited FILE...  # numbers may change

See :mod:`dnnbench.records.earlier_layout`. A file given with ``--edited`` remains marked: earlier
results that depend on it never become valid again.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from dnnbench.core import code_graph, storage
from dnnbench.core.checksums import sha256
from dnnbench.core.errors import UserError
from dnnbench.images import image_pixels
from dnnbench.measure import inference, latency, memory
from dnnbench.measure.fingerprint import measuring_code
from dnnbench.records.earlier_layout import DATA, PACKAGE

# Only names from before the move: others have no earlier results.
_BACKENDS = ("cpu", "cuda", "jetson")
_ENGINES = ("eager", "compile", "onnxruntime", "openvino")
_ARCHITECTURES = ("googlenet", "mobilenet", "mobilenetv2", "shufflenet")


def present() -> dict[str, str]:
    """Return the SHA-256 of files that earlier numbers depend on, by path."""
    files = {Path(str(module.__file__)) for module in (inference, image_pixels)}
    for name in _ARCHITECTURES:
        file = PACKAGE / "networks/architectures" / f"{name}.py"
        files |= {source.resolve() for source in code_graph.sources(file)}
    for measuring in (latency, memory):
        for backend_name in _BACKENDS:
            for engine_name in _ENGINES:
                place = Path(str(measuring.__file__))
                files |= measuring_code(place, backend_name, engine_name)
    return {str(file.relative_to(PACKAGE)): sha256(file) for file in sorted(files)}


def stale() -> list[str]:
    """Return the files that changed since the move and are not marked as edited."""
    known: dict[str, str | None] = json.loads(DATA.read_text(encoding="utf-8"))["present"]
    now = present()
    return [
        place
        for place in sorted(known.keys() | now.keys())
        if known.get(place, "") not in (None, now.get(place))
    ]


def renew(edited: list[str]) -> None:
    """Write the current files' SHA-256.

    It is null for ``edited`` files and those marked earlier.

    Raises UserError if a marked file is missing, since its code may be in another file now.
    """
    content: dict[str, Any] = json.loads(DATA.read_text(encoding="utf-8"))
    now = present()
    gone = {place for place, before in content["present"].items() if before is None}
    gone |= {str(Path(file).resolve().relative_to(PACKAGE)) for file in edited}
    if lost := sorted(gone - now.keys()):
        raise UserError(
            f"{DATA}: {', '.join(lost)}: marked as edited, but no number depends on it now."
            " Remove its line, and name the files its code moved to: --edited FILE"
        )
    content["present"] = {place: None if place in gone else now[place] for place in now}
    storage.write_text(DATA, json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Renew the digests of the measuring code.")
    parser.add_argument(
        "--edited", nargs="+", default=[], help="Files whose edits may change a number."
    )
    renew(parser.parse_args().edited)
