"""Figures about the networks themselves, which do not depend on the device."""

import math
from collections.abc import Callable
from typing import Literal

import altair as alt
import pandas as pd

from dnnbench.core.formatting import significant, span
from dnnbench.records import labels
from dnnbench.report.figures import captions
from dnnbench.report.figures.identity import Identity, Row, rows
from dnnbench.report.figures.kind import Drawing
from dnnbench.report.figures.results import Results
from dnnbench.report.figures.scatter import (
    HEIGHT,
    POINT_RADIUS,
    WIDTH,
    color_channel,
    described,
    label_layers,
    linear_axis,
    log_axis,
    place_labels,
    stack,
    tooltips,
)

Measure = Literal["top1", "top5"]

_MEASURES = {"top1": "Top-1 accuracy (%)", "top5": "Top-5 accuracy (%)"}
_LEGEND_M = [1, 5, 10, 50, 75, 100, 150]
_LARGEST_RADIUS = 30.0
# Every network of the 2018 study does more than this share of its multiply-adds in convolutions.
_MOST = 0.9
_DENSITY_TITLE = "Accuracy density (% top-1 per million parameters)"
_TIPS = {
    "Network": "name",
    "Top-1": "top1_text",
    "Top-5": "top5_text",
    "Operations": "macs_text",
    "Parameters": "params_text",
    "Accuracy density": "density_text",
}


def bubbles(results: Results, measure: Measure) -> Drawing:
    """Draw the chart of accuracy against operations, with its caption."""
    sources = (row[f"{measure}_source"] for row in rows(results.models))
    caption = captions.bubbles(sources, beyond_convolutions=beyond_convolutions(results.models))
    return Drawing(
        bubble_chart(results.models, results.identity, measure),
        _with_missing(caption, results, measure),
    )


def density(results: Results, chart: Callable[[pd.DataFrame, Identity], alt.LayerChart]) -> Drawing:
    """Draw a chart of accuracy density, with its caption."""
    caption = captions.density(row["top1_source"] for row in rows(results.models))
    return Drawing(chart(results.models, results.identity), _with_missing(caption, results, "top1"))


def _with_missing(caption: str, results: Results, measure: Measure) -> str:
    """Append to the caption which networks the figure omits."""
    known = rows(results.models)
    missing = [results.identity.name(row["model"]) for row in known if row[measure] is None]
    return " ".join(filter(None, [caption, captions.without_accuracy(missing)]))


def bubble_chart(models: pd.DataFrame, identity: Identity, measure: Measure) -> alt.LayerChart:
    """Draw accuracy against operations; the area of a bubble shows the parameters.

    ``models``: rows of results/models.csv. Networks without this accuracy are omitted.
    """
    points = [point for point in _points(models, identity) if point[measure] is not None]
    # Draw large circles first so that small ones stay on top and can be hovered.
    points.sort(key=lambda point: -point["params_m"])
    largest = max([*_LEGEND_M, *(point["params_m"] for point in points)])
    radii = [_LARGEST_RADIUS * math.sqrt(point["params_m"] / largest) for point in points]
    counted = "" if beyond_convolutions(models) else " of convolutions"
    title = f"Operations{counted} (GMACs)"
    x = linear_axis("gmacs", title, _values(points, "gmacs"), WIDTH, pad=34)
    y = linear_axis(
        measure, _MEASURES[measure], _values(points, measure), HEIGHT, pad=34, upwards=True
    )
    placed = place_labels(points, x, y, radii=radii)
    leaders, names = label_layers(points, placed, x, y, radii=radii)
    # Vega's size of a circle is the square of its diameter.
    size = alt.Size(
        "params_m",
        type="quantitative",
        scale=alt.Scale(type="linear", domain=[0, largest], range=[0, (2 * _LARGEST_RADIUS) ** 2]),
        legend=alt.Legend(
            title="Parameters (millions)",
            values=_LEGEND_M,
            orient="bottom",
            direction="horizontal",
            symbolType="circle",
            columns=len(_LEGEND_M),
        ),
    )
    bubbles = (
        alt.Chart(alt.InlineData(values=points))
        .mark_point(
            filled=True,
            shape="circle",
            style="bubble",
            opacity=0.75,
            description=described(_TIPS),
        )
        .encode(
            x.channel("x"),
            y.channel("y"),
            size=size,
            color=color_channel(),
            tooltip=tooltips(_TIPS),
        )
    )
    return stack(bubbles, leaders, names, width=WIDTH, height=HEIGHT)


def density_bars(models: pd.DataFrame, identity: Identity) -> alt.LayerChart:
    """Draw accuracy density (top-1 per million parameters), one bar per network."""
    points = _dense(models, identity)
    points.sort(key=lambda point: (-point["density"], point["model"]))
    base = alt.Chart(alt.InlineData(values=points)).encode(
        x=alt.X("density", type="quantitative", title=_DENSITY_TITLE, axis=alt.Axis(tickCount=10)),
        y=alt.Y("name", type="nominal", sort=None, title=None, axis=_name_axis()),
    )
    bars = base.mark_bar(cornerRadiusEnd=2, description=described(_TIPS)).encode(
        color=color_channel(), tooltip=tooltips(_TIPS)
    )
    values = base.mark_text(style="muted", align="left", dx=4, aria=False).encode(
        text=alt.Text("density_number", type="nominal")
    )
    return stack(bars, values, width=WIDTH - 140, height=alt.Step(17))


def density_scatter(models: pd.DataFrame, identity: Identity) -> alt.LayerChart:
    """Draw top-1 accuracy against accuracy density."""
    points = _dense(models, identity)
    x = log_axis("density", _DENSITY_TITLE, _values(points, "density"), WIDTH, pad=60)
    y = linear_axis(
        "top1", _MEASURES["top1"], _values(points, "top1"), HEIGHT, pad=24, upwards=True
    )
    leaders, names = label_layers(points, place_labels(points, x, y), x, y)
    marks = (
        alt.Chart(alt.InlineData(values=points))
        .mark_point(
            filled=True, size=(2 * POINT_RADIUS) ** 2, opacity=1, description=described(_TIPS)
        )
        .encode(x.channel("x"), y.channel("y"), color=color_channel(), tooltip=tooltips(_TIPS))
    )
    return stack(leaders, marks, names, width=WIDTH, height=HEIGHT)


def beyond_convolutions(models: pd.DataFrame) -> bool:
    """Return whether a network does over 10% of multiply-adds outside convolutions.

    No network of 2018 does, so the study could plot convolutions only. In a transformer,
    convolutions are almost nothing.
    """
    counted = models[models["complexity_status"] == "ok"]
    return bool((counted["conv_macs"] < _MOST * counted["macs"]).any())


def _points(models: pd.DataFrame, identity: Identity) -> list[Row]:
    """Return one point per counted network: plotted numbers and tooltip texts."""
    models = models[models["complexity_status"] == "ok"]
    points = []
    counted = "macs" if beyond_convolutions(models) else "conv_macs"
    for row in rows(models):
        params_m = row["params_executed"] / 1e6
        density = row["top1"] / params_m if row["top1"] is not None and params_m else None
        points.append(
            {
                **identity.of(row["model"]),
                "gmacs": round(row[counted] / 1e9, 4),
                "params_m": round(params_m, 4),
                "top1": row["top1"],
                "top5": row["top5"],
                "density": None if density is None else round(density, 4),
                "top1_text": accuracy_text(row, "top1"),
                "top5_text": accuracy_text(row, "top5"),
                "macs_text": f"{significant(row['conv_macs'] / 1e9, 4)} GMACs in convolutions, "
                f"{significant(row['macs'] / 1e9, 4)} in total{_without(row)}",
                "params_text": f"{significant(params_m, 4)} M",
                "density_number": "" if density is None else significant(density),
                "density_text": "" if density is None else f"{significant(density)}% per million",
            }
        )
    return points


def _without(row: Row) -> str:
    """Return a note on operators that the multiply-adds do not include."""
    operators = row["uncounted_operators"]
    return f", excluding {operators}" if operators else ""


def accuracy_text(row: Row, measure: Measure) -> str:
    """Return an accuracy with its interval and source, for a tooltip."""
    if row[measure] is None:
        return "unknown"
    interval = span(row[f"{measure}_low"], row[f"{measure}_high"])
    source = row[f"{measure}_source"]
    notes = filter(None, [interval, labels.accuracy_source(source) if source else ""])
    inside = ", ".join(notes)
    return f"{row[measure]:.2f}%" + (f" ({inside})" if inside else "")


def _dense(models: pd.DataFrame, identity: Identity) -> list[Row]:
    return [point for point in _points(models, identity) if point["density"] is not None]


def _values(points: list[Row], field: str) -> list[float]:
    """Return the values that an axis must span; an empty study still gets an axis."""
    return [point[field] for point in points] or [1.0]


def _name_axis() -> alt.Axis:
    return alt.Axis(labelLimit=220, ticks=False, domain=False, labelPadding=6)
