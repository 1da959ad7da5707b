"""Stage that counts parameters, operations and activations of networks."""

from pathlib import Path

from dnnbench.core import progress
from dnnbench.core.storage import write_table
from dnnbench.measure import complexity
from dnnbench.networks import builders
from dnnbench.records import paths
from dnnbench.records.complexity_records import Complexity
from dnnbench.stages import options


def main(
    models: options.Models = None,
    output: options.Output = None,
    settings: options.Settings = None,
    profile: options.Profile = None,
    config: options.Config = None,
    registry_file: options.Registry = options.REGISTRY,
) -> None:
    """Count parameters, operations and activations of MODELS, at batch size 1.

    Counting needs no weights and takes less than a second per network. The table is written at the
    end.
    """
    networks = options.study(settings, profile, config, registry_file, models).networks.values()

    complexity.prepare()
    builders.preload(networks)
    rows = []
    with progress.steps("complexity", len(networks)) as step:
        for network in networks:
            step(network.key)
            rows.append(complexity.measure(network))
    write_table(output or Path(paths.COMPLEXITY), Complexity, rows)


if __name__ == "__main__":
    options.run(main)
