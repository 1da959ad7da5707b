"""Memory at batch size 1 against the size of weights and buffers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dnnbench.report.figures.kind import Drawing, Kind

if TYPE_CHECKING:
    from dnnbench.report.figures.results import Results


def draw(results: Results, device: str) -> Drawing:
    """Draw a device's memory chart."""
    from dnnbench.report.figures import captions
    from dnnbench.report.figures.device_charts import memory_chart

    own = results.rows(device)
    chart = memory_chart(own, results.weights_mib, results.identity)
    return Drawing(chart, captions.memory(own))


KIND = Kind(
    name="memory-vs-size",
    title="Memory against model size",
    place=40,
    draw=draw,
    own_memory=True,
)
