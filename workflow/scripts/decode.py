"""Stage that decodes the images of the data set for all networks with the same geometry."""

from pathlib import Path
from typing import Annotated

import typer

from dnnbench.core.storage import read_json, write_json
from dnnbench.images import decoded_arrays
from dnnbench.images.geometry import Geometry
from dnnbench.records import paths
from dnnbench.records.image_records import ImageIndex
from dnnbench.stages import options


def main(
    geometry: Annotated[
        str,
        typer.Argument(
            metavar="GEOMETRY",
            help="Resize filter, short side and crop in pixels, for example bilinear-256-224.",
        ),
    ],
    index: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Index of the data set.", show_default="in resources/images"
        ),
    ] = None,
    output: options.Output = None,
    threads: Annotated[
        int, typer.Option(metavar="N", min=1, help="Number of images to decode at once.")
    ] = 2,
    settings: options.Settings = None,
    profile: options.Profile = None,
    config: options.Config = None,
) -> None:
    """Decode every image, resized and cropped to GEOMETRY, into an array for the networks.

    An interrupted run can be resumed: images that are already decoded are kept.
    """
    dataset, _ = options.dataset(options.study(settings, profile, config))
    cut = Geometry.parse(geometry)
    index = index or Path(paths.IMAGE_INDEX.format(dataset=dataset))
    output = output or Path(paths.DECODED_IMAGES.format(dataset=dataset, geometry=cut.name))
    record = decoded_arrays.decode(read_json(index, ImageIndex), cut, output.parent, threads)
    write_json(output, record)


if __name__ == "__main__":
    options.run(main)
