"""Memory in MiB of each network at each batch size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dnnbench.report.figures.kind import Drawing, Kind

if TYPE_CHECKING:
    from dnnbench.report.figures.results import Results


def draw(results: Results, device: str) -> Drawing:
    """Draw a device's memory table."""
    from dnnbench.report.figures import captions
    from dnnbench.report.figures.cells import memory_table
    from dnnbench.report.figures.drawn_tables import grid_chart

    own = results.rows(device)
    table = memory_table(own, results.identity)
    return Drawing(grid_chart(table), captions.memory_table(own), table)


KIND = Kind(
    name="memory-table",
    title="Memory by batch size",
    place=50,
    draw=draw,
    own_memory=True,
)
