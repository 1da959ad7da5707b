"""Scatter charts of a device: accuracy against speed, memory against size."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise

import altair as alt

from dnnbench.core.formatting import is_wide, significant, text_width
from dnnbench.records import labels
from dnnbench.report.figures.cells import (
    fps_interval,
    fps_text,
    latency_text,
    memory_text,
    source_text,
    stability_text,
)
from dnnbench.report.figures.configurations import variants_of
from dnnbench.report.figures.identity import Identity, Row
from dnnbench.report.figures.scatter import (
    HEIGHT,
    POINT_RADIUS,
    WIDTH,
    Axis,
    color_channel,
    described,
    label_layers,
    linear_axis,
    log_axis,
    place_labels,
    stack,
    tooltips,
)
from dnnbench.report.figures.theme import BAND, LABEL_SIZE
from dnnbench.report.figures.variant_marks import (
    DISTURBED,
    channels,
    connecting_lines,
    described_variant,
    loss_marks,
    split,
    with_variant,
)

REAL_TIME = ((15, "half real-time"), (30, "real-time"), (60, "super real-time"))

_USUAL, _PREDICTED = "not disturbed", "predicted"
_SHAPES = {_USUAL: "circle", DISTURBED: "diamond", _PREDICTED: "circle"}
_SHAPE_SIZE = (2 * POINT_RADIUS) ** 2
_SPEED_TIPS = {
    "Network": "name",
    "Throughput": "fps_text",
    "Latency": "latency_text",
    "Top-1": "top1_text",
    "Memory": "memory_text",
    "Stability": "stability_text",
    "Source": "source_text",
}
_MEMORY_TIPS = {
    "Network": "name",
    "Memory": "memory_text",
    "Model size": "weights_text",
    "Latency": "latency_text",
    "Top-1": "top1_text",
    "Source": "source_text",
}


def speed_chart(
    device_rows: Sequence[Row], identity: Identity, others: Sequence[Row] = ()
) -> alt.LayerChart:
    """Draw top-1 accuracy against throughput, with real-time bands.

    The axis of accuracy includes the rows of ``others``, so that devices share it.

    Bars are confidence intervals, unless unknown or very uncertain; the stepped line is the Pareto
    front. Networks without a latency or an accuracy are omitted here but listed in the latency
    table. Predicted networks are hollow and excluded from the front. If there are several variants,
    each one is a point, and a line joins those of a network.
    """
    variants = variants_of(device_rows)
    several = len(variants) > 1
    points = [
        {
            **_point(row, identity),
            **(described_variant(row, disturbed=_state(row) == DISTURBED) if several else {}),
            "fps": _plotted(row["fps"]),
            **_whisker(row),
            "fps_text": fps_text(row),
        }
        for row in device_rows
        if row["batch_size"] == 1 and row["fps"] is not None and row["top1"] is not None
    ]
    speeds = [p[key] for p in points for key in ("low", "fps", "high") if p[key] is not None]
    x = log_axis("fps", "Throughput at batch size 1 (images/s)", [*speeds, 15, 60], WIDTH, pad=50)
    shared = [row for row in others if row["variant"] in variants]
    known = [row["top1"] for row in (*device_rows, *shared) if row["top1"] is not None]
    y = linear_axis("top1", "Top-1 accuracy (%)", known or [1.0], HEIGHT, pad=24, upwards=True)
    best = _front(points)
    named, nameless = split(points, _merit(best)) if several else (points, [])
    points = [*nameless, *named]
    front = _front_line(best, x, y)
    steps = [(*a, *b) for a, b in pairwise(front)]
    whiskers = [p for p in points if p["low"] is not None]
    spans = [(p["low"], p["top1"], p["high"], p["top1"]) for p in whiskers]
    placed = place_labels(named, x, y, lines=[*steps, *spans], nameless=nameless)
    leaders, names = label_layers(named, placed, x, y)
    base = alt.Chart(alt.InlineData(values=points)).encode(y.channel("y"), color=color_channel())
    bars = base.transform_filter("isValid(datum.low)").mark_rule(
        strokeWidth=1.5, opacity=0.8, aria=False
    )
    vertices = [{"fps": a, "top1": b, "order": i} for i, (a, b) in enumerate(front)]
    front_layer = (
        alt.Chart(alt.InlineData(values=vertices))
        .mark_line(style="front", aria=False)
        .encode(x.channel("x"), y.channel("y"), order=alt.Order("order", type="quantitative"))
    )
    tips = with_variant(_SPEED_TIPS) if several else _SPEED_TIPS
    marks = base.encode(
        x.channel("x"),
        fill=alt.Fill("color", type="nominal", scale=None),
        fillOpacity=alt.FillOpacity("solid", type="quantitative", scale=None),
        tooltip=tooltips(tips),
        **(channels(variants) if several else {"shape": _state_shape()}),
    ).mark_point(size=_SHAPE_SIZE, opacity=1, strokeWidth=1.6, description=described(tips))
    states = {point["state"] for point in points}
    return stack(
        *_bands(x),
        front_layer,
        *([connecting_lines(points, x, y, along=x)] if several else []),
        leaders,
        bars.encode(x.channel("x", "low"), x2="high"),
        marks,
        *([loss_marks(points, x, y, dy=10)] if several else []),
        names,
        *_key([state for state in (DISTURBED, _PREDICTED) if state in states]),
        width=WIDTH,
        height=HEIGHT,
    )


def _merit(front: Sequence[tuple[float, float]]) -> Callable[[Row], tuple[float, ...]]:
    """Return the merit of a configuration: on the front, or else fast without losing accuracy."""

    def merit(point: Row) -> tuple[float, ...]:
        on_front = (point["fps"], point["top1"]) in front
        return on_front, point["keeps"], point["state"] != _PREDICTED, point["fps"]

    return merit


def _state_shape() -> alt.Shape:
    """Return the encoding of the state as a shape, in a chart of a single variant."""
    scale = alt.Scale(domain=list(_SHAPES), range=list(_SHAPES.values()))
    return alt.Shape("state", type="nominal", scale=scale, legend=None)


def _whisker(row: Row) -> dict[str, float | None]:
    """Return the ends of a latency's interval, in images per second, if it is worth a bar."""
    low, high = fps_interval(row)
    if low is None or high is None or is_wide(low, high):
        return {"low": None, "high": None}
    return {"low": _plotted(low), "high": _plotted(high)}


def memory_chart(
    device_rows: Sequence[Row], weights_mib: Mapping[str, float], identity: Identity
) -> alt.LayerChart:
    """Draw memory at batch size 1 against the size of the weights.

    The dashed line marks the size of the weights alone. ``weights_mib``: model -> MiB of parameters
    and buffers. If there are several variants, each one is a point, and a line joins those of a
    network.
    """
    variants = variants_of(device_rows)
    several = len(variants) > 1
    points = [
        {
            **_point(row, identity),
            **(described_variant(row) if several else {}),
            "weights": _plotted(weights_mib[row["model"]]),
            "memory": _plotted(row["memory_mib"]),
            "weights_text": f"{significant(weights_mib[row['model']], 4)} MiB",
        }
        for row in device_rows
        if row["batch_size"] == 1 and row["memory_mib"] is not None and row["model"] in weights_mib
    ]
    x = _size_axis("weights", "Model size: weights and buffers (MiB)", points, WIDTH)
    y = _size_axis("memory", "Memory at batch size 1 (MiB)", points, HEIGHT, upwards=True)
    low, high = max(x.low, y.low, 0.0), min(x.high, y.high)
    floor = [{"weights": end, "memory": end} for end in (low, high)] if low < high else []
    lines = [(low, low, high, high)] if floor else []
    named, nameless = split(points, _frugality) if several else (points, [])
    placed = place_labels(named, x, y, lines=lines, nameless=nameless)
    leaders, names = label_layers(named, placed, x, y)
    points = [*nameless, *named]
    floor_layer = (
        alt.Chart(alt.InlineData(values=floor))
        .mark_line(style="front", aria=False)
        .encode(x.channel("x"), y.channel("y"))
    )
    tips = with_variant(_MEMORY_TIPS) if several else _MEMORY_TIPS
    marks = (
        alt.Chart(alt.InlineData(values=points))
        .mark_point(filled=True, size=_SHAPE_SIZE, opacity=1, description=described(tips))
        .encode(
            x.channel("x"),
            y.channel("y"),
            color=color_channel(),
            tooltip=tooltips(tips),
            **(channels(variants) if several else {}),
        )
    )
    return stack(
        floor_layer,
        *([connecting_lines(points, x, y, along=y)] if several else []),
        leaders,
        marks,
        *([loss_marks(points, x, y, dx=9)] if several else []),
        names,
        width=WIDTH,
        height=HEIGHT,
    )


def _frugality(point: Row) -> tuple[float, ...]:
    """Return the merit of a configuration in memory: little of it without losing accuracy."""
    return point["keeps"], -point["memory"]


def pareto_front(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the Pareto front of (x, y) points, by x; larger is better in both.

    No other point beats one of these in a coordinate without being worse in the other.
    """
    front: list[tuple[float, float]] = []
    for point in sorted(set(points), reverse=True):
        if not front or point[1] > front[-1][1]:
            front.append(point)
    return front[::-1]


def _point(row: Row, identity: Identity) -> Row:
    source = row["accuracy_source"]
    origin = f" ({labels.accuracy_source(source)})" if source else ""
    state = _state(row)
    return {
        **identity.of(row["model"]),
        "top1": row["top1"],
        "state": state,
        "solid": 1 if state == _USUAL else 0,
        "top1_text": "unknown" if row["top1"] is None else f"{row['top1']:.2f}%{origin}",
        "latency_text": latency_text(row),
        "memory_text": memory_text(row),
        "stability_text": stability_text(row),
        "source_text": source_text(row),
    }


def _state(row: Row) -> str:
    if row["source"] == "predicted":
        return _PREDICTED
    return DISTURBED if row["stability"] == "disturbed" else _USUAL


def _size_axis(
    field: str, title: str, points: Sequence[Row], length: int, *, upwards: bool = False
) -> Axis:
    """Return a logarithmic axis if memory spans more than a factor of ten.

    On a CPU, memory of the networks alone spans several orders of magnitude; on CUDA, the context
    lifts them all to the same order.
    """
    memory = [point["memory"] for point in points] or [1.0]
    values = [point[field] for point in points] or [1.0]
    axis = log_axis if max(memory) > 10 * min(memory) > 0 else linear_axis
    return axis(field, title, values, length, pad=56, upwards=upwards)


def _front(points: Sequence[Row]) -> list[tuple[float, float]]:
    """Return the Pareto front of throughput and accuracy, without predictions."""
    known = [point for point in points if point["state"] != _PREDICTED]
    return pareto_front([(point["fps"], point["top1"]) for point in known])


def _front_line(
    front: Sequence[tuple[float, float]], x: Axis, y: Axis
) -> list[tuple[float, float]]:
    """Return corners of the stepped line: the best accuracy at a speed or faster."""
    corners: list[tuple[float, float]] = []
    previous = x.low
    for fps, top1 in front:
        corners += [(previous, top1), (fps, top1)]
        previous = fps
    return [*corners, (previous, y.low)] if front else []


def _bands(x: Axis) -> list[alt.Chart]:
    """Draw the real-time bands, darker for faster ones, with names above the plot."""
    bands = []
    limits = [limit for limit, _ in REAL_TIME] + [x.high]
    for (low, name), high in zip(REAL_TIME, limits[1:], strict=True):
        if low < high:
            room = x.pixel(high) - x.pixel(low)
            names = (f"{name}, ≥ {low} images/s", f"≥ {low} images/s", "")
            fitting = next(text for text in names if 1.2 * text_width(text, LABEL_SIZE) < room)
            bands.append({"from": low, "to": high, "name": fitting})
    base = alt.Chart(alt.InlineData(values=bands))
    shades = [
        alt.Chart(alt.InlineData(values=[band]))
        .mark_rect(color=BAND, opacity=0.06 + 0.06 * i, aria=False)
        .encode(x.channel("x", "from"), x2="to")
        for i, band in enumerate(bands)
    ]
    captions = base.mark_text(
        style="muted",
        align="left",
        baseline="bottom",
        dx=2,
        description=alt.ExprRef("datum.name"),
    ).encode(x.channel("x", "from"), y=alt.value(-4), text=alt.Text("name", type="nominal"))
    return [*shades, captions]


def _key(states: Iterable[str]) -> list[alt.Chart]:
    """Explain hollow marks below the plot; a Vega legend would show them filled."""
    layers = []
    y = alt.value(HEIGHT + 34)
    left = 6.0
    for state in states:
        base = alt.Chart(alt.InlineData(values=[{"text": state}]))
        layers += [
            base.mark_point(
                shape=_SHAPES[state], size=_SHAPE_SIZE, filled=False, aria=False
            ).encode(x=alt.value(left), y=y),
            base.mark_text(style="muted", align="left").encode(
                x=alt.value(left + 10), y=y, text=alt.Text("text", type="nominal")
            ),
        ]
        left += 1.2 * text_width(state, LABEL_SIZE) + 30
    return layers


def _plotted(value: float | None) -> float | None:
    """Round to six significant digits, which are more than a pixel shows."""
    return None if value is None else float(f"{value:.6g}")
