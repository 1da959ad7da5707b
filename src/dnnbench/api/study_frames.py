"""Rows of a study as data frames, which a notebook shows with a chart."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd
from pydantic import BaseModel

if TYPE_CHECKING:
    import altair as alt

# Types of columns by JSON type. Numbers that may be missing are NaN, integers and texts NA.
_DTYPES = {"number": "float64", "integer": "Int64", "boolean": "boolean", "string": "string"}


@dataclass(frozen=True)
class Display:
    """Content of a notebook cell: a title, a table of texts, notes, and a chart."""

    title: str
    table: pd.DataFrame
    notes: Sequence[str]
    chart: Callable[[], alt.LayerChart]


class StudyFrame(pd.DataFrame):
    """Data frame that a notebook shows with a title, notes and a chart.

    Its selections, copies and other results of pandas are plain data frames.
    """

    _display: Display | None = None

    @property
    def chart(self) -> alt.LayerChart:
        """The chart, as an Altair chart with tooltips."""
        if self._display is None:
            raise ValueError("This frame has no chart. Ask the study for it again.")
        return self._display.chart()

    def _repr_html_(self) -> str:
        if self._display is None:  # As after unpickling: a pickle has only the data.
            return self.to_html(max_rows=10)
        from dnnbench.api import notebook_html

        return notebook_html.display(self._display)


def frame(row_type: type[BaseModel], rows: Iterable[BaseModel], display: Display) -> StudyFrame:
    """Return rows as a data frame with the columns of ``row_type``.

    The types of columns do not depend on the rows.
    """
    properties = row_type.model_json_schema(mode="serialization")["properties"]
    values = [row.model_dump() for row in rows]
    made = StudyFrame(
        {
            name: pd.Series([row[name] for row in values], dtype=_dtype(schema))
            for name, schema in properties.items()
        }
    )
    made._display = display
    return made


def _dtype(schema: dict[str, Any]) -> str:
    types = {part.get("type", "string") for part in schema.get("anyOf", [schema])} - {"null"}
    return _DTYPES["number" if "number" in types else types.pop()]
