"""Round trips of a few networks; benchmarks/round_trips.py covers all of timm."""

import sys

import pytest
import torch
from helpers import toys
from helpers.paths import ROOT

from dnnbench.networks import model_list, registry
from dnnbench.networks.weights import state_dicts

sys.path.insert(0, str(ROOT / "benchmarks"))
import round_trips

MODERN = [key for key, network in registry.load_registry().items() if network.set]
# The smallest network of each of timm's modules with buffers that files do not contain.
BUFFERED = (
    "beit_base_patch16_224",
    "coatnet_nano_rw_224",
    "convit_tiny",
    "csatv2",
    "efficientformerv2_s0",
    "efficientvit_m0",
    "eva02_tiny_patch14_336",
    "lambda_resnet26t",
    "levit_128s",
    "maxvit_rmlp_pico_rw_256",
    "resnetblur50",
    "swin_tiny_patch4_window7_224",
    "swinv2_tiny_window8_256",
    "swinv2_cr_tiny_ns_224",
    "tiny_vit_5m_224.dist_in22k_ft_in1k",
)


def named(spec):
    (network,) = model_list.resolve(spec).values()
    return network


@pytest.mark.parametrize("spec", ["timm:levit_128s", "timm:test_vit", "torchvision:mnasnet0_5"])
def test_a_loaded_network_is_identical_bit_by_bit(tmp_path, spec):
    assert round_trips.unlike(named(spec), tmp_path) is None
    assert round_trips.unlike_by_name(named(spec)) is None


@pytest.mark.slow
@pytest.mark.parametrize("spec", [*(f"timm:{name}" for name in BUFFERED), *MODERN])
def test_networks_with_computed_buffers_and_modern_networks_are_identical(tmp_path, spec):
    assert round_trips.unlike(named(spec), tmp_path) is None


def test_differences_are_named(tmp_path, monkeypatch):
    network = toys.entry("windowed")
    assert round_trips.unlike(network, tmp_path) is None

    def uninitialized(model, state):
        model.load_state_dict(state)
        model.window.zero_()

    monkeypatch.setattr(state_dicts, "put", uninitialized)
    assert round_trips.unlike(network, tmp_path) == "values of window"

    def of_the_file(model, state):
        model.load_state_dict(
            {name: tensor.to(memory_format=_layout(tensor)) for name, tensor in state.items()},
            assign=True,
        )

    monkeypatch.setattr(state_dicts, "put", of_the_file)
    assert round_trips.unlike(network, tmp_path) == "layout of body.0.weight"


def _layout(tensor):
    return torch.channels_last if tensor.dim() == 4 else torch.contiguous_format


def test_networks_that_fail_are_counted_and_the_others_are_compared(capsys, monkeypatch):
    networks = {name: toys.entry(name) for name in ("raising", "small")}
    monkeypatch.setattr(model_list, "resolve", lambda patterns: networks)
    assert round_trips.main(["any"]) == 1
    said = capsys.readouterr().out
    assert "raising: not built or run: RuntimeError: layer 3 has gone fishing" in said
    assert said.endswith("2 networks: {'not built or run': 1, 'equal': 1}\n")
