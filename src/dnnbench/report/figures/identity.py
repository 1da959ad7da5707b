"""Who is who: the key, the printed name and the colour of a network, the same in every figure."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pandas as pd

from dnnbench.report.figures.colours import network_colours, unknown_colour

Row = dict[str, Any]


class Identity:
    """Names and colours of networks; one that the registry does not know goes by its key."""

    def __init__(self, names: Mapping[str, str], families: Mapping[str, str]) -> None:
        counts = Counter(names.values())
        # Charts order rows by printed name, so two networks may not share one.
        self._names = {
            model: name if counts[name] == 1 else f"{name} ({model})"
            for model, name in names.items()
        }
        self._colours = network_colours(families)

    def name(self, model: str) -> str:
        """The network's name as the paper spells it."""
        return self._names.get(model, model)

    def colour(self, model: str) -> str:
        """The network's colour, ``#rrggbb``."""
        return self._colours.get(model) or unknown_colour(model)

    def of(self, model: str) -> Row:
        """The columns that identify a network in a chart's data."""
        return {"model": model, "name": self.name(model), "colour": self.colour(model)}


def rows(frame: pd.DataFrame) -> list[Row]:
    """A data frame of records as dictionaries, with ``None`` for what is missing."""
    return [
        {str(key): None if pd.isna(value) else value for key, value in row.items()}
        for row in frame.to_dict("records")
    ]
