"""Tables drawn as images, for papers and slides.

The page shows the same tables as HTML.
"""

from collections.abc import Sequence
from typing import Literal

import altair as alt

from dnnbench.core.formatting import MARK_WORDS
from dnnbench.report.figures.cells import GRADE_COLORS, GRADES, STATUS_COLOR, Table
from dnnbench.report.figures.identity import Identity, Row
from dnnbench.report.figures.scatter import stack

_COLUMN, _WIDE_COLUMN, _ROW = 84, 150, 18
# With the name of a variant in each cell, the number is further left.
_VARIANT_COLUMN, _VARIANT_LEFT = 190, 60
_BEST_COLUMN, _BEST_ROW = 250, 20
# Additional width for the name of a variant.
_BEST_VARIANT = 110
_BEST_LEFT = 90
# In pixels, between the networks that fit and the inconclusive ones.
_BEST_GAP = 8


def grid_chart(table: Table) -> alt.LayerChart:
    """Draw a table whose cells are colored by grade and carry its letter."""
    several = any(cell.variant for line in table.lines for cell in line.cells)
    domain = [f"{grade}  {limits}" for grade, limits in zip(GRADES, table.ranges, strict=True)]
    colors = list(GRADE_COLORS.values())
    cells = [
        {
            "name": line.name,
            "batch": size,
            "text": cell.text,
            "grade": cell.grade or "",
            "letter": f"{cell.grade or ''}{cell.mark}",
            "class": domain[GRADES.index(cell.grade)] if cell.grade else "no number",
            "note": cell.note,
            **({"variant": cell.variant} if several else {}),
        }
        for line in table.lines
        for size, cell in zip(table.batch_sizes, line.cells, strict=True)
    ]
    if any(not cell["grade"] for cell in cells):
        domain, colors = [*domain, "no number"], [*colors, STATUS_COLOR]
    marks = sorted({mark for line in table.lines for cell in line.cells for mark in cell.mark})
    base = alt.Chart(alt.InlineData(values=cells)).encode(
        x=alt.X("batch", type="ordinal", axis=_plain_axis("Batch size", orient="top")),
        y=alt.Y("name", type="nominal", sort=None, axis=_plain_axis(None, orient="left")),
    )
    fills = base.mark_rect(style="tile").encode(
        color=alt.Color(
            "class",
            type="nominal",
            scale=alt.Scale(domain=domain, range=colors),
            legend=alt.Legend(
                title="; ".join(
                    [table.quantity, *(f"{mark} {MARK_WORDS[mark]}" for mark in marks)]
                ),
                orient="top",
                direction="horizontal",
                symbolType="square",
                columns=len(domain) if len(table.batch_sizes) > 4 else 2,
                labelLimit=200,
            ),
        ),
        tooltip=[
            alt.Tooltip("name", type="nominal", title="Network"),
            alt.Tooltip("batch", type="ordinal", title="Batch size"),
            alt.Tooltip("text", type="nominal", title=table.quantity),
            alt.Tooltip("note", type="nominal", title="Details"),
        ],
    )
    graded = base.transform_filter("datum.grade")
    left = -_VARIANT_LEFT if several else 0
    numbers = graded.mark_text(style="inside", align="right", dx=left + 16, aria=False).encode(
        text=alt.Text("text", type="nominal")
    )
    letters = graded.mark_text(
        style="inside", align="left", dx=left + 21, fontSize=9, opacity=0.7, aria=False
    ).encode(text=alt.Text("letter", type="nominal"))
    statuses = (
        base.transform_filter("!datum.grade")
        .mark_text(style="inside", fontStyle="italic", aria=False)
        .encode(text=alt.Text("text", type="nominal"))
    )
    variants = graded.mark_text(
        style="inside", align="left", dx=-10, fontSize=9, opacity=0.7, aria=False
    ).encode(text=alt.Text("variant", type="nominal"))
    column = _COLUMN if len(table.batch_sizes) > 3 else _WIDE_COLUMN
    return stack(
        fills,
        numbers,
        letters,
        *([variants] if several else []),
        statuses,
        width=alt.Step(_VARIANT_COLUMN if several else column),
        height=alt.Step(_ROW),
    )


def best_chart(
    chosen: Sequence[Row],
    budgets: tuple[Sequence[float], Sequence[float]],
    identity: Identity,
) -> alt.LayerChart:
    """Draw a device's best networks under each budget (GiB, images per second).

    ``chosen``: as from ``Results.chosen``. Inconclusive networks come after those that fit, and are
    marked.
    """
    limits_gib, limits_fps = budgets
    column = _BEST_COLUMN + (_BEST_VARIANT if any(row["in_variant"] for row in chosen) else 0)
    # If no network fits, a line states that.
    depth = max([int(row["rank"]) for row in chosen], default=0) + 1
    width = _BEST_LEFT + column * len(limits_fps)
    block = depth * _BEST_ROW + _BEST_GAP
    height = 26 + block * len(limits_gib)
    texts: list[Row] = [
        {"x": _BEST_LEFT + column * i, "y": 12, "text": f"≥ {fps:g} images/s"}
        for i, fps in enumerate(limits_fps)
    ]
    rules: list[Row] = []
    entries: list[Row] = []
    for i, gib in enumerate(limits_gib):
        top = 26 + block * i
        rules.append({"y": top, "x": 0, "x2": width})
        texts.append({"x": 0, "y": top + 16, "text": f"≤ {gib:g} GiB"})
        for j, fps in enumerate(limits_fps):
            left = _BEST_LEFT + column * j
            cell = [r for r in chosen if (r["max_memory_gib"], r["min_fps"]) == (gib, fps)]
            certain = [r for r in cell if r["fits"] == "yes"]
            if not certain:
                text = "none fits for certain" if cell else "none fits"
                texts.append({"x": left, "y": top + 16, "text": text})
            below = top + _BEST_GAP + (0 if certain else _BEST_ROW)
            entries += [_entry(r, identity, left, top if r in certain else below) for r in cell]
    across = alt.Scale(domain=[0, width], nice=False)
    down = alt.Scale(domain=[height, 0], nice=False)

    def at(data: list[Row]) -> alt.Chart:
        return alt.Chart(alt.InlineData(values=data)).encode(
            x=alt.X("x", type="quantitative", scale=across, axis=None),
            y=alt.Y("y", type="quantitative", scale=down, axis=None),
        )

    named = at(entries)
    return stack(
        at(rules).mark_rule(style="ruler", aria=False).encode(x2="x2"),
        named.mark_point(filled=True, shape="circle", size=60, opacity=1, xOffset=6).encode(
            color=alt.Color("color", type="nominal", scale=None)
        ),
        named.mark_text(style="label", align="left", dx=16).encode(
            text=alt.Text("text", type="nominal")
        ),
        named.mark_text(style="label", align="right", dx=column - 24).encode(
            text=alt.Text("top1", type="nominal")
        ),
        at(texts)
        .mark_text(style="label", align="left", fontWeight="bold")
        .encode(text=alt.Text("text", type="nominal")),
        width=width,
        height=height,
    )


def _plain_axis(title: str | None, orient: Literal["top", "left"]) -> alt.Axis:
    return alt.Axis(
        title=title,
        orient=orient,
        ticks=False,
        domain=False,
        labelAngle=0,
        labelLimit=220,
        labelPadding=6,
    )


def _entry(row: Row, identity: Identity, left: float, top: float) -> Row:
    mark = " ?" if row["fits"] == "cannot_tell" else ""
    return {
        **identity.of(row["model"]),
        "x": left,
        "y": top + 16 + (int(row["rank"]) - 1) * _BEST_ROW,
        "text": identity.name(row["model"]) + row["in_variant"] + mark,
        "top1": f"{row['top1']:.2f}%",
    }
