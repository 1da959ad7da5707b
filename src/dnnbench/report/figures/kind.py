"""Descriptor of a kind of figure; each module of ``kinds`` declares one.

File names, page order, titles, and captions derive from it. Listing the kinds imports neither
altair nor pandas, because the workflow needs the file names whenever it starts.
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
    """A chart with its caption, and the table that the page shows instead, if any."""

    chart: alt.LayerChart
    caption: str
    table: Table | None = None


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of figure, drawn once for the networks or once per device.

    ``name`` is used for files and for the caption of `snakemake --report`,
    ``workflow/report/<name>.rst``. A name ending in ``-table`` is shown as a table on the page and
    saved as a chart. ``place`` orders figures on the page: those about the networks first, then
    those of each device. ``draw`` takes the results and the device, which is empty for figures
    about the networks. ``own_memory``: skip devices that borrow the memory of another device.
    ``several_threads``: skip devices that were measured at one number of threads.
    """

    name: str
    title: str
    place: int
    draw: Callable[[Results, str], Drawing]
    per_device: bool = True
    own_memory: bool = False
    several_threads: bool = False


def kinds(*, per_device: bool) -> list[Kind]:
    """Return the kinds drawn per device, or the others, in page order."""
    found = plugins.find(GROUP, Kind).values()
    chosen = (kind for kind in found if kind.per_device == per_device)
    return sorted(chosen, key=lambda kind: (kind.place, kind.name))


def code() -> list[str]:
    """Return the source files of all kinds, for rules; no module imports them."""
    modules = [plugins.module_of(GROUP, Kind, name) for name in plugins.find(GROUP, Kind)]
    return sorted({str(path) for name in modules for path in code_graph.module_sources(name)})
