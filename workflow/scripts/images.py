"""Stage: list the pictures of a data set."""

from pathlib import Path
from typing import Annotated

import typer

from dnnbench.core.storage import write_json
from dnnbench.images import datasets, image_index
from dnnbench.stages import options


def main(
    dataset: Annotated[str, typer.Argument(help="Data set, as in params.yaml: dataset.name.")],
    output: Annotated[Path, typer.Option(help="Index to write, JSON.")],
    path: Annotated[
        Path | None, typer.Option(help="Folder of the data set.", show_default="downloaded")
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="Files read at a time.")] = 2,
) -> None:
    """Find the pictures of DATASET in whatever layout they lie, label and hash them.

    Without --path, one that can be downloaded is, into resources/datasets.
    """
    folder = datasets.obtain(dataset) if path is None else path
    write_json(output, image_index.index(dataset, folder, threads))


if __name__ == "__main__":
    options.run(main)
