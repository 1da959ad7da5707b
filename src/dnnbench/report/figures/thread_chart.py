"""Chart of a device: how much faster networks are with more threads.

The speed-up is the latency with the fewest threads divided by the latency with more. The efficiency
is the speed-up divided by its ideal, the ratio of the numbers of threads.
"""

from collections.abc import Sequence

import altair as alt

from dnnbench.core.formatting import several, significant
from dnnbench.report.figures.cells import latency_text, stability_text
from dnnbench.report.figures.identity import Identity, Row
from dnnbench.report.figures.scatter import (
    HEIGHT,
    POINT_RADIUS,
    WIDTH,
    Axis,
    color_channel,
    described,
    linear_axis,
    stack,
    tooltips,
)

_LABELS = 250  # Width of the column of names to the right of the lines, in pixels.
_LABEL_HEIGHT = 13.0
_GAP = 14  # Between the ends of the lines and the names; leaders cross it.
_TIPS = {
    "Network": "name",
    "Threads": "threads_text",
    "Speed-up": "speedup_text",
    "Efficiency": "efficiency_text",
    "Latency": "latency_text",
    "Stability": "stability_text",
}


def speedups(rows: Sequence[Row], identity: Identity) -> list[Row]:
    """Return a point per network and number of threads, by network and number.

    ``rows`` are rows of the study at batch size 1. Networks without a latency with the fewest
    threads are left out.
    """
    timed = [row for row in rows if row["latency_ms"] is not None and row["threads"] is not None]
    fewest = min((int(row["threads"]) for row in timed), default=1)
    base = {row["model"]: row["latency_ms"] for row in timed if row["threads"] == fewest}
    points = []
    for row in sorted(timed, key=lambda row: int(row["threads"])):
        if row["model"] in base:
            speedup = base[row["model"]] / row["latency_ms"]
            ideal = row["threads"] / fewest
            points.append(
                {
                    **identity.of(row["model"]),
                    "threads": int(row["threads"]),
                    "ideal": ideal,
                    "speedup": float(f"{speedup:.6g}"),
                    "threads_text": str(int(row["threads"])),
                    "speedup_text": f"{significant(speedup)} over {several(fewest, 'thread')}",
                    "efficiency_text": f"{speedup / ideal:.0%}",
                    "latency_text": latency_text(row),
                    "stability_text": stability_text(row),
                }
            )
    return points


def thread_chart(points: Sequence[Row]) -> alt.LayerChart:
    """Draw speed-up against threads, a line per network, with names and efficiencies.

    The dashed line is the ideal speed-up. Efficiencies are those with the most threads.
    """
    numbers = sorted({point["threads"] for point in points}) or [1]
    fewest, most = numbers[0], numbers[-1]
    ends = [point for point in points if point["threads"] == most]
    height = max(HEIGHT, round(_LABEL_HEIGHT * (len(ends) + 2)))
    x = _thread_axis(numbers)
    values = [*(point["speedup"] for point in points), 1.0, most / fewest]
    title = f"Speed-up over {several(fewest, 'thread')} at batch size 1"
    y = linear_axis("speedup", title, values, height, pad=24, upwards=True)
    line = alt.Chart(alt.InlineData(values=points)).encode(
        x.channel("x"), y.channel("y"), color=color_channel()
    )
    ideal = [{"threads": number, "speedup": number / fewest} for number in numbers]
    names = _names(ends, x, y)
    at_names = alt.Chart(alt.InlineData(values=names))
    text = at_names.encode(
        x.channel("x", "label_x"),
        y.channel("y", "label_y"),
        text=alt.Text("label", type="nominal"),
    )
    return stack(
        alt.Chart(alt.InlineData(values=ideal))
        .mark_line(style="front", aria=False)
        .encode(x.channel("x"), y.channel("y")),
        line.mark_line(strokeWidth=1.2, opacity=0.6, aria=False).encode(
            detail=alt.Detail("model", type="nominal")
        ),
        at_names.mark_rule(style="leader", aria=False).encode(
            x.channel("x", "end"), y.channel("y", "speedup"), x2="label_x", y2="label_y"
        ),
        text.mark_text(style="halo", strokeWidth=3, align="left", dx=3, aria=False),
        text.mark_text(style="label", align="left", dx=3, aria=False),
        line.mark_point(
            filled=True, size=(2 * POINT_RADIUS) ** 2, opacity=1, description=described(_TIPS)
        ).encode(tooltip=tooltips(_TIPS)),
        width=WIDTH,
        height=height,
    )


def _thread_axis(numbers: Sequence[int]) -> Axis:
    """Return an axis with a tick per number of threads, and space for names on its right."""
    low, high = numbers[0], numbers[-1]
    unit = (high - low or 1) / (WIDTH - _LABELS)  # Threads per pixel.
    start, end = low - 20 * unit, high + (_LABELS - 20) * unit
    return Axis("threads", "Threads", start, end, WIDTH, tuple(map(float, numbers)))


def _names(ends: Sequence[Row], x: Axis, y: Axis) -> list[Row]:
    """Return the labels of lines with the places of their ends, none above another."""
    ordered = sorted(ends, key=lambda point: -point["speedup"])
    wanted = [y.pixel(point["speedup"]) for point in ordered]
    places = spread(wanted, _LABEL_HEIGHT, y.length - _LABEL_HEIGHT)
    return [
        {
            "model": point["model"],
            "label": f"{point['name']}, {point['efficiency_text']}",
            "speedup": point["speedup"],
            "end": x.value(x.pixel(point["threads"]) + POINT_RADIUS),
            "label_x": x.value(x.pixel(point["threads"]) + POINT_RADIUS + _GAP),
            "label_y": y.value(place),
        }
        for point, place in zip(ordered, places, strict=True)
    ]


def spread(wanted: Sequence[float], gap: float, length: float) -> list[float]:
    """Return ascending places near ascending ``wanted`` ones, at least ``gap`` apart.

    The places are between 0 and ``length`` if there is enough space.
    """
    places: list[float] = []
    for place in wanted:
        places.append(max(place, places[-1] + gap) if places else place)
    limit = length
    for at in reversed(range(len(places))):
        places[at] = min(places[at], limit)
        limit = places[at] - gap
    return places
