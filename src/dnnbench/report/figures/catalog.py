"""All figures of a study, with titles and captions."""

from dataclasses import dataclass

import altair as alt

from dnnbench.records import labels
from dnnbench.report.figures.cells import Table
from dnnbench.report.figures.figure_names import figures_of
from dnnbench.report.figures.results import Results


@dataclass(frozen=True)
class Figure:
    """A chart with title and caption.

    ``device`` is ``None`` for figures about the networks.

    The page shows ``table``, if there is one, instead of the chart.
    """

    name: str
    kind: str
    device: str | None
    title: str
    caption: str
    chart: alt.LayerChart
    table: Table | None = None


def build_figures(results: Results) -> list[Figure]:
    """Draw the figures of a study, in the order of ``figure_names``."""
    figures = []
    for name, kind, device in figures_of(results.devices, results.at_several_threads):
        drawing = kind.draw(results, device or "")
        title = f"{kind.title}: {labels.device(device)}" if device else kind.title
        figures.append(
            Figure(name, kind.name, device, title, drawing.caption, drawing.chart, drawing.table)
        )
    return figures
