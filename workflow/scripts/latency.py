"""Stage that measures one round of latencies on one device."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from dnnbench.config import variants
from dnnbench.core import isolation, lock
from dnnbench.devices import backends
from dnnbench.engines import preparation
from dnnbench.measure import allocation, graphs, round, round_state
from dnnbench.networks import builders
from dnnbench.records import paths
from dnnbench.stages import allocator_environment, calibration_pictures, options


def main(
    models: options.Models = None,
    number: Annotated[
        int, typer.Option("--round", metavar="N", min=1, max=1000, help="Number of the round.")
    ] = 1,
    variant: options.Variant = options.VARIANT,
    output: options.Output = None,
    settings: options.Settings = None,
    profile: options.Profile = None,
    config: options.Config = None,
    registry_file: options.Registry = options.REGISTRY,
) -> None:
    """Measure the latency of MODELS at each batch size, each cell in one or more fresh processes.

    Cells that took little time in the memory stage get more processes. The order is random. Cells
    already in the output file are kept; delete the file to measure them again.
    """
    study = options.study(settings, profile, config, registry_file, models)
    study.check_threads()
    study.check_round(number)
    device, timing = study.settings, study.settings.latency
    parts = variants.check(variant, device.backend)
    variants.require([variant])
    allocator = allocator_environment.enter(parts)
    setup = backends.Setup(device.backend, device.gpu)
    on = backends.backend(setup)
    networks = {name: study.networks[name] for name in study.timed}
    place = {"device": device.device, "variant": variant}
    memory = Path(paths.MEMORY.format(**place, model="")).parent
    plan = round.Round(
        number=number,
        session=study.session,
        device=device.device,
        setup=setup,
        variant=variant,
        networks=networks,
        batch_sizes=device.batch_sizes,
        protocol=timing.protocol,
        passes=timing.passes,
        threads=parts.threads or study.threads or on.default_threads(),
        cell_timeout_s=timing.cell_timeout_s,
        when_busy=device.when_busy,
        memory=allocation.memory_cells(memory, networks),
        allocator=allocator,
    )
    file = output or Path(paths.ROUND.format(**place, round=number))
    on.preflight()
    with lock.hold(on.lock_name):
        state = round_state.read(plan, file)
        if not state.is_finished:
            isolation.prepare()
            preparation.preload(parts)
            builders.preload(plan.networks.values())
            missing = dict.fromkeys(name for _, name, _, _ in state.missing)
            wanted = [networks[name] for name in missing]
            calibrate = calibration_pictures.of(study) if parts.needs_pictures else None
            built = graphs.ready(variant, wanted, device.batch_sizes, calibrate)
            plan = replace(plan, graphs=built)
        round.run(plan, file)


if __name__ == "__main__":
    options.run(main)
