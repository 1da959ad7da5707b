"""Stage that describes the measuring machine and its software."""

from pathlib import Path

from dnnbench.core.storage import write_json
from dnnbench.devices import backends
from dnnbench.measure import environment
from dnnbench.records import paths
from dnnbench.stages import options


def main(
    output: options.Output = None,
    settings: options.Settings = None,
    profile: options.Profile = None,
    config: options.Config = None,
) -> None:
    """Record the machine, its clocks, library versions, commit and hash of the lock file."""
    study = options.study(settings, profile, config)
    device = study.settings
    setup = backends.Setup(device.backend, device.gpu)
    threads = study.threads or backends.backend(setup).default_threads()
    file = output or Path(paths.ENVIRONMENT.format(device=device.device))
    write_json(file, environment.describe(device.device, setup, threads))


if __name__ == "__main__":
    options.run(main)
