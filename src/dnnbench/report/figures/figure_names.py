"""Names of all figures, computed without data.

The Snakefile declares them as outputs.
"""

from collections.abc import Collection, Iterable, Iterator

from dnnbench.records.published_study import JETSON
from dnnbench.report.figures.kind import Kind, kinds

FORMATS = ("svg", "png", "json")

# No memory was published for the Jetson. The study used the Titan's memory for its budgets, so a
# memory figure of the Jetson would show numbers of another machine.
WITHOUT_OWN_MEMORY = frozenset({JETSON})


def figures_of(
    devices: Iterable[str], at_several_threads: Collection[str] = ()
) -> Iterator[tuple[str, Kind, str | None]]:
    """Yield name, kind and device of each figure of a study, in page order.

    A name looks like ``top1-vs-fps--cpu``. The device is None for figures about the networks.
    ``at_several_threads`` are the devices that were measured at several numbers of threads.
    """
    for kind in kinds(per_device=False):
        yield kind.name, kind, None
    for device in devices:
        for kind in kinds(per_device=True):
            if kind.own_memory and device in WITHOUT_OWN_MEMORY:
                continue
            if not kind.several_threads or device in at_several_threads:
                yield f"{kind.name}--{device}", kind, device


def figure_names(devices: Iterable[str], at_several_threads: Collection[str] = ()) -> list[str]:
    """Return the names of all figures of a study of these devices, in page order."""
    return [name for name, _, _ in figures_of(devices, at_several_threads)]


def figure_files(devices: Iterable[str], at_several_threads: Collection[str] = ()) -> list[str]:
    """Return all figures' file names in every format, relative to reports/figures."""
    names = figure_names(devices, at_several_threads)
    return [f"{name}.{suffix}" for name in names for suffix in FORMATS]
