"""Whether the device can be measured: ``python -m dnnbench.stages.preflight --profile cuda``.

A program of its own, since it forks to look at the device: Snakemake, which asks before its first
job, has threads by then.
"""

from dnnbench.devices import backends
from dnnbench.stages import options


def main(
    settings: options.Settings = None,
    profile: options.Profile = None,
    config: options.Config = None,
) -> None:
    """End in one line where nothing can be measured on the device, which says what to do."""
    study = options.study(settings, profile, config)
    device = study.settings
    backends.backend(backends.Setup(device.backend, device.gpu)).preflight()
    study.check_threads()


if __name__ == "__main__":
    options.run(main)
