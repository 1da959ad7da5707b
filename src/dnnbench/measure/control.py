"""A control: where not even one convolution can be measured, no network is to blame.

It runs in the way of the cells: before the first of them, and after one that failed.
"""

from collections.abc import Callable
from typing import Any

from dnnbench.config import variants
from dnnbench.config.latency_settings import Passes
from dnnbench.core import isolation
from dnnbench.core.errors import DeviceError
from dnnbench.devices import backends
from dnnbench.measure import latency, memory
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


def check_timing(
    device: str, passes: Passes, setup: backends.Setup, threads: int, variant: str
) -> None:
    """Raise DeviceError, in one line with the cause, unless the control can be timed."""
    outcome = _run(setup, variant, latency.measure, [1], passes, setup, threads, variant)
    for timing in outcome.value or []:
        _judge(device, "timed", timing.status, timing.message)
    _judge(device, "timed", outcome.status, outcome.message)


def check_memory(device: str, setup: backends.Setup, threads: int, variant: str) -> None:
    """Raise DeviceError, in one line with the cause, unless the control's memory can be told."""
    outcome = _run(setup, variant, memory.measure, 1, setup, threads, variant)
    _judge(device, "profiled", outcome.status, outcome.message)


def _run(
    setup: backends.Setup, variant: str, measure: Callable[..., Any], *arguments: Any
) -> isolation.Outcome:
    return isolation.run(
        measure,
        NETWORK,
        *arguments,
        timeout_s=_LIMIT_S + variants.parse(variant).building_s,
        memory_mib=backends.backend(setup).allowance_mib(),
    )


def _judge(device: str, measured: str, status: str, message: str | None) -> None:
    if status != "ok":
        raise DeviceError(
            f"{device}: not even one convolution can be {measured} on this machine:"
            f" {message or status}; no network is to blame, and none is recorded as failed: correct"
            " the machine, and run again"
        )
