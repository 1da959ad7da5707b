"""Stage: describe the machine and the software that measure."""

from pathlib import Path
from typing import Annotated

import typer

from dnnbench.core.storage import write_json
from dnnbench.devices import backends
from dnnbench.measure import environment
from dnnbench.stages import options


def main(
    output: Annotated[Path, typer.Option(help="Record to write, JSON.")],
    device: options.Device = "cpu",
    backend: options.Backend = "cpu",
    gpu: options.Gpu = None,
    threads: options.Threads = None,
) -> None:
    """Record machine, clocks, library versions, commit and lock file."""
    setup = options.setup(backend, gpu)
    on = backends.backend(setup)
    threads = threads or on.default_threads()
    write_json(output, environment.describe(device, setup, threads))


if __name__ == "__main__":
    options.run(main)
