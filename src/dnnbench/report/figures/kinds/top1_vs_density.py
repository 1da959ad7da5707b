"""Top-1 accuracy against accuracy density."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dnnbench.report.figures.kind import Drawing, Kind

if TYPE_CHECKING:
    from dnnbench.report.figures.results import Results


def draw(results: Results, device: str) -> Drawing:
    """Draw the scatter chart."""
    from dnnbench.report.figures.network_charts import density, density_scatter

    return density(results, density_scatter)


KIND = Kind(
    name="top1-vs-density",
    title="Top-1 accuracy against accuracy density",
    place=40,
    draw=draw,
    per_device=False,
)
