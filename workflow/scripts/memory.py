"""Stage that profiles the memory of networks on one device."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from dnnbench.config import variants
from dnnbench.core import isolation, lock, speed_variables
from dnnbench.devices import backends
from dnnbench.engines import preparation
from dnnbench.measure import graphs, memory_profile
from dnnbench.networks import builders
from dnnbench.records import paths
from dnnbench.stages import allocator_environment, calibration_pictures, options

# Set before torch is imported. Memory does not depend on how threads wait, so waiting threads
# should not occupy cores.
speed_variables.default(speed_variables.WAIT_POLICY, "PASSIVE")


def main(
    models: options.Models = None,
    variant: options.Variant = options.VARIANT,
    output_dir: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Folder of the records.",
            show_default="the study's folder in results/",
        ),
    ] = None,
    settings: options.Settings = None,
    profile: options.Profile = None,
    config: options.Config = None,
    registry_file: options.Registry = options.REGISTRY,
) -> None:
    """Measure the device memory of MODELS, each batch size in a fresh process.

    Cells already in the records are kept; delete a record to measure its cells again.
    """
    study = options.study(settings, profile, config, registry_file, models)
    study.check_threads()
    device = study.settings
    parts = variants.check(variant, device.backend)
    variants.require([variant])
    allocator = allocator_environment.enter(parts)
    if not allocator:
        # Nor does it depend on the page size, because only touched memory counts, and huge pages
        # save page faults. How much an allocator keeps may depend on it.
        speed_variables.default("THP_MEM_ALLOC_ENABLE", "1")
    setup = backends.Setup(device.backend, device.gpu)
    on = backends.backend(setup)
    plan = memory_profile.Plan(
        device=device.device,
        setup=setup,
        variant=variant,
        networks={name: study.networks[name] for name in study.timed},
        batch_sizes=device.batch_sizes,
        threads=parts.threads or study.threads or on.default_threads(),
        cell_timeout_s=device.memory.cell_timeout_s,
        allocator=allocator,
    )
    folder = Path(paths.MEMORY.format(device=device.device, variant=variant, model="")).parent
    on.preflight()
    with lock.hold(on.lock_name):
        profiles = memory_profile.Profiles(plan, output_dir or folder)
        if missing := profiles.missing():
            isolation.prepare()
            preparation.preload(parts)
            networks = [plan.networks[name] for name in missing]
            builders.preload(networks)
            calibrate = calibration_pictures.of(study) if parts.needs_pictures else None
            built = graphs.ready(variant, networks, device.batch_sizes, calibrate)
            profiles = memory_profile.Profiles(replace(plan, graphs=built), output_dir or folder)
        profiles.measure()


if __name__ == "__main__":
    options.run(main)
