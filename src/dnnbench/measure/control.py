"""A control measurement, which tells a faulty machine from a failing network.

If not even one convolution can be measured, the machine is at fault.

The control runs before the first cell, and after a network's first failed cell, in the same
variant.
"""

from collections.abc import Callable
from typing import Any

from dnnbench.config import variants
from dnnbench.core import isolation
from dnnbench.core.errors import DeviceError
from dnnbench.devices import backends
from dnnbench.networks.registry import Network

_LIMIT_S = 60.0

NETWORK = Network(
    key="one_convolution",
    name="one convolution",
    family="control",
    year=None,
    venue=None,
    builder="dnnbench.networks.architectures.one_convolution:one_convolution",
    input_size=64,
    channel_order="RGB",
    range=(0, 1),
    mean=(0.5, 0.5, 0.5),
    std=(0.5, 0.5, 0.5),
)


def check(
    device: str,
    measured: str,
    setup: backends.Setup,
    variant: str,
    measure: Callable[..., Any],
    *arguments: Any,
) -> None:
    """Raise DeviceError unless the control can be measured.

    The message is one line with the cause.

    ``measure`` is the function that measures a network in a child; it is called with the control
    network and ``arguments``. ``measured`` is the participle for the message.
    """
    outcome = isolation.run(
        measure,
        NETWORK,
        *arguments,
        timeout_s=_LIMIT_S + variants.parse(variant).building_s,
        memory_mib=backends.backend(setup).allowance_mib(),
    )
    timings = outcome.value if isinstance(outcome.value, list) else []
    for one in (*timings, outcome):
        if one.status != "ok":
            raise DeviceError(
                f"{device}: not even one convolution can be {measured} on this machine:"
                f" {(one.message or one.status).rstrip('.')}. No network is recorded as failed."
                " Fix the machine, then rerun the command."
            )
