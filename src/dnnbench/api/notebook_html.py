"""HTML that a notebook shows for a data frame of a study."""

import base64
import html
from typing import TYPE_CHECKING

import vl_convert

from dnnbench.api.study_frames import Display
from dnnbench.report.figures.theme import LIGHT, config

if TYPE_CHECKING:
    import altair as alt


def display(shown: Display) -> str:
    """Return title, table, notes and chart as HTML, without scripts or other hosts."""
    table = shown.table.to_html(index=False, border=0, justify="left")
    notes = "<br>".join(map(html.escape, shown.notes))
    return (
        f"<p><strong>{html.escape(shown.title)}</strong></p>{table}<p>{notes}</p>"
        f"{_image(shown.chart(), shown.title)}"
    )


def _image(chart: "alt.LayerChart", text: str) -> str:
    """Return a chart as an image. Several SVG elements of one page would share their ids."""
    spec = {**chart.to_dict(), "config": config(LIGHT), "padding": 12}
    svg = vl_convert.vegalite_to_svg(spec, allowed_base_urls=[])
    data = base64.b64encode(svg.encode()).decode()
    return (
        f'<img alt="Chart: {html.escape(text)}" style="max-width: 100%"'
        f' src="data:image/svg+xml;base64,{data}">'
    )
