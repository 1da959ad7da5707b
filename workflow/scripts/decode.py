"""Stage: decode the pictures of a data set for the networks that share a geometry."""

from pathlib import Path
from typing import Annotated

import typer

from dnnbench.core.storage import read_json, write_json
from dnnbench.images import decoded_arrays
from dnnbench.images.geometry import Geometry
from dnnbench.records.image_records import ImageIndex
from dnnbench.stages import options


def main(
    geometry: Annotated[str, typer.Argument(help="Filter, short side and crop: bilinear-256-224.")],
    index: Annotated[Path, typer.Option(help="Index of the data set, JSON.")],
    output: Annotated[Path, typer.Option(help="Record to write, JSON, beside the array.")],
    threads: Annotated[int, typer.Option(min=1, help="Pictures decoded at a time.")] = 2,
) -> None:
    """Decode every picture once, cut to GEOMETRY, into an array that networks read.

    A run that was stopped goes on where it was; pictures that are there already are kept.
    """
    cut = Geometry.parse(geometry)
    record = decoded_arrays.decode(read_json(index, ImageIndex), cut, output.parent, threads)
    write_json(output, record)


if __name__ == "__main__":
    options.run(main)
