"""Building blocks of scatter charts with labeled points.

Label positions are computed in pixels (:mod:`dnnbench.report.figures.label_placement`) and stored
in the chart as data, so that every renderer draws the same image.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import altair as alt

from dnnbench.core.formatting import text_width
from dnnbench.report.figures.identity import Row
from dnnbench.report.figures.label_placement import Label, Point, place
from dnnbench.report.figures.theme import LABEL_SIZE

# Plot size in pixels without axes: as wide as the page's column; it scrolls on a phone.
WIDTH, HEIGHT = 940, 600
POINT_RADIUS = 4.5
_LABEL_HEIGHT = LABEL_SIZE + 1.0
# A browser without any of the requested fonts may draw wider letters.
_SPARE_WIDTH = 1.12
# A leader into a circle of at least this radius ends in a dot, which would hide smaller circles.
_DOTTED_RADIUS = 7.0


@dataclass(frozen=True)
class Axis:
    """A scale from data to pixels, identical in Python and in the chart."""

    field: str
    title: str
    low: float
    high: float
    length: int
    ticks: tuple[float, ...]
    upwards: bool = False
    log: bool = False

    def pixel(self, value: float) -> float:
        """Return the position of a value in pixels from the left, or from the top."""
        share = (self._bend(value) - self._bend(self.low)) / self._range
        return (1 - share if self.upwards else share) * self.length

    def value(self, pixel: float) -> float:
        """Return the value at a pixel, precise to a twentieth of a pixel."""
        share = 1 - pixel / self.length if self.upwards else pixel / self.length
        bent = self._bend(self.low) + share * self._range
        return _compact(math.exp(bent) if self.log else bent)

    def channel(self, kind: Literal["x", "y"], field: str | None = None) -> Any:
        """Return the chart's encoding of a field (default: the axis's own) on this scale."""
        scale = alt.Scale(
            type="log" if self.log else "linear", domain=[self.low, self.high], nice=False
        )
        axis = alt.Axis(title=self.title, format=",~r", values=list(self.ticks))
        channel = alt.X if kind == "x" else alt.Y
        return channel(field or self.field, type="quantitative", scale=scale, axis=axis)

    def _bend(self, value: float) -> float:
        return math.log(value) if self.log else value

    @property
    def _range(self) -> float:
        return self._bend(self.high) - self._bend(self.low)


def linear_axis(
    field: str,
    title: str,
    values: Sequence[float],
    length: int,
    *,
    pad: float,
    upwards: bool = False,
) -> Axis:
    """Return a linear axis around ``values`` with ``pad`` spare pixels at both ends.

    The axis may start below 0 so that circles are not cut off, but its ticks do not.
    """
    low, high = min(values), max(values)
    spare = (high - low or abs(high) or 1.0) * pad / (length - 2 * pad)
    start, end = _compact(low - spare), _compact(high + spare)
    rough = (end - start) / (length / 40)
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * digit for digit in (1, 2, 5, 10) if unit * digit >= rough)
    first, last = math.ceil(start / step), math.floor(end / step)
    ticks = tuple(_compact(step * i) for i in range(first, last + 1) if i >= 0 or low < 0)
    return Axis(field, title, start, end, length, ticks, upwards)


def log_axis(
    field: str,
    title: str,
    values: Sequence[float],
    length: int,
    *,
    pad: float,
    upwards: bool = False,
) -> Axis:
    """Return a logarithmic axis around positive ``values``, ticks at 1, 2, 5 x 10^n."""
    low, high = math.log(min(values)), math.log(max(values))
    spare = (high - low or 1.0) * pad / (length - 2 * pad)
    start, end = _compact(math.exp(low - spare)), _compact(math.exp(high + spare))
    decades = range(math.floor(math.log10(start)), math.ceil(math.log10(end)) + 1)
    ticks = (float(f"{digit}e{decade}") for decade in decades for digit in (1, 2, 5))
    inside = tuple(tick for tick in ticks if start <= tick <= end)
    return Axis(field, f"{title}, log scale", start, end, length, inside, upwards, log=True)


def place_labels(
    points: Sequence[Row],
    x: Axis,
    y: Axis,
    *,
    radii: Sequence[float] | None = None,
    lines: Sequence[tuple[float, float, float, float]] = (),
    nameless: Sequence[Row] = (),
) -> list[Label | None]:
    """Place the points' names, in pixels.

    Avoid ``lines``, in data units, and the marks of ``nameless`` points.
    """
    discs = [
        Point(
            x=x.pixel(point[x.field]),
            y=y.pixel(point[y.field]),
            radius=radius,
            width=_SPARE_WIDTH * text_width(point["name"], LABEL_SIZE),
            height=_LABEL_HEIGHT,
        )
        for point, radius in zip(points, radii or [POINT_RADIUS] * len(points), strict=True)
    ]
    strokes = [(x.pixel(a), y.pixel(b), x.pixel(c), y.pixel(d)) for a, b, c, d in lines]
    others = [
        (x.pixel(point[x.field]), y.pixel(point[y.field]), POINT_RADIUS) for point in nameless
    ]
    return place(discs, x.length, y.length, strokes, others)


def label_layers(
    points: Sequence[Row],
    labels: Sequence[Label | None],
    x: Axis,
    y: Axis,
    *,
    radii: Sequence[float] | None = None,
) -> tuple[alt.LayerChart, alt.LayerChart]:
    """Return a layer of leader lines and a layer of names.

    With ``radii``, leaders into circles end in a dot to show which circle is meant.
    """
    names: list[Row] = []
    leaders: list[Row] = []
    dots: list[Row] = []
    for point, label, radius in zip(points, labels, radii or [0.0] * len(points), strict=True):
        if label is None:
            continue
        names.append(
            {
                "model": point["model"],
                "name": point["name"],
                "x": x.value(label.x),
                "y": y.value(label.y),
            }
        )
        if label.leader:
            x1, y1, x2, y2 = label.leader
            leaders.append(
                {
                    "model": point["model"],
                    "x": x.value(x1),
                    "y": y.value(y1),
                    "x2": x.value(x2),
                    "y2": y.value(y2),
                }
            )
            if radius >= _DOTTED_RADIUS:
                dots.append({"x": x.value(x1), "y": y.value(y1)})

    def at(data: list[Row]) -> alt.Chart:
        return alt.Chart(alt.InlineData(values=data)).encode(
            x.channel("x", "x"), y.channel("y", "y")
        )

    base = at(names).encode(text=alt.Text("name", type="nominal"))
    text = alt.LayerChart(
        layer=[
            base.mark_text(
                style="halo", strokeWidth=3, strokeJoin="round", opacity=0.8, aria=False
            ),
            base.mark_text(style="label", aria=False),
        ],
    )
    ties = alt.LayerChart(
        layer=[
            at(leaders).mark_rule(style="leader", aria=False).encode(x2="x2", y2="y2"),
            at(dots).mark_point(filled=True, size=9, opacity=1, aria=False),
        ]
    )
    return ties, text


def stack(*layers: alt.Chart | alt.LayerChart, width: Any, height: Any) -> alt.LayerChart:
    """Stack layers, first at the bottom; sizes are pixels or a step per row."""
    return alt.LayerChart(layer=list(layers), width=width, height=height)


def color_channel() -> alt.Color:
    """Return the color encoding; rows carry their color, the same in every chart."""
    return alt.Color("color", type="nominal", scale=None)


def tooltips(fields: Mapping[str, str]) -> list[alt.Tooltip]:
    """Return tooltips for text fields, given title -> field."""
    return [alt.Tooltip(field, type="nominal", title=title) for title, field in fields.items()]


def described(fields: Mapping[str, str]) -> alt.ExprRef:
    """Return a mark's text for screen readers, given title -> text field.

    Without it, Vega-Lite would read out the names and values of all encoded fields.
    """
    parts = (
        f"{json.dumps(f'{title}: ')} + datum[{json.dumps(field)}]"
        for title, field in fields.items()
    )
    return alt.ExprRef(" + ', ' + ".join(parts))


def _compact(value: float) -> float:
    """Round to seven significant digits: finer than a pixel, and half the bytes."""
    return float(f"{value:.7g}")
