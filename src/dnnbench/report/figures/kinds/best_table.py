"""The networks with the highest top-1 accuracy within each pair of budgets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dnnbench.report.figures.kind import Drawing, Kind

if TYPE_CHECKING:
    from dnnbench.report.figures.results import Results


def draw(results: Results, device: str) -> Drawing:
    """Draw a device's best networks within budgets."""
    from dnnbench.report.figures import captions
    from dnnbench.report.figures.drawn_tables import best_chart

    chosen = results.chosen(device)
    return Drawing(
        best_chart(chosen, results.budgets, results.identity),
        captions.best(results.rows(device), chosen, results.borrowed_memory(device)),
    )


KIND = Kind(
    name="best-table",
    title="Best networks within budgets",
    place=30,
    draw=draw,
)
