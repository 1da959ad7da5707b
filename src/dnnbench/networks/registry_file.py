"""The registry as a YAML file, before its entries are checked.

A shell that completes a network's name reads it here, without waiting for pydantic.
"""

from pathlib import Path
from typing import Any

import yaml

from dnnbench.records import paths

# The repository's own registry: there in a checkout and in an editable installation of it.
DEFAULT_REGISTRY = Path(__file__).resolve().parents[3] / paths.REGISTRY


def parse(text: str) -> Any:
    """Return the content of a registry. Raises YAMLError, also for a key that is given twice."""
    return yaml.load(text, Loader=_Loader)


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


class _Loader(_SafeLoader):  # type: ignore[misc]
    """Safe loader that refuses a key given twice, which plain YAML answers with the last value."""


def _unique_mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    mapping: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if key in mapping:
            raise yaml.constructor.ConstructorError(
                None, None, f"key {key!r} is given twice", key_node.start_mark
            )
        mapping[key] = loader.construct_object(value_node, deep=True)
    return mapping


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _unique_mapping)
