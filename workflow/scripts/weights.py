"""Stage that fetches and verifies trained weights."""

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

_PARALLEL_DOWNLOADS = 4
_FOLDER = Path(paths.WEIGHTS).parent


def main(
    models: options.Models = None,
    output_dir: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Folder for files and records.")
    ] = _FOLDER,
    settings: options.Settings = None,
    profile: options.Profile = None,
    config: options.Config = None,
    registry_file: options.Registry = options.REGISTRY,
) -> None:
    """Fetch and verify the weights of MODELS, and write a record for each.

    If no source has the weights of a network, its record states why, and the script continues with
    the other networks.
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
    if apart:  # Before any threads start, because this forks.
        isolation.prepare()
        lines = [keep(one, foreign.obtain(one, allowed, output_dir)) for one in apart]
    with progress.transfers("weights") as begin, ThreadPoolExecutor(_PARALLEL_DOWNLOADS) as pool:
        lines += pool.map(
            lambda one: keep(one, fetch.obtain(one, allowed, output_dir, begin)), others
        )
    print("\n".join(lines))


if __name__ == "__main__":
    options.run(main)
