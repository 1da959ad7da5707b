"""Check of the device before a run.

Run it as ``python -m dnnbench.stages.preflight --profile cuda``.

It is a separate program because the check forks, and Snakemake, which runs it before the first job,
has already started threads.
"""

from dnnbench.devices import backends
from dnnbench.stages import options


def main(
    settings: options.Settings = None,
    profile: options.Profile = None,
    config: options.Config = None,
) -> None:
    """Exit with a one-line error and its fix if the device cannot be measured."""
    study = options.study(settings, profile, config)
    device = study.settings
    backends.backend(backends.Setup(device.backend, device.gpu)).preflight()
    study.check_threads()


if __name__ == "__main__":
    options.run(main)
