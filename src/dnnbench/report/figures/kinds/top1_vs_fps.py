"""Top-1 accuracy against throughput at batch size 1, with the Pareto front."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dnnbench.report.figures.kind import Drawing, Kind

if TYPE_CHECKING:
    from dnnbench.report.figures.results import Results


def draw(results: Results, device: str) -> Drawing:
    """Draw a device's throughput chart."""
    from dnnbench.report.figures import captions
    from dnnbench.report.figures.device_charts import speed_chart

    own, identity = results.rows(device), results.identity
    others = [row for other in results.devices for row in results.rows(other)]
    return Drawing(speed_chart(own, identity, others), captions.speed(own, identity))


KIND = Kind(
    name="top1-vs-fps",
    title="Top-1 accuracy against throughput",
    place=10,
    draw=draw,
)
