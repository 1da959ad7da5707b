"""Stage: measure the accuracy of one network over decoded pictures."""

import os
from pathlib import Path
from typing import Annotated

import typer

from dnnbench.core import lock
from dnnbench.core.storage import write_json
from dnnbench.devices import backends
from dnnbench.images import decoded_arrays
from dnnbench.measure import accuracy
from dnnbench.networks import model_list, registry
from dnnbench.stages import options

# Read when torch is first imported, which is later. Threads that wait must not take cores from
# whatever else runs: no time is measured here.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def main(
    model: Annotated[str, typer.Argument(help="A name as in params.yaml: models.")],
    weights: Annotated[Path, typer.Option(help="Record of the network's weights.")],
    images: Annotated[Path, typer.Option(help="Record of the decoded pictures.")],
    output: Annotated[Path, typer.Option(help="Record to write, JSON; answers beside it.")],
    dataset: Annotated[str, typer.Option(help="Name of the pictures in records.")] = "folder",
    protocol: Annotated[str, typer.Option(help="bianco2018 or native.")] = "bianco2018",
    device: options.Device = "cpu",
    backend: options.Backend = "cpu",
    gpu: options.Gpu = None,
    threads: options.Threads = None,
    registry_file: options.Registry = options.REGISTRY,
) -> None:
    """Measure top-1 and top-5 of MODEL. Goes on where a run that was stopped had got to."""
    known = registry.load_registry(registry_file)
    (network,) = model_list.resolve(model, known, source="MODEL").values()
    setup = options.setup(backend, gpu)
    on = backends.backend(setup)
    with lock.hold(on.lock_name):
        record = accuracy.measure(
            network,
            weights,
            decoded_arrays.open_decoded(images),
            output,
            dataset=dataset,
            protocol=protocol,
            device=device,
            setup=setup,
            threads=threads or on.default_threads(),
        )
    write_json(output, record)


if __name__ == "__main__":
    options.run(main)
