"""Top-1 accuracy against operations; the area of a bubble shows the parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dnnbench.report.figures.kind import Drawing, Kind

if TYPE_CHECKING:
    from dnnbench.report.figures.results import Results


def draw(results: Results, device: str) -> Drawing:
    """Draw the chart of top-1 accuracy."""
    from dnnbench.report.figures.network_charts import bubbles

    return bubbles(results, "top1")


KIND = Kind(
    name="top1-vs-macs",
    title="Top-1 accuracy against operations",
    place=10,
    draw=draw,
    per_device=False,
)
