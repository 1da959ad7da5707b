"""Whether the device can be measured: ``python -m dnnbench.stages.preflight --backend cuda``.

A program of its own, since it forks to look at the device: Snakemake, which asks before its first
job, has threads by then.
"""

from dnnbench.devices import backends
from dnnbench.stages import options


def main(backend: options.Backend = "cpu", gpu: options.Gpu = None) -> None:
    """End in one line where nothing can be measured on the device, which says what to do."""
    backends.backend(options.setup(backend, gpu)).preflight()


if __name__ == "__main__":
    options.run(main)
