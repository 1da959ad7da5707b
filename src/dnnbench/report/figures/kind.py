"""What a kind of figure says of itself: one ``Kind`` in each module of ``figures.kinds``.

Names of files, the order of the page, titles, and captions derive from it. Listing the kinds
imports neither altair nor pandas, since a workflow names its files by them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dnnbench.core import code_graph, plugins

if TYPE_CHECKING:
    import altair as alt

    from dnnbench.report.figures.cells import Table
    from dnnbench.report.figures.results import Results

GROUP = "dnnbench.report.figures.kinds"


@dataclass(frozen=True)
class Drawing:
    """A chart, what a reader has to know to read it, and the table that the page shows instead."""

    chart: alt.LayerChart
    caption: str
    table: Table | None = None


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A figure of the networks, or one that every device has.

    ``name`` names files, and the caption ``workflow/report/<name>.rst`` of `snakemake --report`.
    One that ends with ``-table`` is a table on the page, and a chart in files. ``place`` orders
    the page: figures of the networks, then those of each device. ``draw`` takes the results and
    the device, which is empty for figures of the networks. ``own_memory``: only of devices whose
    memory is their own.
    """

    name: str
    title: str
    place: int
    draw: Callable[[Results, str], Drawing]
    per_device: bool = True
    own_memory: bool = False


def kinds(*, per_device: bool) -> list[Kind]:
    """Return the kinds of figures, of the networks or of each device, in the page's order."""
    found = plugins.find(GROUP, Kind).values()
    chosen = (kind for kind in found if kind.per_device == per_device)
    return sorted(chosen, key=lambda kind: (kind.place, kind.name))


def code() -> list[str]:
    """Return the files that draw all kinds, for rules: no import statement names them."""
    modules = [plugins.module_of(GROUP, Kind, name) for name in plugins.find(GROUP, Kind)]
    return sorted({str(path) for name in modules for path in code_graph.module_sources(name)})
