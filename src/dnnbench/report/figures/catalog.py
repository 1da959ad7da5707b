"""All figures of a study, with their titles and captions."""

from collections.abc import Iterator
from dataclasses import dataclass

import altair as alt

from dnnbench.report.figures import captions
from dnnbench.report.figures.cells import memory_table, time_table
from dnnbench.report.figures.device_charts import memory_chart, speed_chart
from dnnbench.report.figures.drawn_tables import best_chart, grid_chart
from dnnbench.report.figures.figure_names import (
    WITHOUT_OWN_MEMORY,
    device_figure,
    device_label,
    figure_names,
)
from dnnbench.report.figures.identity import rows
from dnnbench.report.figures.network_charts import (
    ball_chart,
    beyond_convolutions,
    density_bars,
    density_scatter,
)
from dnnbench.report.figures.results import Results


@dataclass(frozen=True)
class Figure:
    """A chart with what surrounds it; ``device`` is ``None`` for figures of the networks."""

    name: str
    kind: str
    device: str | None
    title: str
    caption: str
    chart: alt.LayerChart


def build_figures(results: Results) -> list[Figure]:
    """The figures of a study, in the order of ``figure_names``."""
    figures = list(_network_figures(results))
    for device in results.devices:
        figures += _device_figures(results, device)
    assert [figure.name for figure in figures] == figure_names(results.devices)
    return figures


def _network_figures(results: Results) -> Iterator[Figure]:
    models, identity = results.models, results.identity
    known = rows(models)
    beyond = beyond_convolutions(models)
    top1, top5 = (
        captions.balls((row[source] for row in known), beyond_convolutions=beyond)
        for source in ("top1_source", "top5_source")
    )
    dense = captions.density(row["top1_source"] for row in known)
    for name, title, measure, caption, chart in (
        (
            "top1-vs-macs",
            "Top-1 accuracy against operations",
            "top1",
            top1,
            ball_chart(models, identity, "top1"),
        ),
        (
            "top5-vs-macs",
            "Top-5 accuracy against operations",
            "top5",
            top5,
            ball_chart(models, identity, "top5"),
        ),
        ("top1-density", "Accuracy density", "top1", dense, density_bars(models, identity)),
        (
            "top1-vs-density",
            "Top-1 accuracy against accuracy density",
            "top1",
            dense,
            density_scatter(models, identity),
        ),
    ):
        missing = [identity.name(row["model"]) for row in known if row[measure] is None]
        text = " ".join(filter(None, [caption, captions.without_accuracy(missing)]))
        yield Figure(name, name, None, title, text, chart)


def _device_figures(results: Results, device: str) -> Iterator[Figure]:
    own, identity = results.rows(device), results.identity
    chosen = results.selection[results.selection["device"] == device]

    def figure(kind: str, title: str, caption: str, chart: alt.LayerChart) -> Figure:
        name = device_figure(kind, device)
        return Figure(name, kind, device, f"{title}: {device_label(device)}", caption, chart)

    yield figure(
        "top1-vs-fps",
        "Top-1 accuracy against images per second",
        captions.speed(own, identity),
        speed_chart(own, identity),
    )
    yield figure(
        "time-table",
        "Inference time by batch size",
        captions.time_table(own),
        grid_chart(time_table(own, identity)),
    )
    yield figure(
        "best-table",
        "Best networks under budgets",
        captions.best(own, rows(chosen), results.borrowed_memory(device)),
        best_chart(results.selection, device, results.budgets, identity),
    )
    if device in WITHOUT_OWN_MEMORY:
        return
    yield figure(
        "memory-vs-size",
        "Memory against model size",
        captions.memory(own),
        memory_chart(own, results.weights_mib, identity),
    )
    yield figure(
        "memory-table",
        "Memory by batch size",
        captions.memory_table(own),
        grid_chart(memory_table(own, identity)),
    )
