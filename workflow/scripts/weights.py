"""Stage: fetch and verify trained weights."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated

import typer

from dnnbench.core import isolation, progress
from dnnbench.core.storage import write_json
from dnnbench.networks import builders
from dnnbench.networks.registry import Network
from dnnbench.networks.weights import fetch, foreign
from dnnbench.records import paths
from dnnbench.records.weights_records import WeightsRecord
from dnnbench.stages import options

_SIDE_BY_SIDE = 4  # Files that are downloaded at a time.
_FOLDER = Path(paths.WEIGHTS).parent


def main(
    models: options.Models = None,
    output_dir: Annotated[Path, typer.Option(help="Folder for files and records.")] = _FOLDER,
    settings: options.Settings = None,
    profile: options.Profile = None,
    config: options.Config = None,
    registry_file: options.Registry = options.REGISTRY,
) -> None:
    """Fetch the weights of MODELS, verify them, and write a record of each.

    Where no source has a file, the record says why, and the other networks go on.
    """
    study = options.study(settings, profile, config, registry_file, models)
    allowed = study.settings.weights
    apart = [
        one
        for one in study.networks.values()
        if builders.is_foreign(one) and (one.weights or one.key in allowed.override)
    ]
    others = [one for one in study.networks.values() if one not in apart]

    def keep(network: Network, record: WeightsRecord) -> str:
        file = paths.in_folder(output_dir, paths.WEIGHTS, model=network.key)
        write_json(file, record)
        return fetch.describe(record, file)

    lines = []
    if apart:  # First: a process with threads is not fit to fork from.
        isolation.prepare()
        lines = [keep(one, foreign.obtain(one, allowed, output_dir)) for one in apart]
    with progress.transfers("weights") as begin, ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        lines += pool.map(
            lambda one: keep(one, fetch.obtain(one, allowed, output_dir, begin)), others
        )
    print("\n".join(lines))


if __name__ == "__main__":
    options.run(main)
