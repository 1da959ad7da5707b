"""Marks of scatter charts with several variants: a shape per variant, a line per network."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import altair as alt

from dnnbench.core.formatting import LOSS_MARK
from dnnbench.report.figures.configurations import keeps_accuracy, loses
from dnnbench.report.figures.identity import Row
from dnnbench.report.figures.scatter import POINT_RADIUS, Axis, color_channel

DISTURBED = "disturbed"

_SHAPES = (
    "circle",
    "square",
    "triangle-up",
    "triangle-down",
    "cross",
    "triangle-right",
    "triangle-left",
    # A star and a saltire.
    "M0,-1L.29,-.4L.95,-.31L.48,.15L.59,.81L0,.5L-.59,.81L-.48,.15L-.95,-.31L-.29,-.4Z",
    "M0,-.35L.55,-.9L.9,-.55L.35,0L.9,.55L.55,.9L0,.35L-.55,.9L-.9,.55L-.35,0L-.9,-.55L-.55,-.9Z",
)
# Variants beyond these shapes are alike.
_REST = "stroke"
# A diamond is a disturbed measurement, as in charts of a single variant.
_DISTURBED_SHAPE = "diamond"
_NAMED_SIZE = (2 * POINT_RADIUS) ** 2
_OTHER_SIZE = 40


def described_variant(row: Row, *, disturbed: bool = False) -> Row:
    """Return the fields that distinguish a point from those of the network's other variants."""
    return {
        "variant": row["variant"],
        "shape": DISTURBED if disturbed else row["variant"],
        "keeps": keeps_accuracy(row),
        "loses": loses(row),
    }


def with_variant(tips: Mapping[str, str]) -> dict[str, str]:
    """Return the fields of a tooltip with the variant after the network."""
    (network, *rest) = tips.items()
    return dict([network, ("Variant", "variant"), *rest])


def split(
    points: Sequence[Row], merit: Callable[[Row], tuple[float, ...]]
) -> tuple[list[Row], list[Row]]:
    """Return each network's point of the highest merit, and the others, which are smaller.

    The network's name goes to the first one.
    """
    best: dict[str, Row] = {}
    for point in points:
        rival = best.get(point["model"])
        if rival is None or merit(point) > merit(rival):
            best[point["model"]] = point
    named = [{**point, "size": _NAMED_SIZE} for point in best.values()]
    others = [
        {**point, "size": _OTHER_SIZE} for point in points if point is not best[point["model"]]
    ]
    return named, others


def channels(variants: Sequence[str]) -> dict[str, Any]:
    """Return the encodings of shape and size, with a key of the variants below the plot."""
    shapes = [*_SHAPES, *[_REST] * len(variants)][: len(variants)]
    shape = alt.Shape(
        "shape",
        type="nominal",
        scale=alt.Scale(domain=[*variants, DISTURBED], range=[*shapes, _DISTURBED_SHAPE]),
        legend=alt.Legend(
            title=None,
            values=list(variants),
            orient="bottom",
            direction="horizontal",
            columns=6,
            labelLimit=300,
        ),
    )
    return {"shape": shape, "size": alt.Size("size", type="quantitative", scale=None)}


def connecting_lines(points: Sequence[Row], x: Axis, y: Axis, along: Axis) -> alt.Chart:
    """Join the points of each network by a thin line, in the order of an axis."""
    lines: alt.Chart = (
        alt.Chart(alt.InlineData(values=list(points)))
        .mark_line(strokeWidth=1, opacity=0.45, aria=False)
        .encode(
            x.channel("x"),
            y.channel("y"),
            color=color_channel(),
            detail=alt.Detail("model", type="nominal"),
            order=alt.Order(along.field, type="quantitative"),
        )
    )
    return lines


def loss_marks(points: Sequence[Row], x: Axis, y: Axis, *, dx: int = 0, dy: int = 0) -> alt.Chart:
    """Mark the points whose accuracy is certainly lower by more than a point, as tables do.

    ``dx`` and ``dy``: position of the mark relative to the point, in pixels.
    """
    marks: alt.Chart = (
        alt.Chart(alt.InlineData(values=[point for point in points if point["loses"]]))
        .mark_text(style="label", text=LOSS_MARK, dx=dx, dy=dy, aria=False)
        .encode(x.channel("x"), y.channel("y"))
    )
    return marks
