"""Latency in ms per image of each network at each batch size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dnnbench.report.figures.kind import Drawing, Kind

if TYPE_CHECKING:
    from dnnbench.report.figures.results import Results


def draw(results: Results, device: str) -> Drawing:
    """Draw a device's latency table."""
    from dnnbench.report.figures import captions
    from dnnbench.report.figures.cells import time_table
    from dnnbench.report.figures.drawn_tables import grid_chart

    own = results.rows(device)
    table = time_table(own, results.identity)
    return Drawing(grid_chart(table), captions.time_table(own), table)


KIND = Kind(
    name="time-table",
    title="Latency by batch size",
    place=20,
    draw=draw,
)
