"""Round trips of trained weights: is a loaded network identical to the saved one, bit by bit?

Builds each classifier of timm and torchvision with its library's function, saves its state dict,
loads it as a study does, and compares all parameters and buffers, their memory layout, and the
output for one image. Prints the networks that differ, could not be built, or were too large; for
the latter, only the names of tensors are compared, on the meta device. All of timm takes hours, so
pass patterns of networks, as in a list of models:

    python benchmarks/round_trips.py "timm:swin*" "torchvision:*"
"""

import importlib
import operator
import sys
import tempfile
from collections import Counter
from pathlib import Path

import torch
from torch import nn

from dnnbench.networks import builders, model_list
from dnnbench.networks.registry import Network
from dnnbench.networks.weights import checkpoints, state_dicts

EVERY = ("timm:*", "torchvision:*")
# Two such networks and a file must fit in the memory of a small machine.
LARGEST = 350_000_000


def original(network: Network) -> nn.Module:
    """Return the network as its library builds it, with noise added to constant tensors."""
    module, _, name = network.builder.partition(":")
    torch.manual_seed(1)
    model: nn.Module = operator.attrgetter(name)(importlib.import_module(module))(
        **network.arguments
    )
    with torch.no_grad():
        for tensor in model.state_dict().values():
            # Scales and heads initialized to zero would hide errors in earlier layers.
            if tensor.is_floating_point() and tensor.numel() and _is_constant(tensor):
                tensor.add_(torch.rand_like(tensor), alpha=0.1)
    return model.eval()


def _is_constant(tensor: torch.Tensor) -> bool:
    return bool((tensor == tensor.flatten()[0]).all())


def tensors(model: nn.Module) -> dict[str, torch.Tensor]:
    """Return all parameters and buffers by name, including those outside the state dict."""
    return {**dict(model.named_parameters()), **dict(model.named_buffers())}


def unlike(network: Network, folder: Path) -> str | None:
    """Return what differs after a round trip through a file in ``folder``, or None."""
    saved = original(network)
    file = folder / "weights.pth"
    torch.save(saved.state_dict(), file)
    loaded = builders.build(network)
    chosen = state_dicts.load(file, loaded, network.key, None, "key")
    state_dicts.put(loaded, chosen.state)
    file.unlink()
    del chosen
    before, after = tensors(saved), tensors(loaded)
    if before.keys() != after.keys():
        return f"tensors: {sorted(before.keys() ^ after.keys())[:3]}"
    for name, tensor in before.items():
        if not torch.equal(tensor, after[name]):
            return f"values of {name}"
        if tensor.stride() != after[name].stride():
            return f"layout of {name}"
    image = torch.randn(1, 3, network.input_size, network.input_size)
    with torch.inference_mode():
        one, other = saved(image), loaded(image)
    if not torch.isfinite(one).all() or _is_constant(one):
        return "inconclusive: the output is constant or not finite"
    return None if torch.equal(one, other) else "the output"


def unlike_by_name(network: Network) -> str | None:
    """Return the network's own tensors that loading would not find by name, or None."""
    slots = checkpoints.Slots.of(builders.build(network, "meta"))
    state = {name: torch.zeros(()).expand(each.shape) for name, each in slots.expected.items()}
    found = checkpoints.compare(state, slots)
    wrong = [name for name, own in found.names.items() if name != own]
    return found.problem or (f"names: {wrong[:3]}" if wrong else None)


def parameters(network: Network) -> int:
    """Return the number of parameters, without allocating them."""
    return sum(each.numel() for each in builders.build(network, "meta").parameters())


def main(patterns: list[str]) -> int:
    """Compare the networks that match ``patterns``; return the number that differ or failed."""
    results: Counter[str] = Counter()
    networks = model_list.resolve(patterns or EVERY)
    with tempfile.TemporaryDirectory() as folder:
        for number, network in enumerate(networks.values(), start=1):
            try:
                large = parameters(network) > LARGEST
                found = unlike_by_name(network) if large else unlike(network, Path(folder))
                result = "differ" if found else "too large, equal by name" if large else "equal"
            except Exception as error:
                found = f"{type(error).__name__}: {error}".splitlines()[0][:200]
                result = "not built or run"
            results[result] += 1
            if found:
                print(f"{network.spec}: {result}: {found}", flush=True)
            if number % 50 == 0:
                print(f"{number} of {len(networks)}: {dict(results)}", flush=True)
    print(f"{len(networks)} networks: {dict(results)}")
    return results["differ"] + results["not built or run"]


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 1))
