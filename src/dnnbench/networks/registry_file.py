"""The registry as a YAML file, without validation of its entries.

Shell completion reads network names here, because importing pydantic would take too long.
"""

from pathlib import Path
from typing import Any

import yaml

from dnnbench.records import paths

# The repository's registry, which exists in a checkout and in an editable installation.
DEFAULT_REGISTRY = Path(__file__).resolve().parents[3] / paths.REGISTRY


def names(path: Path = DEFAULT_REGISTRY) -> dict[str, str]:
    """Return the display names of a registry's networks by key, unvalidated.

    Raises OSError if the file cannot be read, YAMLError if it is not valid YAML.
    """
    # Nodes suffice; constructing objects from them takes twice as long.
    registry: Any = yaml.compose(path.read_text(encoding="utf-8"), Loader=_SafeLoader)
    return {
        key.value: field_value.value
        for key, entry in registry.value
        for field, field_value in entry.value
        if field.value == "name"
    }


# Ten times as fast, if PyYAML was built with libyaml.
_SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
