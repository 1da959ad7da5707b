"""``dnnbench device-file``: the machine at hand as a device of the study."""

from pathlib import Path
from typing import Annotated

import typer


def device_file(
    output: Annotated[
        Path | None,
        typer.Option(help="File to write.", show_default="config/devices/NAME.yaml"),
    ] = None,
    select: Annotated[
        str | None,
        typer.Option(help="Which GPU of several: its place in nvidia-smi -L, or UUID."),
    ] = None,
) -> None:
    """Write a device file for this machine: for a Jetson, its NVIDIA GPU, or else its CPU.

    It gets a name made from the card's, or NAME of --output, and a profile.
    Nothing is overwritten. What it says is there to be edited.

    Example:

      dnnbench device-file --output config/devices/lab-gpu.yaml
    """
    from dnnbench.machines import device_template

    found = device_template.find(select)
    name = device_template.name_of(found.model)
    file = output or device_template.FOLDER / f"{name}.yaml"
    for path in device_template.write(found, file):
        typer.echo(path)
    typer.echo(f"{found.model}, backend {found.kind}. Next: snakemake --profile {file.stem}")
