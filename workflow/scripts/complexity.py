"""Stage: count parameters, operations and activations of networks."""

from pathlib import Path
from typing import Annotated

import typer

from dnnbench.core import isolation, progress
from dnnbench.core.storage import write_table
from dnnbench.measure import complexity
from dnnbench.networks import builders, model_list, registry
from dnnbench.records import paths
from dnnbench.records.complexity_records import Complexity
from dnnbench.stages import options


def main(
    models: options.Models,
    registry_file: options.Registry = options.REGISTRY,
    output: Annotated[Path, typer.Option(help="Table to write, CSV.")] = Path(paths.COMPLEXITY),
) -> None:
    """Count what MODELS cost on any machine: parameters, operations, activations at batch 1.

    Needs no weights and takes under a second a network. The table appears when all are counted.
    """
    known = registry.load_registry(registry_file)
    networks = model_list.resolve(models, known, source="MODELS").values()

    isolation.prepare()
    builders.preload(networks)
    rows = []
    with progress.steps("complexity", len(networks)) as step:
        for network in networks:
            step(network.key)
            rows.append(complexity.measure(network))
    write_table(output, Complexity, rows)


if __name__ == "__main__":
    options.run(main)
