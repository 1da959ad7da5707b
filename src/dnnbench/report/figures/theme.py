"""Theme of the charts, for saved figures and for the page.

Charts refer to roles (styles ``label``, ``halo``, ``leader``, ...), never to text or background
colors. A saved figure uses ``LIGHT``. On the page the colors are CSS variables, so that light mode,
dark mode and printing need no redrawing.
"""

from typing import Any

FONT = "Liberation Sans, Arial, Helvetica, Arimo, Nimbus Sans, FreeSans, sans-serif"
LABEL_SIZE = 11
# Text color of table cells, whose fills are pale in both modes.
CELL_INK = "#1d2126"
BAND = "#3d9970"

LIGHT = {"ink": "#1d2126", "muted": "#5b6570", "grid": "#e3e6ea", "paper": "#ffffff"}
CSS = {role: f"var(--{role})" for role in LIGHT}


def config(colors: dict[str, str]) -> dict[str, Any]:
    """Return the Vega-Lite configuration for the colors ink, muted, grid and paper."""
    ink, muted, grid, paper = (colors[role] for role in ("ink", "muted", "grid", "paper"))
    return {
        "font": FONT,
        "background": paper,
        "view": {"stroke": None},
        "mark": {"color": ink},
        "axis": {
            "labelColor": muted,
            "titleColor": ink,
            "labelFontSize": 11,
            "titleFontSize": 12,
            "titleFontWeight": "normal",
            "titlePadding": 8,
            "gridColor": grid,
            "domainColor": muted,
            "tickColor": muted,
        },
        "axisDiscrete": {"labelColor": ink, "grid": False},
        "legend": {
            "labelColor": ink,
            "titleColor": ink,
            "labelFontSize": 11,
            "titleFontSize": 11,
            "titleFontWeight": "normal",
            "symbolFillColor": muted,
            "symbolStrokeColor": paper,
        },
        "title": {
            "anchor": "start",
            "color": ink,
            "subtitleColor": muted,
            "fontSize": 15,
            "subtitleFontSize": 12,
            "offset": 12,
        },
        "style": {
            "label": {"color": ink, "fontSize": LABEL_SIZE},
            "muted": {"color": muted, "fontSize": LABEL_SIZE},
            "halo": {"color": paper, "stroke": paper, "fontSize": LABEL_SIZE},
            "leader": {"color": ink, "strokeWidth": 0.7, "opacity": 0.7},
            "bubble": {"stroke": paper, "strokeWidth": 0.8},
            "front": {"color": muted, "strokeWidth": 1.2, "strokeDash": [5, 3]},
            "ruler": {"color": muted, "strokeWidth": 1},
            "tile": {"stroke": paper, "strokeWidth": 1},
            "inside": {"color": CELL_INK, "fontSize": LABEL_SIZE},
        },
    }
