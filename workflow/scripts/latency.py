"""Stage: time forward passes on one device, one round."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from dnnbench.config import variants
from dnnbench.config.latency_settings import Latency
from dnnbench.core import isolation, lock
from dnnbench.devices import backends
from dnnbench.engines import preparation
from dnnbench.measure import round
from dnnbench.networks import builders, model_list, registry
from dnnbench.stages import options


def main(
    models: options.Models,
    output: Annotated[Path, typer.Option(help="File of the round, JSON lines.")],
    number: Annotated[int, typer.Option("--round", min=1, help="Which round this is.")] = 1,
    device: options.Device = "cpu",
    backend: options.Backend = "cpu",
    gpu: options.Gpu = None,
    variant: options.Variant = "fp32-eager",
    batch_sizes: options.BatchSizes = "1,8",
    threads: options.Threads = None,
    protocol: Annotated[str, typer.Option(help="default or bianco2018.")] = "default",
    total: Annotated[int, typer.Option("--rounds", min=1, help="Rounds of the study.")] = 1,
    discard: Annotated[int, typer.Option(min=1, help="Passes before the timed ones.")] = 1,
    samples: Annotated[str, typer.Option(help="Fewest and most timed passes.")] = "1,3",
    cell_timeout_s: Annotated[float, typer.Option(help="Limit of a cell, seconds.")] = 60,
    when_busy: Annotated[str, typer.Option(help="On a busy machine: flag or refuse.")] = "flag",
    memory_dir: Annotated[
        Path | None,
        typer.Option(help="Folder of memory records, by which batches that cannot fit are left."),
    ] = None,
    session: Annotated[
        str | None, typer.Option(envvar="DNNBENCH_SESSION", help="Session. [default: the time]")
    ] = None,
    registry_file: options.Registry = options.REGISTRY,
) -> None:
    """Time MODELS at each batch size, every cell in a fresh process, in random order.

    Cells that the output file has are not measured again; remove the file to measure afresh.
    """
    networks = model_list.resolve(models, registry.load_registry(registry_file), source="MODELS")
    setup = options.setup(backend, gpu)
    way = variants.check(variant, backend)
    variants.require([variant])
    on = backends.backend(setup)
    settings = {"protocol": protocol, "rounds": total, "discard": discard}
    plan = round.Round(
        number=number,
        session=session or datetime.now().strftime("%Y-%m-%dT%H:%M"),
        device=device,
        setup=setup,
        variant=variant,
        networks=networks,
        batch_sizes=options.integers(batch_sizes),
        protocol=protocol,
        passes=Latency.model_validate(settings | {"samples": options.integers(samples)}).passes,
        threads=threads or on.default_threads(),
        cell_timeout_s=cell_timeout_s,
        when_busy=when_busy,
        memory=on.known_memory(memory_dir, networks) if memory_dir else {},
    )
    isolation.prepare()
    preparation.preload(way)
    builders.preload(plan.networks.values())
    on.preflight()
    with lock.hold(on.lock_name):
        round.run(plan, output)


if __name__ == "__main__":
    options.run(main)
