"""Stage that builds the graphs of networks for engines that read them."""

from pathlib import Path
from typing import Annotated

import typer

from dnnbench.config.engine import graphs as known_graphs
from dnnbench.core import progress
from dnnbench.measure import graphs
from dnnbench.records import paths
from dnnbench.stages import calibration_pictures, options


def main(
    models: options.Models = None,
    graph: Annotated[str, typer.Option(metavar="GRAPH", help="Format of the graphs.")] = "onnx",
    output_dir: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Folder for the graphs and records.")
    ] = paths.GRAPHS,
    settings: options.Settings = None,
    profile: options.Profile = None,
    config: options.Config = None,
    registry_file: options.Registry = options.REGISTRY,
) -> None:
    """Build the graphs of MODELS at each batch size, each in a fresh process.

    Finished graphs are kept. A graph that cannot be built is recorded with the reason, and the
    script continues with the others.
    """
    study = options.study(settings, profile, config, registry_file, models)
    chosen = known_graphs()[graph]
    networks = [study.networks[name] for name in study.timed]
    calibrate = calibration_pictures.of(study) if chosen.quantized_from else None
    graphs.prepare(chosen, networks)
    with progress.steps("graphs", len(networks)) as step:
        for network in networks:
            step(network.key)
            pictures = calibrate and calibrate(network)
            sizes = study.settings.batch_sizes
            graphs.update(chosen, network, sizes, output_dir, pictures, retry=True)


if __name__ == "__main__":
    options.run(main)
