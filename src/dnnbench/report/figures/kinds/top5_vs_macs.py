"""Top-5 accuracy against operations; the area of a bubble shows the parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dnnbench.report.figures.kind import Drawing, Kind

if TYPE_CHECKING:
    from dnnbench.report.figures.results import Results


def draw(results: Results, device: str) -> Drawing:
    """Draw the chart of top-5 accuracy."""
    from dnnbench.report.figures.network_charts import bubbles

    return bubbles(results, "top5")


KIND = Kind(
    name="top5-vs-macs",
    title="Top-5 accuracy against operations",
    place=20,
    draw=draw,
    per_device=False,
)
