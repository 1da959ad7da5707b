"""The cost of a fresh process: a fork or a new interpreter, and building a network in it.

Prints medians of alternating repetitions in one run, and their ratio. The ratio carries over to
other machines better than the durations do.
"""

import subprocess
import sys
import time
from collections.abc import Callable
from statistics import median

from dnnbench.core import isolation
from dnnbench.networks import builders, registry

REPETITIONS = 5
NETWORKS = ("squeezenet1_1", "resnet50", "vgg19", "nasnetalarge")


def compare(what: str, ours: Callable[[], object], usual: Callable[[], object]) -> None:
    """Time both in turn and print the medians and their ratio."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(REPETITIONS):
        for function, taken in zip((ours, usual), times, strict=True):
            started = time.perf_counter()
            function()
            taken.append(time.perf_counter() - started)
    one, other = map(median, times)
    print(f"{what:40}  {one:8.3f} s  {other:8.3f} s  {other / one:6.1f} x")


def main() -> None:
    """Compare dnnbench with the usual approach."""
    isolation.prepare()
    networks = registry.load_registry()
    builders.preload([networks[name] for name in NETWORKS])
    print(f"{'':40}  {'ours':>10}  {'usual':>10}  {'ratio':>8}")
    compare(
        "process: fork, new interpreter",
        lambda: isolation.run(int, timeout_s=60),
        lambda: subprocess.run([sys.executable, "-c", "import torch, torchvision"], check=True),
    )
    for name in NETWORKS:
        compare(
            f"build {name}: pooled, own initializers",
            lambda name=name: isolation.run(_build_pooled, networks[name], timeout_s=60),
            lambda name=name: isolation.run(_build_usual, name, timeout_s=60),
        )


def _build_pooled(network: registry.Network) -> None:
    builders.build(network)  # The network itself must not travel back through the pipe.


def _build_usual(name: str) -> None:
    import pretrainedmodels

    getattr(pretrainedmodels, name)(num_classes=1000, pretrained=None)


if __name__ == "__main__":
    main()
