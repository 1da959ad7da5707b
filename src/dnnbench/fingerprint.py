"""What a measured number depends on but the machine: code, network, settings, in twelve digits."""

import json
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from dnnbench import sources
from dnnbench.registry import Network

# Modules that say how parameters and records look, and not how anything is measured.
_SHAPES = ("__init__", "errors", "parameters", "records", "registry")


def fingerprint(measuring: ModuleType, network: Network, settings: list[Any]) -> str:
    """Changes with the code of ``measuring`` or of the network, its definition, or ``settings``.

    ``measuring`` is the module whose function runs in the measuring process.
    """
    assert measuring.__file__
    builder = (file.resolve() for file in sources.builder_sources(network.builder))
    code = {*_code(Path(measuring.__file__)), *builder}
    return sources.short_hash(json.dumps([settings, network.definition(), sources.digest(code)]))


@cache
def _code(file: Path) -> frozenset[Path]:
    # Absolute: what is kept here must not depend on the working directory of the first call.
    found = {path.resolve() for path in sources.sources(file)}
    return frozenset(found - {sources.module_file(f"dnnbench.{name}") for name in _SHAPES})
