"""Stage: fetch and verify trained weights."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from dnnbench.config.section import ParameterError
from dnnbench.config.weights_settings import Weights
from dnnbench.core import progress
from dnnbench.core.storage import describe, write_json
from dnnbench.networks import model_list, registry
from dnnbench.networks.weights import fetch
from dnnbench.records import paths
from dnnbench.stages import options

_SIDE_BY_SIDE = 4  # Files that are downloaded at a time.


def settings_of(tiers: str, mirror: Path | None, overrides: list[str]) -> Weights:
    """The options as the section of params.yaml that they stand for. Raises ParameterError."""
    own = {}
    for text in overrides:
        model, _, file = text.partition("=")
        sha256, _, path = file.partition(":")
        own[model] = {"sha256": sha256, "path": path}
    allowed = [tier for tier in tiers.split(",") if tier]
    try:
        return Weights.model_validate({"tiers": allowed, "mirror": mirror, "override": own})
    except ValidationError as error:
        raise ParameterError(f"options: {describe(error)}; see --help") from None


def main(
    models: options.Models,
    tiers: Annotated[
        str, typer.Option(help="Sources allowed: A of 2018, B same tensors, C other weights.")
    ] = "A,B",
    mirror: Annotated[Path | None, typer.Option(help="Folder to look in first.")] = None,
    override: Annotated[
        list[str] | None, typer.Option(help="A file of your own: MODEL=SHA256:PATH.")
    ] = None,
    registry_file: options.Registry = options.REGISTRY,
    output_dir: Annotated[Path, typer.Option(help="Folder for files and records.")] = Path(
        paths.WEIGHTS
    ).parent,
) -> None:
    """Fetch the weights of MODELS, verify them, and write a record of each.

    Where no source has a file, the record says why, and the other networks go on.
    """
    known = registry.load_registry(registry_file)
    networks = model_list.resolve(models, known, source="MODELS")
    settings = settings_of(tiers, mirror, override or [])
    settings = fetch.check(settings, {**known, **networks}, "options")

    with progress.transfers("weights") as begin, ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:

        def obtain(network: registry.Network) -> str:
            file = paths.in_folder(output_dir, paths.WEIGHTS, model=network.key)
            record = fetch.obtain(network, settings, output_dir, begin)
            write_json(file, record)
            return fetch.describe(record, file)

        lines = list(pool.map(obtain, networks.values()))
    print("\n".join(lines))


if __name__ == "__main__":
    options.run(main)
