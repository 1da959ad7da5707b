"""Speed-up over the fewest threads against the number of threads, at batch size 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dnnbench.report.figures.kind import Drawing, Kind

if TYPE_CHECKING:
    from dnnbench.report.figures.results import Results


def draw(results: Results, device: str) -> Drawing:
    """Draw a device's chart of speed-ups."""
    from dnnbench.report.figures import captions
    from dnnbench.report.figures.thread_chart import speedups, thread_chart

    points = speedups(results.thread_rows(device), results.identity)
    return Drawing(thread_chart(points), captions.speedup(points))


KIND = Kind(
    name="speedup-vs-threads",
    title="Speed-up by threads",
    place=60,
    draw=draw,
    several_threads=True,
)
