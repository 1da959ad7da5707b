"""Keep earlier results valid where the code that measures moved again, or end that.

    python -m dnnbench.measure.renew_earlier_layout                   # code only moved
    python -m dnnbench.measure.renew_earlier_layout --edited FILE...  # numbers may change

See :mod:`dnnbench.records.earlier_layout`. An edited file stays edited: results of before the move
that depend on it are never valid again.
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

# Those of before the move. Others have no earlier results, and no place here.
_BACKENDS = ("cpu", "cuda", "jetson")
_ENGINES = ("eager", "compile", "onnxruntime", "openvino")
_ARCHITECTURES = ("googlenet", "mobilenet", "mobilenetv2", "shufflenet")


def present() -> dict[str, str]:
    """Return the SHA-256 of the files that earlier numbers depend on, by place in the package."""
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
    """Return the places of files that are not those of the move and not marked as edited."""
    known: dict[str, str | None] = json.loads(DATA.read_text(encoding="utf-8"))["present"]
    now = present()
    return [
        place
        for place in sorted(known.keys() | now.keys())
        if known.get(place, "") not in (None, now.get(place))
    ]


def renew(edited: list[str]) -> None:
    """Write the present files' SHA-256; ``edited``, and those that were, get null.

    Raises UserError where an edited file has gone, since its code may be in another now.
    """
    content: dict[str, Any] = json.loads(DATA.read_text(encoding="utf-8"))
    now = present()
    gone = {place for place, before in content["present"].items() if before is None}
    gone |= {str(Path(file).resolve().relative_to(PACKAGE)) for file in edited}
    if lost := sorted(gone - now.keys()):
        raise UserError(
            f"{DATA}: {', '.join(lost)}: edited, and no number depends on it now; remove the line,"
            " and name the files that its code moved to: --edited FILE"
        )
    content["present"] = {place: None if place in gone else now[place] for place in now}
    storage.write_text(DATA, json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Renew the digests of the code that measures.")
    parser.add_argument("--edited", nargs="+", default=[], help="Files that may change a number.")
    renew(parser.parse_args().edited)
