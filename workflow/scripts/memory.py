"""Stage: profile the memory of networks on one device."""

import os
from pathlib import Path
from typing import Annotated

import typer

from dnnbench.config import variants
from dnnbench.core import isolation, lock
from dnnbench.devices import backends
from dnnbench.engines import preparation
from dnnbench.measure import memory_profile
from dnnbench.networks import builders, model_list, registry
from dnnbench.stages import options

# Read when torch is first imported, which is later. Threads that wait must not take cores from
# other work: memory does not depend on how they wait. Nor does it on the size of pages, as long as
# only memory that is touched counts, and large tensors take fewer faults in huge ones.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")


def main(
    models: options.Models,
    output_dir: Annotated[Path, typer.Option(help="Folder of the records, JSON, one a network.")],
    device: options.Device = "cpu",
    backend: options.Backend = "cpu",
    gpu: options.Gpu = None,
    variant: options.Variant = "fp32-eager",
    batch_sizes: options.BatchSizes = "1,8",
    threads: options.Threads = None,
    cell_timeout_s: Annotated[float, typer.Option(help="Limit of a batch size, seconds.")] = 120,
    registry_file: options.Registry = options.REGISTRY,
) -> None:
    """Measure what MODELS need of the device's memory, each batch size in a fresh process.

    Cells that the records have are not measured again; remove a record to measure afresh.
    """
    networks = model_list.resolve(models, registry.load_registry(registry_file), source="MODELS")
    setup = options.setup(backend, gpu)
    way = variants.check(variant, backend)
    variants.require([variant])
    on = backends.backend(setup)
    plan = memory_profile.Plan(
        device=device,
        setup=setup,
        variant=variant,
        networks=networks,
        batch_sizes=options.integers(batch_sizes),
        threads=threads or on.default_threads(),
        cell_timeout_s=cell_timeout_s,
    )
    on.preflight()
    with lock.hold(on.lock_name):
        profiles = memory_profile.Profiles(plan, output_dir)
        if missing := profiles.missing():
            isolation.prepare()
            preparation.preload(way)
            builders.preload(networks[name] for name in missing)
        profiles.measure()


if __name__ == "__main__":
    options.run(main)
