"""What a network costs on any machine: parameters, operations, activations.

Everything is counted on the meta device, where tensors have shapes and no values: no weights, no
memory, a fraction of a second a network. One multiply-add is one MAC.
:mod:`dnnbench.networks.counting` does the counting; importing this module costs no import of torch.
"""

from dnnbench.core import isolation
from dnnbench.core.errors import UserError
from dnnbench.networks import builders
from dnnbench.networks.registry import Network
from dnnbench.records.complexity_records import Complexity

_MIB = 2**20
_TIMEOUT_S = 120.0


class ComplexityError(UserError):
    """A network that could not be counted: names the network and what it raised."""


def measure(network: Network) -> Complexity:
    """Count one network at batch size 1, in a forked child: thop leaves hooks and buffers behind.

    The calling process must be fit to fork from (:func:`dnnbench.core.isolation.prepare`). Raises
    ComplexityError naming the network where it cannot be built, does not run, or does not return
    N x classes logits.
    """
    outcome = isolation.run(_measure, network, timeout_s=_TIMEOUT_S)
    if outcome.status != "ok":
        raise ComplexityError(
            f"{network.key}: {outcome.status} while counting: {outcome.message};"
            " correct its registry entry, or leave it out of the models"
        )
    complexity: Complexity = outcome.value
    return complexity


def _measure(network: Network) -> Complexity:
    import torch

    from dnnbench.networks import counting

    model = builders.build(network, "meta")
    images = torch.empty(1, 3, network.input_size, network.input_size, device="meta")
    params = counting.size(model.parameters())
    weights = counting.size_bytes([*model.parameters(), *model.buffers()])
    run = counting.count(model, images)
    if run.output_shape != (1, network.classes):
        raise ComplexityError(
            f"returned a tensor of shape {list(run.output_shape)}, not [1, {network.classes}]"
        )
    return Complexity(
        model=network.key,
        spec=network.spec,
        input_size=network.input_size,
        params=params,
        params_executed=run.params_executed,
        macs=run.macs,
        flops=2 * run.macs,
        conv_macs=run.conv_macs,
        grouped_macs=run.grouped_macs,
        thop_macs=counting.thop_macs(model, images),
        linear_mib=run.linear_bytes / _MIB,
        traffic_mib=run.traffic_bytes / _MIB,
        operators=run.operators,
        weights_mib=weights / _MIB,
        activations_mib=run.activations_bytes / _MIB,
    )
