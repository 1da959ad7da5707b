"""Parameters, operations and activations of a network, independent of the machine.

Everything is counted on the meta device, where tensors have shapes but no values. This needs no
weights or memory, and a fraction of a second per network. Only a network that depends on values is
counted with random values, on the CPU. One multiply-add is one MAC.
:mod:`dnnbench.networks.counting` implements the counting; this module does not import torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dnnbench.core import foreign_text, isolation
from dnnbench.networks import builders
from dnnbench.networks.registry import Network
from dnnbench.records.complexity_records import Complexity

if TYPE_CHECKING:
    from collections.abc import Callable

_MIB = 2**20
_TIMEOUT_S = 120.0


def prepare() -> None:
    """Import everything that counting needs, so that this process can be forked."""
    isolation.prepare()
    import torch

    from dnnbench.networks import counting

    # The first operator on the meta device imports parts of torch for about a second.
    layer = torch.nn.Conv2d(3, 3, 1, device="meta").eval()
    counting.count(layer, torch.empty(1, 3, 1, 1, device="meta"))


def measure(network: Network) -> Complexity:
    """Count one network at batch size 1, recording a failure as status and reason.

    Size, operations and cross-check are each counted in a forked child, so that a failure loses
    nothing else. The first failure ends the counting. Call :func:`prepare` first.
    """
    fields: dict[str, Any] = {}
    for part in (_size, _operations, _cross_check):
        outcome = isolation.run(part, network, timeout_s=_TIMEOUT_S)
        if outcome.status != "ok":
            # None of our numbers depends on the cross-check, which uses another package.
            if part is not _cross_check:
                fields["complexity_status"] = outcome.status
            problem = f"{part.__name__.strip('_').replace('_', ' ')}: {outcome.message}"
            before = fields.get("complexity_message")
            fields["complexity_message"] = f"{before}; {problem}" if before else problem
            break
        fields |= outcome.value
    return Complexity(model=network.key, spec=network.spec, input_size=network.input_size, **fields)


def _size(network: Network) -> dict[str, Any]:
    from dnnbench.networks import counting

    model = builders.build(network, "meta")
    return {
        "params": counting.size(model.parameters()),
        "weights_mib": counting.size_bytes([*model.parameters(), *model.buffers()]) / _MIB,
    }


def _operations(network: Network) -> dict[str, Any]:
    from dnnbench.networks import counting

    run, message = _with_or_without_values(network, counting.count)
    if run.output_shape != (1, network.classes):
        raise ValueError(
            f"returns a tensor of shape {list(run.output_shape)}, not [1, {network.classes}]"
        )
    return {
        "params_executed": run.params_executed,
        "macs": run.macs,
        "flops": 2 * run.macs,
        "conv_macs": run.conv_macs,
        "grouped_macs": run.grouped_macs,
        "linear_mib": run.linear_bytes / _MIB,
        "traffic_mib": run.traffic_bytes / _MIB,
        "operators": run.operators,
        "activations_mib": run.activations_bytes / _MIB,
        "uncounted_operators": " ".join(run.uncounted) or None,
        "complexity_message": message,
    }


def _cross_check(network: Network) -> dict[str, Any]:
    from dnnbench.networks import counting

    macs, _ = _with_or_without_values(network, counting.thop_macs)
    return {"thop_macs": macs}


def _with_or_without_values(
    network: Network, count: Callable[[Any, Any], Any]
) -> tuple[Any, str | None]:
    """Call ``count`` on the meta device, or else the CPU, and return the reason.

    The reason is the failure on the meta device.
    """
    import torch

    shape = (1, 3, network.input_size, network.input_size)
    try:
        return count(builders.build(network, "meta"), torch.empty(shape, device="meta")), None
    except Exception as error:
        # Its control flow depends on values, or it calls an operator without a meta version.
        message = f"counted with random values on the CPU: {foreign_text.of_error(error)}"
    torch.manual_seed(0)
    return count(builders.build(network), torch.randn(shape)), message
