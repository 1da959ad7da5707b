"""Checks of a machine for anything that disturbs timings, each with a fix.

A check is a function that takes the observations of a machine and returns a :class:`Check`.
Checks of the host apply to all devices. Checks of one kind of device are listed by its backend.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import replace

from dnnbench.config.parameters import Parameters
from dnnbench.core import processors
from dnnbench.devices import backends
from dnnbench.machines.checks import cpu_checks, gpu_checks, host_checks
from dnnbench.machines.checks.machine import Check, Machine, Seen, watch

__all__ = ["OF_BACKEND", "Check", "Machine", "Seen", "judge", "look"]

OF_BACKEND: Mapping[str, tuple[Callable[[Seen], Check], ...]] = {
    "cpu": cpu_checks.CHECKS,
    "cuda": gpu_checks.CARD,
    "jetson": gpu_checks.BOARD,
}


def look(settings: Parameters) -> list[Check]:
    """Observe this machine as the device of ``settings`` for 1 s; run all checks.

    Raises DeviceError if nothing can be measured on the device.
    """
    setup = backends.Setup(settings.backend, settings.gpu)
    machine = Machine(
        device=settings.device,
        setup=setup,
        threads=settings.base_threads,
        cpus=processors.given(),
        environ=os.environ,
    )
    on = backends.backend(setup)
    on.preflight()
    seen = watch(machine, on.others_busy)
    return judge(replace(seen, gpu=on.describe().get("gpu_details")))


def judge(seen: Seen) -> list[Check]:
    """Return the results of all checks of the host and of the device's backend."""
    backend = OF_BACKEND.get(seen.machine.setup.backend, ())
    return [check(seen) for check in (*host_checks.CHECKS, *backend)]
