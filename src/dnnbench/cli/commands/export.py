"""``dnnbench export``: write the graph of a network, for deployment."""

from pathlib import Path
from typing import Annotated

import typer

from dnnbench.cli import completion, messages
from dnnbench.core.errors import UserError


def export(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="Network, in the syntax of `models` in params.yaml.",
            autocompletion=completion.complete_network,
        ),
    ],
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="File to write: NAME.onnx, or NAME.xml for int8-openvino."
        ),
    ],
    variant: Annotated[
        str,
        typer.Option(metavar="VARIANT", help="Variant whose engine reads graphs."),
    ] = "fp32-onnxruntime",
    batch_size: Annotated[
        int, typer.Option(metavar="N", min=1, max=65_536, help="Images per pass.")
    ] = 1,
    profile: Annotated[
        str | None,
        typer.Option(
            metavar="DEVICE", help="Name of the device file; by default, profile in params.yaml."
        ),
    ] = None,
    results: completion.Results = completion.RESULTS,
) -> None:
    """Write the graph of a trained network, to deploy it without dnnbench.

    NAME.json next to it has the preprocessing, the labels, the origin of the
    weights, and the measurements of this network and variant. Existing files
    are never overwritten.

    Example:

      dnnbench export resnet50 resnet50.onnx --variant fp32-onnxruntime
    """
    from dnnbench.config import variants
    from dnnbench.core import storage
    from dnnbench.stages import graph_export, study_settings

    record = file.with_suffix(".json")
    for path in (file, record):
        if path.exists():
            raise UserError(f"{path}: exists already. Remove it, or choose another name.")
    study = study_settings.load(profile, models=[model])
    parsed = variants.check(variant, study.settings.backend)
    variants.require([variant])
    if parsed.graph and file.suffix != parsed.graph.suffix:
        raise UserError(
            f"FILE: {str(file)!r}: {variant} is exported as NAME{parsed.graph.suffix}. Write that."
        )
    exported = graph_export.write(study, parsed, batch_size, file, results)
    storage.write_json(record, exported)
    for path in (file, record):
        typer.echo(path)
    if not exported.measured:
        typer.echo(messages.EXPORT_NOT_MEASURED.format(variant=variant, batch_size=batch_size))
