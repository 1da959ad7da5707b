"""Which figures there are, known without data: the Snakefile lists them as its outputs."""

from collections.abc import Iterable

from dnnbench.records.published_devices import DEVICES, JETSON, label

NETWORK_FIGURES = ("top1-vs-macs", "top5-vs-macs", "top1-density", "top1-vs-density")
SPEED_FIGURES = ("top1-vs-fps", "time-table", "best-table")
MEMORY_FIGURES = ("memory-vs-size", "memory-table")
FORMATS = ("svg", "png", "json")

# No memory was published for the Jetson: the study held its budgets against the Titan's, so
# figures of "its" memory would show another machine's numbers.
WITHOUT_OWN_MEMORY = frozenset({JETSON})


def device_label(device: str) -> str:
    """The device as a reader knows it."""
    return f"{label(device)} (published 2018)" if device in DEVICES else device


def device_figure(kind: str, device: str) -> str:
    """Name of a device's figure, as in ``top1-vs-fps--cpu``."""
    return f"{kind}--{device}"


def figure_names(devices: Iterable[str]) -> list[str]:
    """Names of all figures of a study of these devices, in the order of the page."""
    names = list(NETWORK_FIGURES)
    for device in devices:
        memory = () if device in WITHOUT_OWN_MEMORY else MEMORY_FIGURES
        kinds = (*SPEED_FIGURES, *memory)
        names += [device_figure(kind, device) for kind in kinds]
    return names


def figure_files(devices: Iterable[str]) -> list[str]:
    """File names of all figures, in every format, relative to reports/figures."""
    return [f"{name}.{suffix}" for name in figure_names(devices) for suffix in FORMATS]
