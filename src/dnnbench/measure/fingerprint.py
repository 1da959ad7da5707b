"""What a measured number depends on but the machine: code, network, settings, in twelve digits.

The code is that of the measuring module, of the chosen backend's and engine's modules, and of all
that they import; and the network's own file, where it has one.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from dnnbench.config import backend, engine, variants
from dnnbench.core import code_graph
from dnnbench.devices import backends
from dnnbench.records import earlier_layout

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dnnbench.networks.registry import Network

# What says how settings, records, networks and descriptors look, or finds them, or which cells are
# tried, takes no part in measuring one.
_NOT_MEASURING = (
    *("config", "records", "measure/oom.py"),
    *("networks/own_file.py", "networks/registry.py", "networks/registry_file.py"),
    *("core/code_graph.py", "core/commands.py", "core/descendants.py"),
    *("core/errors.py", "core/foreign_text.py"),
    *("core/plugins.py", "core/standard_error.py", "core/storage.py", "core/text_file.py"),
    # They see to it that a number is of what its record says, or that there is none.
    *("core/processors.py", "core/speed_variables.py", "devices/usable_cores.py"),
)
# Verdicts are computed from records: another one needs no new measurement.
_JUDGING = ("stats",)


def fingerprint(
    measuring: ModuleType,
    network: Network,
    setup: backends.Setup,
    variant: str,
    settings: list[Any],
) -> str:
    """Changes with the code that measures, with the network's definition, or with ``settings``.

    ``measuring`` is the module whose function runs in the measuring process. Of the code only what
    the device's backend and the variant's engine run counts.
    """
    assert measuring.__file__
    whole = [backends.settings(setup), variant, *settings]
    file = Path(measuring.__file__)
    code = measuring_code(file, setup.backend, variants.parse(variant).engine)
    return code_graph.short_hash(json.dumps([whole, *identity(file.stem, code, network)]))


def identity(group: str, code: Iterable[Path], network: Network) -> tuple[str, str]:
    """Return the network's definition, and a digest of ``code`` and of the network's own file.

    ``group`` is what ``code`` is called in ``records.earlier_layout``: both are those of the
    earlier layout as long as nothing but that has changed.
    """
    own = code_graph.builder_sources(network.builder)
    if earlier := earlier_layout.digest(group, code, own):
        builder = earlier_layout.builder(network.builder)
        return network.model_copy(update={"builder": builder}).definition(), earlier
    return network.definition(), code_graph.digest({*code, *(file.resolve() for file in own)})


@cache
def measuring_code(measuring: Path, backend_name: str, engine_name: str) -> frozenset[Path]:
    """Return the files whose code runs while a number is measured, the network's own aside."""
    found = _code(measuring, backend_name, engine_name, _NOT_MEASURING)
    # Absolute: what is kept here must not depend on the working directory of the first call.
    return frozenset(file.resolve() for file in found)


def stage_code(script: Path | str, backend_name: str, variant: str | None = None) -> list[str]:
    """Return the files that a job which measures depends on, its script aside, as rules name them.

    ``variant`` is that of the job; None where it runs no engine.
    """
    engine_name = variants.parse(variant).engine if variant else None
    found = _code(script, backend_name, engine_name, _JUDGING)
    return sorted(map(str, found - {Path(script)}))


def _code(
    script: Path | str, backend_name: str, engine_name: str | None, without: tuple[str, ...]
) -> set[Path]:
    """``script``, what it imports, and what no import statement names: the backend, the engine."""
    found = {*code_graph.sources(script, without=without)}
    found |= {*code_graph.module_sources(backend.module_of(backend_name), without)}
    if engine_name:
        found |= {*code_graph.module_sources(engine.module_of(engine_name), without)}
    return found
