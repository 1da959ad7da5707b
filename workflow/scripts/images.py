"""Stage that lists the images of the data set."""

from pathlib import Path
from typing import Annotated

import typer

from dnnbench.core.storage import write_json
from dnnbench.images import datasets, image_index
from dnnbench.records import paths
from dnnbench.stages import options


def main(
    output: options.Output = None,
    threads: Annotated[
        int, typer.Option(metavar="N", min=1, help="Number of files to read at once.")
    ] = 2,
    settings: options.Settings = None,
    profile: options.Profile = None,
    config: options.Config = None,
) -> None:
    """Find the images in any supported folder layout, and label and hash them.

    Without dataset.path, the data set is downloaded to resources/datasets if possible.
    """
    name, dataset = options.dataset(options.study(settings, profile, config))
    folder = dataset.path or datasets.obtain(name)
    file = output or Path(paths.IMAGE_INDEX.format(dataset=name))
    write_json(file, image_index.index(name, folder, threads))


if __name__ == "__main__":
    options.run(main)
