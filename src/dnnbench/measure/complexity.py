"""What a network costs on any machine: parameters, operations, activations.

Everything is counted on the meta device, where tensors have shapes and no values: no weights, no
memory, a fraction of a second a network. Only a network that asks for values is counted with some,
on the CPU. One multiply-add is one MAC. :mod:`dnnbench.networks.counting` does the counting;
importing this module costs no import of torch.
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
    """Make this process fit to fork from, with all imported that counting takes."""
    isolation.prepare()
    import torch

    from dnnbench.networks import counting

    # The first operator without values imports a second's worth of torch.
    layer = torch.nn.Conv2d(3, 3, 1, device="meta").eval()
    counting.count(layer, torch.empty(1, 3, 1, 1, device="meta"))


def measure(network: Network) -> Complexity:
    """Count one network at batch size 1; what cannot be counted is a status, a reason, no number.

    Size, operations and cross-check are counted in a forked child each, so that one that breaks
    takes nothing with it; the first that does ends the counting. Call :func:`prepare` first.
    """
    fields: dict[str, Any] = {}
    for part in (_size, _operations, _cross_check):
        outcome = isolation.run(part, network, timeout_s=_TIMEOUT_S)
        if outcome.status != "ok":
            # The cross-check is another package's, and no number of ours rests on it.
            if part is not _cross_check:
                fields["complexity_status"] = outcome.status
            said = f"{part.__name__.strip('_').replace('_', ' ')}: {outcome.message}"
            before = fields.get("complexity_message")
            fields["complexity_message"] = f"{before}; {said}" if before else said
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
            f"returned a tensor of shape {list(run.output_shape)}, not [1, {network.classes}]"
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
    """What ``count`` returns of a network on the meta device, or else on the CPU, and why there."""
    import torch

    shape = (1, 3, network.input_size, network.input_size)
    try:
        return count(builders.build(network, "meta"), torch.empty(shape, device="meta")), None
    except Exception as error:
        # It goes where values say, or calls what has no shapes without them.
        message = f"counted with values, on the CPU: {foreign_text.of_error(error)}"
    torch.manual_seed(0)
    return count(builders.build(network), torch.randn(shape)), message
