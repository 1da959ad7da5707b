"""Which figures there are, known without data: the Snakefile lists them as its outputs."""

from collections.abc import Iterable, Iterator

from dnnbench.records.published_study import DEVICES, JETSON, label
from dnnbench.report.figures.kind import Kind, kinds

FORMATS = ("svg", "png", "json")

# No memory was published for the Jetson: the study held its budgets against the Titan's, so
# figures of "its" memory would show another machine's numbers.
WITHOUT_OWN_MEMORY = frozenset({JETSON})


def device_label(device: str) -> str:
    """The device as a reader knows it."""
    return f"{label(device)} (published 2018)" if device in DEVICES else device


def figures_of(devices: Iterable[str]) -> Iterator[tuple[str, Kind, str | None]]:
    """Yield name, kind and device of each figure of a study, in the order of the page.

    The device is None for figures of the networks; the name is such as ``top1-vs-fps--cpu``.
    """
    for kind in kinds(per_device=False):
        yield kind.name, kind, None
    for device in devices:
        for kind in kinds(per_device=True):
            if not kind.own_memory or device not in WITHOUT_OWN_MEMORY:
                yield f"{kind.name}--{device}", kind, device


def figure_names(devices: Iterable[str]) -> list[str]:
    """Return the names of all figures of a study of these devices, in the order of the page."""
    return [name for name, _, _ in figures_of(devices)]


def figure_files(devices: Iterable[str]) -> list[str]:
    """File names of all figures, in every format, relative to reports/figures."""
    return [f"{name}.{suffix}" for name in figure_names(devices) for suffix in FORMATS]
