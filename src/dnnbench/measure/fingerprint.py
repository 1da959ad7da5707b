"""Fingerprints of everything but the machine that a measurement depends on.

A fingerprint has twelve hexadecimal digits. It covers settings, the network, and the code: the
measuring module, the modules of the backend and the engine, their imports, and the network's own
file, if any.
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

# Code that defines or finds settings, records, networks and descriptors, or selects the cells to
# try, takes no part in measuring a cell.
NOT_MEASURING = (
    *("config", "records", "measure/oom.py"),
    *("networks/own_file.py", "networks/registry.py", "networks/registry_file.py"),
    *("core/code_graph.py", "core/commands.py", "core/descendants.py"),
    *("core/errors.py", "core/foreign_text.py"),
    *("core/plugins.py", "core/standard_error.py", "core/storage.py", "core/text_file.py"),
    # These only prevent numbers that would not match their record.
    *("core/processors.py", "core/speed_variables.py", "devices/usable_cores.py"),
)
# Verdicts are computed from records: changing one needs no new measurement.
_JUDGING = ("stats",)


def fingerprint(
    measuring: ModuleType,
    network: Network,
    setup: backends.Setup,
    variant: str,
    settings: list[Any],
) -> str:
    """Return a fingerprint of measuring code, network definition and settings.

    ``measuring`` is the module whose function runs in the measuring process. The code includes only
    the device's backend and the variant's engine, not the others.
    """
    assert measuring.__file__
    whole = [backends.settings(setup), variant, *settings]
    file = Path(measuring.__file__)
    code = measuring_code(file, setup.backend, variants.parse(variant).engine)
    return code_graph.short_hash(json.dumps([whole, *identity(file.stem, code, network)]))


def identity(group: str, code: Iterable[Path], network: Network) -> tuple[str, str]:
    """Return the network's definition and a digest of its code.

    The digest covers ``code`` and the network's own file.

    ``group`` is the name of ``code`` in ``records.earlier_layout``: both results are those of the
    earlier layout as long as only the layout has changed.
    """
    own = code_graph.builder_sources(network.builder)
    if earlier := earlier_layout.digest(group, code, own):
        builder = earlier_layout.builder(network.builder)
        return network.model_copy(update={"builder": builder}).definition(), earlier
    return network.definition(), code_graph.digest({*code, *(file.resolve() for file in own)})


@cache
def measuring_code(measuring: Path, backend_name: str, engine_name: str) -> frozenset[Path]:
    """Return the files whose code runs during a measurement, except the network's own."""
    found = _code(measuring, backend_name, engine_name, NOT_MEASURING)
    # Absolute: the cached result must not depend on the working directory of the first call.
    return frozenset(file.resolve() for file in found)


def stage_code(script: Path | str, backend_name: str, variant: str | None = None) -> list[str]:
    """Return the files, as rules name them, that a measuring job depends on.

    The job's script is left out.

    ``variant`` is the job's variant; None if it runs no engine.
    """
    engine_name = variants.parse(variant).engine if variant else None
    found = _code(script, backend_name, engine_name, _JUDGING)
    return sorted(map(str, found - {Path(script)}))


def _code(
    script: Path | str, backend_name: str, engine_name: str | None, without: tuple[str, ...]
) -> set[Path]:
    """Return ``script``, its imports, and the modules of the backend and the engine."""
    found = {*code_graph.sources(script, without=without)}
    found |= {*code_graph.module_sources(backend.module_of(backend_name), without)}
    if engine_name:
        found |= {*code_graph.module_sources(engine.module_of(engine_name), without)}
    return found
