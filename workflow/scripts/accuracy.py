"""Stage that measures the accuracy of one network, in one variant, on decoded images."""

from pathlib import Path
from typing import Annotated

import typer

from dnnbench.config import variants
from dnnbench.core import lock, speed_variables
from dnnbench.core.errors import UserError
from dnnbench.core.storage import write_json
from dnnbench.devices import backends
from dnnbench.images import decoded_arrays, geometry
from dnnbench.measure import accuracy
from dnnbench.records import paths
from dnnbench.stages import options

# Set before torch is imported. Waiting threads should not occupy cores, because other jobs may run
# and no latency is measured here.
speed_variables.default(speed_variables.WAIT_POLICY, "PASSIVE")


def main(
    model: Annotated[
        str,
        typer.Argument(metavar="MODEL", help="Network, in the syntax of `models` in params.yaml."),
    ],
    weights: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Record of the network's weights.",
            show_default="in resources/weights",
        ),
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Record of the decoded images.", show_default="in resources/images"
        ),
    ] = None,
    variant: options.Variant = options.VARIANT,
    output: options.Output = None,
    settings: options.Settings = None,
    profile: options.Profile = None,
    config: options.Config = None,
    registry_file: options.Registry = options.REGISTRY,
) -> None:
    """Measure the top-1 and top-5 accuracy of MODEL, or resume an interrupted measurement.

    The predictions are written to a file next to the record.
    """
    study = options.study(settings, profile, config, registry_file, [model])
    study.check_threads()
    device, (name, dataset) = study.settings, options.dataset(study)
    parts = variants.check(variant, device.backend)
    if variant != parts.computes:
        raise UserError(
            f"--variant: {variant!r}: has the accuracy of {parts.computes}. Measure that instead."
        )
    variants.require([variant])
    (network,) = study.networks.values()
    place = {"dataset": name, "model": network.key}
    pattern = paths.ACCURACY if variant == variants.REFERENCE else paths.VARIANT_ACCURACY
    output = output or Path(pattern.format(**place, device=device.device, variant=variant))
    try:
        cut = geometry.of(network, dataset.protocol)
    except geometry.GeometryError as error:
        what = {**place, "protocol": dataset.protocol, "variant": variant}
        write_json(output, accuracy.leave_out(output, str(error), **what))
        print(f"{network.key}: accuracy not measured: {error}")
        return
    decoded = images or Path(paths.DECODED_IMAGES.format(dataset=name, geometry=cut.name))
    setup = backends.Setup(device.backend, device.gpu)
    on = backends.backend(setup)
    with lock.hold(on.lock_name):
        record = accuracy.measure(
            network,
            weights or Path(paths.WEIGHTS.format(**place)),
            decoded_arrays.open_decoded(decoded),
            output,
            dataset=name,
            protocol=dataset.protocol,
            device=device.device,
            setup=setup,
            threads=study.threads or on.default_threads(),
            variant=variant,
        )
    write_json(output, record)


if __name__ == "__main__":
    options.run(main)
