"""The explorer's chart: accuracy against a quantity that the user can limit.

The specification has no data. The page fills the data sets ``points``, ``front``, ``limits`` and
``names`` and sets the parameters ``x_low``, ``x_high``, ``y_low`` and ``y_high`` (the ends of the
axes). It refills them whenever a limit changes.
"""

from typing import Any, Literal

import altair as alt

from dnnbench.queries.limits import known_limits
from dnnbench.report.figures.explorer_facts import facts
from dnnbench.report.figures.highlight import FADED, HIDDEN, PARAMETER
from dnnbench.report.figures.scatter import POINT_RADIUS, described
from dnnbench.report.figures.theme import CSS, LABEL_SIZE

HEIGHT = 400
# Height of a line of a name; also templates/plotting.js.
_LINE = 12
# Vega does not draw ticks beyond the ends of an axis.
_TICKS = [float(f"{digit}e{decade}") for decade in range(-4, 7) for digit in (1, 2, 5)]
_ENDS = ("x_low", "x_high", "y_low", "y_high")
# The axis shown initially.
_FIRST = "min_fps"


def axes() -> dict[str, str]:
    """Return the axes to draw accuracy against: limit name -> title."""
    limits = sorted(known_limits().values(), key=lambda limit: limit.name != _FIRST)
    return {limit.name: limit.axis for limit in limits if limit.axis}


def explorer_chart(axis: str) -> dict[str, Any]:
    """Return the Vega-Lite specification, with top-1 accuracy over ``axis``.

    Fields of the data sets: ``points``, one per configuration: model, variant, color, x, x_low,
    x_high (both null without an interval), y, fits, disturbed (boolean), and one text per tooltip
    field; ``front``: x, y, order; ``limits``: x or y, end (of the excluded range) and text;
    ``names``: model, text (of one or two lines), best (boolean), x, y (of the first line), right
    (whether the text ends there), and for a distant name also point_x and point_y.
    """
    shown = {fact.title: fact.key for fact in facts() if not fact.detail}
    tips = {"Network": "name", "Variant": "variant", "Fits": "fits_text"} | shown
    across = alt.Axis(title=f"{axes()[axis]}, log scale", format=",~r", values=_TICKS)

    def at(field: str) -> alt.X:
        return alt.X(field, type="quantitative", scale=_scale("x", "log"), axis=across)

    x = at("x")
    y = alt.Y(
        "y",
        type="quantitative",
        scale=_scale("y", "linear"),
        axis=alt.Axis(title="Top-1 accuracy (%)", tickCount=8),
    )
    points = alt.Chart(alt.NamedData("points")).encode(y)
    # Configurations that do not fit are gray, unless the user highlighted them.
    outside = f"datum.fits == 'no' && indexof({PARAMETER}, datum.model) < 0"
    color: dict[str, Any] = {
        "condition": {"test": outside, "value": CSS["muted"]},
        "field": "color",
        "type": "nominal",
        "scale": None,
    }
    opacity = alt.OpacityValue(condition=[FADED, {"test": outside, "value": 0.3}], value=1)
    marks = points.encode(
        x,
        color=alt.Color.from_dict(color),
        fill=alt.Fill.from_dict(color),
        opacity=opacity,
        # As in the other figures, a disturbed measurement is hollow.
        fillOpacity=alt.FillOpacityValue(
            condition={"test": "datum.disturbed", "value": 0}, value=1
        ),
        shape=alt.Shape(
            "disturbed",
            type="nominal",
            scale=alt.Scale(domain=[False, True], range=["circle", "diamond"]),
            legend=None,
        ),
        tooltip=[alt.Tooltip(field, type="nominal", title=title) for title, field in tips.items()],
    ).mark_point(
        size=(2 * POINT_RADIUS) ** 2 * 1.3,
        strokeWidth=1.8,
        cursor="pointer",
        description=described(tips),
    )
    rings = (
        points.transform_filter("datum.fits == 'cannot_tell'")
        .mark_point(size=(4 * POINT_RADIUS) ** 2, filled=False, **_RING)
        .encode(x, opacity=opacity)
    )
    whiskers = (
        points.transform_filter("isValid(datum.x_low)")
        .mark_rule(strokeWidth=1.4, clip=True, aria=False)
        .encode(at("x_low"), x2="x_high", opacity=opacity, color=alt.Color.from_dict(color))
    )
    joined = points.mark_line(strokeWidth=1, clip=True, aria=False).encode(
        x,
        detail=alt.Detail("model", type="nominal"),
        color=alt.Color("color", type="nominal", scale=None),
        opacity=alt.OpacityValue(condition=_LINES, value=0.25),
    )
    front = (
        alt.Chart(alt.NamedData("front"))
        .mark_line(style="front", clip=True, aria=False)
        .encode(x, y, order=alt.Order("order", type="quantitative"))
    )
    names = alt.Chart(alt.NamedData("names")).encode(x, y)
    layers = [
        *_limits(x, y),
        joined,
        front,
        whiskers,
        rings,
        marks,
        *_names(names),
        *_limit_texts(x, y),
    ]
    chart = alt.LayerChart(layer=layers, width="container", height=HEIGHT)
    spec: dict[str, Any] = chart.to_dict()
    spec.pop("config", None)
    params = [{"name": name, "value": 1 + at} for at, name in enumerate(_ENDS)]
    return {
        **spec,
        "params": [*params, {"name": PARAMETER, "value": []}],
        "autosize": {"type": "fit-x", "contains": "padding"},
        "description": f"Top-1 accuracy against {axes()[axis]}; the table below lists the numbers.",
    }


# The lines of highlighted networks, and of others.
_LINES = [
    {"test": f"indexof({PARAMETER}, datum.model) >= 0", "value": 0.8},
    {"test": f"length({PARAMETER}) > 0", "value": 0},
]
# A configuration for which a limit is inconclusive has a dashed ring, like the word on the page.
_RING: dict[str, Any] = {
    "color": "var(--doubt)",
    "strokeWidth": 1.4,
    "strokeDash": [3, 2],
    "aria": False,
}
_LIMIT: dict[str, Any] = {
    "color": "var(--accent)",
    "clip": True,
    "aria": False,
}


def _limits(x: alt.X, y: alt.Y) -> list[alt.Chart]:
    """Shade the excluded range of each limit, and draw a line at the limit."""
    layers = []
    for name, channel in (("x", x), ("y", y)):
        own = alt.Chart(alt.NamedData("limits")).transform_filter(f"isValid(datum.{name})")
        end = {f"{name}2": "end"}
        layers += [
            own.mark_rect(opacity=0.07, **_LIMIT).encode(channel, **end),
            own.mark_rule(strokeWidth=1.5, **_LIMIT).encode(channel),
        ]
    return layers


def _limit_texts(x: alt.X, y: alt.Y) -> list[alt.Chart]:
    """Write each limit at the end of its line, on the side of the networks that meet it."""
    layers = []
    places: dict[str, dict[str, Any]] = {
        "x": {"align": alt.ExprRef("datum.end < datum.x ? 'left' : 'right'"), "y": 10}
        | {"dx": alt.ExprRef("datum.end < datum.x ? 6 : -6")},
        "y": {"align": "right", "x": "width", "dx": -16, "dy": -7},
    }
    for name, channel in (("x", x), ("y", y)):
        own = alt.Chart(alt.NamedData("limits")).transform_filter(f"isValid(datum.{name})")
        texts = own.encode(channel, text=alt.Text("text", type="nominal"))
        place = places[name]
        layers += [
            texts.mark_text(style="halo", strokeWidth=4, aria=False, fontWeight="bold", **place),
            texts.mark_text(
                color="var(--accent)", fontSize=LABEL_SIZE, fontWeight="bold", aria=False, **place
            ),
        ]
    return layers


def _scale(kind: str, form: Literal["log", "linear"]) -> alt.Scale:
    ends = [alt.ExprRef(f"{kind}_low"), alt.ExprRef(f"{kind}_high")]
    return alt.Scale(type=form, nice=False, domain=ends)


def _names(names: alt.Chart) -> list[alt.Chart]:
    """Draw names, each on a halo, and a line from a distant name to its point."""
    text = names.encode(text=alt.Text("text", type="nominal"))
    place: dict[str, Any] = {
        "align": alt.ExprRef("datum.right ? 'right' : 'left'"),
        "lineBreak": "\n",
        "lineHeight": _LINE,
        "fontWeight": alt.ExprRef("datum.best ? 'bold' : 'normal'"),
        "aria": False,
    }
    hidden = alt.OpacityValue(condition=HIDDEN, value=1)
    halo = alt.OpacityValue(condition=HIDDEN, value=0.8)
    return [
        names.transform_filter("isValid(datum.point_x)")
        .mark_rule(style="leader", aria=False)
        .encode(x2="point_x", y2="point_y", opacity=hidden),
        text.mark_text(style="halo", strokeWidth=3, strokeJoin="round", **place).encode(
            opacity=halo
        ),
        text.mark_text(style="label", cursor="pointer", **place).encode(opacity=hidden),
    ]
