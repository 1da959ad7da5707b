"""Stage: profile the memory of one network on one device."""

import os
from pathlib import Path
from typing import Annotated

import typer

from dnnbench import devices, isolation, lock, memory, options, registry
from dnnbench.records import write_json

# Read when torch is first imported, which is later. Threads that wait must not take cores from
# other jobs: memory does not depend on how they wait. Nor does it on the size of pages, as long as
# only memory that is touched counts, and large tensors take fewer faults in huge ones.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")


def main(
    model: Annotated[str, typer.Argument(help="A name from the registry.")],
    output: Annotated[Path, typer.Option(help="Record to write, JSON.")],
    device: options.Device = "cpu",
    backend: options.Backend = "cpu",
    variant: options.Variant = "fp32-eager",
    batch_sizes: options.BatchSizes = "1,8",
    threads: options.Threads = None,
    cell_timeout_s: Annotated[float, typer.Option(help="Limit of a batch size, seconds.")] = 120,
    registry_file: options.Registry = options.REGISTRY,
) -> None:
    """Measure what MODEL needs of the device's memory, each batch size in a fresh process."""
    known = registry.load_registry(registry_file)
    (name,) = registry.resolve([model], known, source="MODEL")
    isolation.prepare()
    registry.preload([known[name]])
    on = devices.backend(backend)
    # Jobs of one workflow overlap while they import; two that measured at once would take turns
    # at every thread barrier, and be many times slower.
    with lock.hold(on.lock_name, patience_s=60):
        record = memory.profile(
            known[name],
            options.integers(batch_sizes),
            device=device,
            backend=backend,
            variant=variant,
            threads=threads or on.default_threads(),
            cell_timeout_s=cell_timeout_s,
        )
    write_json(output, record)


if __name__ == "__main__":
    options.run(main)
