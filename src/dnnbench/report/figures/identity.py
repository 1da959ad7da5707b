"""Identity of a network in every figure: its key, printed name and color."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pandas as pd

from dnnbench.report.figures.colors import network_colors, unknown_color

Row = dict[str, Any]


class Identity:
    """Names and colors of networks.

    A network missing in the registry is named by its key.
    """

    def __init__(self, names: Mapping[str, str], families: Mapping[str, str]) -> None:
        counts = Counter(names.values())
        # Charts order rows by printed name, so names must be unique.
        self._names = {
            model: name if counts[name] == 1 else f"{name} ({model})"
            for model, name in names.items()
        }
        self._colors = network_colors(families)

    def name(self, model: str) -> str:
        """Return the network's name as printed in the paper."""
        return self._names.get(model, model)

    def color(self, model: str) -> str:
        """Return the network's color, ``#rrggbb``."""
        return self._colors.get(model) or unknown_color(model)

    def of(self, model: str) -> Row:
        """Return the columns that identify a network in a chart's data."""
        return {"model": model, "name": self.name(model), "color": self.color(model)}


def rows(frame: pd.DataFrame) -> list[Row]:
    """Return a data frame's records as dictionaries, with None for missing values."""
    return [
        {str(key): None if pd.isna(value) else value for key, value in row.items()}
        for row in frame.to_dict("records")
    ]
