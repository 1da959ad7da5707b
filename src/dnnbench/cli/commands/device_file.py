"""``dnnbench device-file``: write a device file for the current machine."""

from pathlib import Path
from typing import Annotated

import typer


def device_file(
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="File to write; by default, config/devices/NAME.yaml."),
    ] = None,
    select: Annotated[
        str | None,
        typer.Option(metavar="GPU", help="GPU to use: its number in `nvidia-smi -L`, or its UUID."),
    ] = None,
) -> None:
    """Write a device file and a profile for this machine.

    The device is the machine itself if it is a Jetson, else its NVIDIA GPU, or
    else its CPU. Its name comes from the hardware, or from --output. Existing
    files are never overwritten. Edit the file to change what is measured.

    Example:

      dnnbench device-file --output config/devices/lab-gpu.yaml
    """
    from dnnbench.cli import messages
    from dnnbench.machines import device_template

    found = device_template.find(select)
    name = device_template.name_of(found.model)
    file = output or device_template.FOLDER / f"{name}.yaml"
    for path in device_template.write(found, file):
        typer.echo(path)
    fields = {"model": found.model, "backend": found.kind, "profile": file.stem}
    typer.echo(messages.DEVICE_FILE.format_map(fields))
