"""Figure files: a Vega-Lite specification and images rendered offline."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import vl_convert

from dnnbench.core.storage import write_bytes, write_text
from dnnbench.report.figures.catalog import Figure
from dnnbench.report.figures.theme import LIGHT, config

_PNG_SCALE = 2


def save_figures(figures: Iterable[Figure], directory: Path) -> None:
    """Write ``<name>.json``, ``.svg`` and ``.png`` (2 pixels per unit) per figure."""
    for figure in figures:
        spec = {
            **specification(figure),
            "title": figure.title,
            "config": config(LIGHT),
            "padding": 12,
        }
        # Allow no URLs, so that a figure that loads external data fails instead of waiting.
        svg = vl_convert.vegalite_to_svg(spec, allowed_base_urls=[])
        png = vl_convert.svg_to_png(svg, scale=_PNG_SCALE)
        write_text(directory / f"{figure.name}.json", json.dumps(spec, ensure_ascii=False))
        write_text(directory / f"{figure.name}.svg", svg)
        write_bytes(directory / f"{figure.name}.png", png)


def specification(figure: Figure) -> dict[str, Any]:
    """Return the figure's Vega-Lite specification without title and theme colors."""
    spec: dict[str, Any] = figure.chart.to_dict()
    spec.pop("config", None)
    return {**spec, "description": f"{figure.title}. {figure.caption}"}
