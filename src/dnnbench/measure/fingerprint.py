"""What a measured number depends on but the machine: code, network, settings, in twelve digits."""

import json
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from dnnbench.core import code_graph
from dnnbench.networks.registry import Network

# Modules that say how parameters and records look, and not how anything is measured.
_SHAPES = ("config", "core/errors.py", "core/storage.py", "networks/registry.py", "records")
_PACKAGE = Path(__file__).resolve().parents[1]


def fingerprint(measuring: ModuleType, network: Network, settings: list[Any]) -> str:
    """Changes with the code of ``measuring`` or of the network, its definition, or ``settings``.

    ``measuring`` is the module whose function runs in the measuring process.
    """
    assert measuring.__file__
    builder = (file.resolve() for file in code_graph.builder_sources(network.builder))
    code = {*_code(Path(measuring.__file__)), *builder}
    return code_graph.short_hash(
        json.dumps([settings, network.definition(), code_graph.digest(code)])
    )


@cache
def _code(file: Path) -> frozenset[Path]:
    # Absolute: what is kept here must not depend on the working directory of the first call.
    found = {path.resolve() for path in code_graph.sources(file)}
    shapes = [_PACKAGE / name for name in _SHAPES]
    return frozenset(path for path in found if not any(map(path.is_relative_to, shapes)))
