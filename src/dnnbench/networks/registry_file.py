"""The registry as a YAML file, before its entries are checked.

A shell that completes a network's name reads it here, without waiting for pydantic.
"""

from pathlib import Path
from typing import Any

import yaml

from dnnbench.records import paths

# The repository's own registry: there in a checkout and in an editable installation of it.
DEFAULT_REGISTRY = Path(__file__).resolve().parents[3] / paths.REGISTRY


def names(path: Path = DEFAULT_REGISTRY) -> dict[str, str]:
    """Return the printed names of a registry's networks by key, unchecked.

    Raises OSError where the file cannot be read, YAMLError where it is not YAML.
    """
    # Nodes alone: to make objects of them takes twice as long.
    registry: Any = yaml.compose(path.read_text(encoding="utf-8"), Loader=_SafeLoader)
    return {
        key.value: field_value.value
        for key, entry in registry.value
        for field, field_value in entry.value
        if field.value == "name"
    }


# Ten times as fast, where PyYAML was built with it.
_SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
