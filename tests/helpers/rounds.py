import dataclasses

from dnnbench.config.latency_settings import PROTOCOLS
from dnnbench.devices.backends import Setup
from dnnbench.measure import round
from helpers import toys


def plan(*names, **changes):
    default = round.Round(
        number=1,
        session="monday",
        device="cpu",
        setup=Setup("cpu"),
        variant="fp32-eager",
        networks={name: toys.entry(name) for name in names},
        batch_sizes=[1, 2],
        protocol="default",
        passes=PROTOCOLS["default"],
        threads=2,
        cell_timeout_s=20,
        when_busy="flag",
    )
    return dataclasses.replace(default, **changes)
