"""Highlighting: selected networks stand out in every chart, others fade and lose their names.

The page sets the parameter ``highlighted`` of its charts to a list of model keys. Saved figures do
not have this parameter.
"""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

PARAMETER = "highlighted"
FADED = {
    "test": f"length({PARAMETER}) && indexof({PARAMETER}, datum.model) < 0",
    "value": 0.12,
}
# A faded name would have too little contrast to be read.
HIDDEN = {**FADED, "value": 0}


def highlightable(specification: Mapping[str, Any]) -> dict[str, Any]:
    """Return a specification whose marks fade unless their ``model`` is highlighted."""
    spec = deepcopy(dict(specification))
    _fade(spec, spec.get("datasets", {}), spec.get("data"))
    spec["params"] = [*spec.get("params", []), {"name": PARAMETER, "value": []}]
    return spec


def _fade(spec: dict[str, Any], datasets: Mapping[str, Any], inherited: Any) -> None:
    """Make marks fade, in all layers; a layer without data inherits its parent's."""
    data = spec.get("data", inherited)
    for layer in spec.get("layer", ()):
        _fade(layer, datasets, data)
    if "mark" not in spec or not _has_model(data, datasets):
        return
    mark = spec["mark"] = {"type": spec["mark"]} if isinstance(spec["mark"], str) else spec["mark"]
    away = HIDDEN if mark["type"] == "text" else FADED
    opacity = {"condition": away, "value": mark.get("opacity", 1)}
    spec["encoding"] = {**spec.get("encoding", {}), "opacity": opacity}
    mark["cursor"] = "pointer"


def _has_model(data: Any, datasets: Mapping[str, Any]) -> bool:
    if not data:
        return False
    values = data.get("values") or datasets.get(data.get("name")) or []
    return any("model" in row for row in values)
