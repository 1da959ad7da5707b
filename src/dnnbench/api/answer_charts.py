"""Charts of answers: networks within limits, and the latency of two networks."""

from collections.abc import Mapping, Sequence

import altair as alt

from dnnbench.api.study_questions import NetworkChoice, NetworkComparison
from dnnbench.core.formatting import significant, span
from dnnbench.queries import selection, wording
from dnnbench.queries.best_fit import Pick
from dnnbench.queries.selection import Candidate
from dnnbench.report.figures.identity import Identity, Row
from dnnbench.report.figures.scatter import (
    POINT_RADIUS,
    Axis,
    color_channel,
    label_layers,
    linear_axis,
    log_axis,
    place_labels,
    stack,
    tooltips,
)

WIDTH, HEIGHT = 640, 380
_SIZE = (2 * POINT_RADIUS) ** 2
_TIPS = {
    "Network": "name",
    "Variant": "variant",
    "Fits": "fits",
    "Top-1": "top1_text",
    "Latency": "latency_text",
    "Memory": "memory_text",
}


def choice_chart(chosen: NetworkChoice, identity: Identity) -> alt.LayerChart:
    """Draw top-1 accuracy against throughput, with the limits on both.

    Configurations that fit are filled, inconclusive ones hollow, and the others gray. The listed
    ones are labeled.
    """
    answer = chosen.answer
    own = [row for row in chosen.rows if row.device == answer.device]
    found = selection.candidates(own, chosen.models, answer.batch_size, answer.variant)
    known = [one for one in found.get(answer.device, []) if one.known(answer.limits)]
    points = [_point(one, answer, identity) for one in known]
    lines = _limit_lines(answer)
    speeds = [point["fps"] for point in points] + [line["fps"] for line in lines if "fps" in line]
    title = f"Throughput at batch size {answer.batch_size} (images/s)"
    x = log_axis("fps", title, speeds or [1.0], WIDTH, pad=50)
    accuracies = [point["top1"] for point in points]
    accuracies += [line["top1"] for line in lines if "top1" in line]
    y = linear_axis("top1", "Top-1 accuracy (%)", accuracies or [1.0], HEIGHT, pad=24, upwards=True)
    listed = {(one.model, one.variant) for one in (*answer.entries, *answer.inconclusive)}
    labeled = [point for point in points if (point["model"], point["variant"]) in listed]
    leaders, names = label_layers(labeled, place_labels(labeled, x, y), x, y)
    marks = (
        alt.Chart(alt.InlineData(values=points))
        .mark_point(size=_SIZE, strokeWidth=1.6)
        .encode(
            x.channel("x"),
            y.channel("y"),
            color=color_channel(),
            fill=alt.Fill("color", type="nominal", scale=None),
            fillOpacity=alt.FillOpacity("solid", type="quantitative", scale=None),
            opacity=alt.Opacity("opacity", type="quantitative", scale=None),
            tooltip=tooltips(_TIPS),
        )
    )
    return stack(*_rules(lines, x, y), leaders, marks, names, width=WIDTH, height=HEIGHT)


def _point(candidate: Candidate, answer: Pick, identity: Identity) -> Row:
    fits, row = candidate.fits(answer.limits), candidate.row
    identified = identity.of(candidate.model)
    memory = candidate.memory
    return {
        **identified,
        "variant": row.variant,
        "color": "#9aa3ad" if fits == "no" else identified["color"],
        "fits": "yes" if fits == "yes" else wording.text(fits),
        "solid": 1 if fits == "yes" else 0,
        "opacity": 0.6 if fits == "no" else 1,
        "fps": 1000 / candidate.time.value,
        "top1": candidate.top1.value,
        "top1_text": f"{candidate.top1.value:.2f}%",
        "latency_text": f"{significant(candidate.time.value)} ms per image"
        f" {span(row.latency_ms_low, row.latency_ms_high)}".rstrip(),
        "memory_text": "unknown" if memory is None else f"{significant(memory.value)} MiB",
    }


def _limit_lines(answer: Pick) -> list[Row]:
    """Return the limits on throughput and accuracy as lines across the chart."""
    limits = answer.limits
    lines: list[Row] = []
    if fps := limits.get("min_fps"):
        lines.append({"fps": fps})
    if deadline := limits.get("deadline_ms"):
        lines.append({"fps": 1000 * answer.batch_size / deadline})
    if top1 := limits.get("min_top1"):
        lines.append({"top1": top1})
    return lines


def _rules(lines: Sequence[Row], x: Axis, y: Axis) -> list[alt.Chart]:
    axes: Mapping[str, dict[str, object]] = {
        "fps": {"x": x.channel("x")},
        "top1": {"y": y.channel("y")},
    }
    return [
        alt.Chart(alt.InlineData(values=[line])).mark_rule(style="front").encode(**axes[field])
        for line in lines
        for field in line
    ]


def ratio_chart(found: NetworkComparison) -> alt.LayerChart:
    """Draw the ratio of the two latencies with its interval, by batch size."""
    points = [
        {"batch": str(one.batch_size), "ratio": one.difference, "low": one.low, "high": one.high}
        for one in found.comparisons
        if one.quantity == "time" and one.difference is not None
    ]
    base = alt.Chart(alt.InlineData(values=points)).encode(
        y=alt.Y("batch", type="nominal", sort=None, title="Batch size")
    )
    title = "Latency of A divided by that of B"
    scale = alt.Scale(zero=False, padding=20)
    one = alt.Chart(alt.InlineData(values=[{"ratio": 1}])).mark_rule(style="front")
    return stack(
        one.encode(x=alt.X("ratio", type="quantitative", scale=scale, title=title)),
        base.transform_filter("isValid(datum.low)")
        .mark_rule(strokeWidth=1.6)
        .encode(x=alt.X("low", type="quantitative"), x2="high"),
        base.mark_point(filled=True, size=_SIZE, opacity=1).encode(
            x=alt.X("ratio", type="quantitative")
        ),
        width=WIDTH,
        height=alt.Step(28),
    )
