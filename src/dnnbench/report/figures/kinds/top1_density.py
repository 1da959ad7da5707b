"""Accuracy density (top-1 accuracy divided by millions of parameters) as bars."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dnnbench.report.figures.kind import Drawing, Kind

if TYPE_CHECKING:
    from dnnbench.report.figures.results import Results


def draw(results: Results, device: str) -> Drawing:
    """Draw the bars, in descending order."""
    from dnnbench.report.figures.network_charts import density, density_bars

    return density(results, density_bars)


KIND = Kind(
    name="top1-density",
    title="Accuracy density",
    place=30,
    draw=draw,
    per_device=False,
)
