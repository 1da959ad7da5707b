"""The figure of speed-up by threads."""

import pytest
from helpers import studies
from helpers.rows import row

from dnnbench.report.figures.catalog import build_figures
from dnnbench.report.figures.figure_names import figure_names
from dnnbench.report.figures.kinds import speedup_vs_threads
from dnnbench.report.figures.results import Results
from dnnbench.report.figures.thread_chart import speedups, spread, thread_chart


@pytest.fixture(scope="module")
def data() -> Results:
    """Return a study of two networks at 1, 2 and 4 threads; one has no latency at 1 thread."""
    times = {"resnet18": {1: 40.0, 2: 20.0, 4: 12.5}, "vgg16": {2: 30.0, 4: 20.0}}
    names = {1: "fp32-eager-threads1", 2: "fp32-eager-threads2", 4: "fp32-eager"}
    rows = []
    for model, found in times.items():
        for threads, variant in names.items():
            ms = found.get(threads)
            known = {"latency_ms": ms, "latency_ms_low": None, "latency_ms_high": None}
            status = "ok" if ms else "failed"
            fps = 1000 / ms if ms else None
            place = {"variant": variant, "threads": threads, "status": status, "fps": fps}
            rows.append(row(model, **place, **known))
    rows.append(row("resnet18", variant="fp32-eager-kept-threads1", threads=1, latency_ms=1.0))
    return studies.results(rows, studies.tables()[1], devices=("cpu",))


def test_speed_up_and_efficiency_are_those_over_the_fewest_threads(data: Results) -> None:
    points = speedups(data.thread_rows("cpu"), data.identity)
    assert [(point["model"], point["threads"], point["speedup"]) for point in points] == [
        ("resnet18", 1, 1.0),
        ("resnet18", 2, 2.0),
        ("resnet18", 4, 3.2),
    ]
    assert [point["efficiency_text"] for point in points] == ["100%", "100%", "80%"]
    assert points[-1]["speedup_text"] == "3.20 over 1 thread"


def test_the_figure_exists_for_devices_at_several_numbers_of_threads(data: Results) -> None:
    assert data.at_several_threads == ["cpu"]
    assert "speedup-vs-threads--cpu" in figure_names(["cpu"], ["cpu"])
    assert "speedup-vs-threads--cpu" not in figure_names(["cpu"])
    names = [figure.name for figure in build_figures(studies.study())]
    assert not any(name.startswith("speedup") for name in names)


def test_the_chart_names_each_network_with_its_efficiency(data: Results) -> None:
    drawing = speedup_vs_threads.draw(data, "cpu")
    assert "'label': 'ResNet-18, 80%'" in str(drawing.chart.to_dict())
    assert "the efficiency with 4 threads" in drawing.caption


def test_a_device_without_latencies_has_an_empty_chart() -> None:
    assert thread_chart([]).to_dict()


def test_labels_keep_their_distance_and_stay_inside() -> None:
    assert spread([10.0, 50.0], 10, 100) == [10.0, 50.0]
    assert spread([50.0, 50.0, 50.0], 10, 100) == [50.0, 60.0, 70.0]
    assert spread([95.0, 96.0, 97.0], 10, 100) == [80.0, 90.0, 100.0]
