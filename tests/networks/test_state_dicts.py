import argparse
import json
import re

import pytest
import safetensors.torch
import torch
from helpers import toys
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.nn import utils
from torch.nn.utils import prune
from torch.optim.swa_utils import AveragedModel

from dnnbench.networks import builders
from dnnbench.networks.weights import state_dicts
from dnnbench.networks.weights.checkpoints import CheckpointError
from dnnbench.networks.weights.tensor_places import WHOLE

SETTING = "weights.override.normed.key"
IMAGES = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def made(seed):
    """Return a small network whose batch normalization has random statistics."""
    model = builders.build(toys.entry("normed"), seed=seed)
    state = torch.Generator().manual_seed(seed)
    model[1].running_mean.uniform_(generator=state)
    model[1].running_var.uniform_(1, 2, generator=state)
    return model


RAW, EMA = made(1), made(2)
STATE, AVERAGED = RAW.state_dict(), EMA.state_dict()
PARAMETERS, BUFFERS = dict(EMA.named_parameters()), dict(EMA.named_buffers())


def at(prefix, state):
    return {f"{prefix}{name}": tensor for name, tensor in state.items()}


def loaded(folder, content, key=None):
    """Load weights from a file with ``content``; return the network and the chosen set."""
    file = folder / "weights.pth"
    torch.save(content, file)
    model = builders.build(toys.entry("normed"))
    chosen = state_dicts.load(file, model, "normed", key, SETTING)
    state_dicts.put(model, chosen.state)
    return model, chosen


def refused(folder, content, key=None):
    with pytest.raises(CheckpointError) as raised:
        loaded(folder, content, key)
    assert "\n" not in str(raised.value)
    return str(raised.value).removeprefix(f"{folder / 'weights.pth'}: ")


def answers(model):
    with torch.inference_mode():
        return model(IMAGES)


def same(one, other):
    return torch.equal(answers(one), answers(other))


# One set ----------------------------------------------------------------------------------------

COUNTED = {f"{at}total_{what}": torch.zeros(1) for at in ("", "0.") for what in ("ops", "params")}
WRAPPED = {
    "plain": (STATE, WHOLE),
    "torch.compile": (at("_orig_mod.", STATE), WHOLE),
    "DataParallel": (at("module.", STATE), WHOLE),
    "compiled, then parallel": (at("module._orig_mod.", STATE), WHOLE),
    "parallel, then compiled": (at("_orig_mod.module.", STATE), WHOLE),
    "a compiled part": (
        {re.sub(r"^(0|1)\.", r"\1._orig_mod.", name): each for name, each in STATE.items()},
        WHOLE,
    ),
    "a parallel part": (
        {re.sub(r"^(0|5)\.", r"\1.module.", name): each for name, each in STATE.items()},
        WHOLE,
    ),
    "FSDP": (
        {
            f"_fsdp_wrapped_module.{name.replace('.', '._fsdp_wrapped_module.')}": each
            for name, each in STATE.items()
        },
        WHOLE,
    ),
    "activation checkpoints": (at("_checkpoint_wrapped_module.", STATE), WHOLE),
    "torchvision's references": (
        {"model": STATE, "optimizer": {"state": {}}, "args": argparse.Namespace(lr=1), "epoch": 3},
        "model",
    ),
    "timm": ({"arch": "x", "state_dict": at("module.", STATE), "metric": 1.0}, "state_dict"),
    "Lightning": (
        {
            "state_dict": {**at("net.", STATE), "criterion.weight": torch.ones(5)},
            "hyper_parameters": {"net": argparse.Namespace()},
            "callbacks": {"ModelCheckpoint{'monitor': None}": {"best_model_path": "x.ckpt"}},
            "optimizer_states": [{"state": {0: {"exp_avg": STATE["0.weight"]}}}],
        },
        "state_dict",
    ),
    "DeepSpeed": ({"module": STATE, "buffer_names": [], "dp_world_size": 1}, "module"),
    "Hugging Face": (at("timm_model.", STATE), WHOLE),
    "MMPretrain": (
        {
            "meta": {"epoch": 1},
            "state_dict": {
                f"{'head' if name.startswith('5') else 'backbone'}.{name}": each
                for name, each in STATE.items()
            },
        },
        "state_dict",
    ),
    "params": ({"params": STATE}, "params"),
    "nested": ({"checkpoint": {"model": {"weights": STATE}}}, "checkpoint.model.weights"),
    "AveragedModel": (AveragedModel(RAW).state_dict(), WHOLE),
    "averages alone": ({"model_ema": AveragedModel(RAW).state_dict()}, "model_ema"),
    "thop": ({**STATE, **COUNTED}, WHOLE),
    "without counters": ({n: each for n, each in STATE.items() if "num_b" not in n}, WHOLE),
    "a whole module": (RAW, WHOLE),
    "a whole module, parallel": (nn.DataParallel(RAW), WHOLE),
    "a whole module under a key": ({"model": RAW, "ema": None, "epoch": 3}, "model"),
    "gradients": ({"model": STATE, "gradients": AVERAGED}, "model"),
    "a word similar to optimizer": ({"optimized_model": STATE}, "optimized_model"),
    "parameters and buffers": (
        {
            "params": dict(RAW.named_parameters()),
            "buffers": {name: each for name, each in STATE.items() if name in BUFFERS},
        },
        "params",
    ),
    "names and tensors in pairs": ({"state": [*STATE.items()]}, "state"),
    "momenta in lists": ({"model": STATE, "opt": {"m": list(PARAMETERS.values())}}, "model"),
    "momenta": ({"model": STATE, "optimizer": {"exp_avg": AVERAGED}}, "model"),
}


@pytest.mark.parametrize("program", WRAPPED)
def test_the_weights_are_found_in_files_of_many_programs(tmp_path, program):
    content, key = WRAPPED[program]
    model, chosen = loaded(tmp_path, content)
    assert same(model, RAW)
    assert (chosen.key, chosen.others) == (key, ())


@pytest.mark.parametrize("whole", [False, True])
def test_pruned_weights_are_loaded_with_the_mask_applied(tmp_path, whole):
    pruned = made(1)
    prune.l1_unstructured(pruned[0], "weight", 0.5)
    prune.random_structured(pruned[5], "weight", 0.5, dim=0)
    model, _ = loaded(tmp_path, pruned if whole else {"model": pruned.state_dict()})
    assert same(model, pruned)
    assert not same(model, RAW)


@pytest.mark.filterwarnings("ignore:`torch.nn.utils.weight_norm`")
@pytest.mark.parametrize("apart", [utils.parametrizations.weight_norm, utils.weight_norm])
@pytest.mark.parametrize("axis", [0, 1, None])
def test_weights_stored_as_norm_and_direction_are_multiplied(tmp_path, apart, axis):
    normed = made(1)
    apart(normed[0], dim=axis)
    apart(normed[5], dim=0)
    for name, parameter in normed.named_parameters():
        if name.endswith(("original0", "_g")):
            parameter.data.mul_(2)
    model, _ = loaded(tmp_path, {"model": normed.state_dict()})
    assert same(model, normed)
    assert not same(model, RAW)


def test_a_distributed_tensor_that_one_process_wrote_is_complete(tmp_path, distributed):
    from torch.distributed.tensor import Shard, distribute_tensor

    mesh = init_device_mesh("cpu", (1,))
    spread = {
        name: distribute_tensor(each, mesh, [Shard(0)]) if each.dim() else each
        for name, each in STATE.items()
    }
    model, _ = loaded(tmp_path, {"model": spread})
    assert same(model, RAW)


@pytest.fixture
def distributed(tmp_path):
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{tmp_path / 'group'}", rank=0, world_size=1
    )
    yield
    torch.distributed.destroy_process_group()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_weights_in_half_precision_are_loaded(tmp_path, dtype):
    half = {
        name: each.to(dtype) if each.is_floating_point() else each for name, each in STATE.items()
    }
    model, _ = loaded(tmp_path, {"model": half})
    assert same(model, made(1).to(dtype).float())


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_nested_tensors_are_ignored(tmp_path):
    ragged = torch.nested.nested_tensor([torch.ones(1), torch.ones(2)])
    model, _ = loaded(tmp_path, {"model": STATE, "lengths": {"of": ragged}})
    assert same(model, RAW)


def test_tensors_of_safetensors_are_found_behind_a_prefix(tmp_path):
    safetensors.torch.save_file(at("model.", STATE), tmp_path / "model.safetensors")
    model = builders.build(toys.entry("normed"))
    chosen = state_dicts.load(tmp_path / "model.safetensors", model, "normed", None, SETTING)
    state_dicts.put(model, chosen.state)
    assert same(model, RAW)


def test_numbered_tensors_are_matched_by_number_not_by_position(tmp_path):
    numbered = nn.ParameterList(nn.Parameter(torch.zeros(2)) for _ in range(2))
    content = {"1": torch.full((2,), 1.0), "0": torch.full((2,), 5.0)}
    torch.save(content, tmp_path / "weights.pth")
    chosen = state_dicts.load(tmp_path / "weights.pth", numbered, "own", None, SETTING)
    assert {name: each.tolist() for name, each in chosen.state.items()} == {
        "0": [5.0, 5.0],
        "1": [1.0, 1.0],
    }


# Several sets -----------------------------------------------------------------------------------

SEVERAL = {
    "timm": ({"state_dict": STATE, "state_dict_ema": AVERAGED}, "state_dict", "state_dict_ema"),
    "torchvision's references": (
        {"model": STATE, "model_ema": AveragedModel(EMA).state_dict()},
        "model",
        "model_ema",
    ),
    "MMEngine": (
        {
            "state_dict": STATE,
            "ema_state_dict": {**at("module.", AVERAGED), "steps": torch.ones(1)},
        },
        "state_dict",
        "ema_state_dict",
    ),
    "Lightning's callback": (
        {
            "state_dict": at("net.", STATE),
            "callbacks": {"EMA{'decay': 0.9}": {"ema_state_dict": at("net.", AVERAGED)}},
        },
        "state_dict",
        "callbacks.EMA{'decay': 0.9}.ema_state_dict",
    ),
    "two prefixes": (
        {"state_dict": {**at("online_model.", STATE), **at("ema_model.", AVERAGED)}},
        "state_dict.online_model",
        "state_dict.ema_model",
    ),
    "next to the network's names": (
        {**STATE, **at("ema.module.", AVERAGED), "ema.n_averaged": torch.tensor(1)},
        WHOLE,
        "ema",
    ),
    "MMCV, buffers too": (
        {
            "state_dict": {f"backbone.{name}": each for name, each in STATE.items()}
            | {f"ema_backbone_{n.replace('.', '_')}": each for n, each in AVERAGED.items()}
        },
        "state_dict",
        "state_dict.ema",
    ),
    "student and teacher": (
        {"student": at("backbone.", STATE), "teacher": at("backbone.", AVERAGED)},
        "student",
        "teacher",
    ),
    "whole modules": ({"model": RAW, "ema": EMA}, "model", "ema"),
    "averages in pairs": ({"model": STATE, "ema": [*AVERAGED.items()]}, "model", "ema"),
    "Lightning's WeightAveraging": (
        {
            "current_model_state": at("model.", STATE),
            "state_dict": at("model.", AVERAGED),
            "averaging_state": {"n_averaged": torch.tensor(3)},
        },
        "current_model_state",
        "state_dict",
    ),
    "a mark at the end of names": (
        {"state_dict": STATE | {f"{name}_ema": each for name, each in AVERAGED.items()}},
        "state_dict",
        "state_dict.ema",
    ),
    "parameters and buffers apart, as Composer has them": (
        {
            "state": {"model": STATE},
            "ema": {"named_parameters_dict": PARAMETERS, "named_buffers_dict": BUFFERS},
        },
        "state.model",
        "ema.named_parameters_dict",
    ),
}


@pytest.mark.parametrize("program", SEVERAL)
def test_different_sets_require_a_key(tmp_path, program):
    content, raw, averaged = SEVERAL[program]
    said = refused(tmp_path, content)
    keys = (json.dumps(key) for key in (raw, averaged))
    named = " or ".join(f"{SETTING}: {key}" for key in keys)
    assert said == f"contains 2 different sets of weights. Choose one: {named}"


@pytest.mark.parametrize("program", SEVERAL)
def test_the_set_that_is_named_is_used(tmp_path, program):
    content, raw, averaged = SEVERAL[program]
    for key, other, network in ((raw, averaged, RAW), (averaged, raw, EMA)):
        model, chosen = loaded(tmp_path, content, key)
        assert same(model, network)
        assert (chosen.key, chosen.others) == (key, (other,))


def test_the_last_part_of_a_key_is_enough(tmp_path):
    content, _, averaged = SEVERAL["Lightning's callback"]
    model, chosen = loaded(tmp_path, content, "ema_state_dict")
    assert chosen.key == averaged
    assert same(model, EMA)


def test_the_error_for_an_unknown_key_lists_the_existing_keys(tmp_path):
    content, _, _ = SEVERAL["timm"]
    assert refused(tmp_path, content, "ema") == (
        f'{SETTING}: \'ema\': matches no set of weights. Write "state_dict" or "state_dict_ema".'
    )


def test_sets_that_are_equal_need_no_key(tmp_path):
    twice = {"state_dict": STATE, "state_dict_ema": {n: each.clone() for n, each in STATE.items()}}
    model, chosen = loaded(tmp_path, twice)
    assert (chosen.key, chosen.others) == ("state_dict", ())
    assert same(model, RAW)


PARTIAL = {
    "shadow": ({"model": STATE, "shadow": PARAMETERS}, "shadow"),
    "torch_ema": (
        {"model": STATE, "ema": {"decay": 0.9, "shadow_params": list(PARAMETERS.values())}},
        "ema.shadow_params",
    ),
    "MMCV": (
        {"state_dict": STATE | {f"ema_{n.replace('.', '_')}": p for n, p in PARAMETERS.items()}},
        "state_dict.ema",
    ),
    "lists next to buffers": (
        {
            "weights": list(RAW.parameters()),
            "ema": list(PARAMETERS.values()),
            "buffers": {name: each for name, each in STATE.items() if name in BUFFERS},
        },
        "ema",
    ),
    "Lookahead": ({"model": STATE, "slow": list(PARAMETERS.values())}, "slow"),
    "a mark at the end": (
        {"model": STATE | {f"{name}.shadow": each for name, each in PARAMETERS.items()}},
        "model.shadow",
    ),
    "latent diffusion": (
        {
            "state_dict": at("model.", STATE)
            | {f"model_ema.{n.replace('.', '')}": p for n, p in PARAMETERS.items()}
            | {"model_ema.decay": torch.tensor(0.9), "model_ema.num_updates": torch.tensor(3)}
        },
        "state_dict.model_ema",
    ),
}


@pytest.mark.parametrize("program", PARTIAL)
def test_averages_of_parameters_get_the_buffers_of_another_set(tmp_path, program):
    content, key = PARTIAL[program]
    assert f"{SETTING}: {json.dumps(key)}" in refused(tmp_path, content)
    model, _ = loaded(tmp_path, content, key)
    expected = made(1)
    for name, parameter in expected.named_parameters():
        parameter.copy_(PARAMETERS[name])
    assert same(model, expected)
    assert not same(model, EMA)


def test_averages_in_an_unsupported_form_are_an_error(tmp_path):
    content = {"model": STATE, "ema": {"shadow_params": list(PARAMETERS.values())[1:]}}
    said = refused(tmp_path, content)
    assert said.startswith("ema.shadow_params.0: averaged weights in an unsupported form.")
    assert said.endswith(f'To use the other weights, write {SETTING}: "model".')
    model, _ = loaded(tmp_path, content, "model")
    assert same(model, RAW)


# Files that match no network --------------------------------------------------------------------


def test_the_error_describes_the_set_that_comes_closest(tmp_path):
    without = {name: each for name, each in STATE.items() if name != "5.bias"}
    assert refused(tmp_path, {"epoch": 1, "model": at("module.", without)}) == (
        "does not match normed: model: 1 missing (5.bias)"
    )


def test_an_average_of_a_single_tensor_is_an_error(tmp_path):
    said = refused(tmp_path, STATE | {"5.weight_ema": PARAMETERS["5.weight"]})
    assert said.startswith("5.weight_ema: averaged weights in an unsupported form.")


def test_tensors_that_the_network_does_not_have_are_an_error(tmp_path):
    said = refused(
        tmp_path, {"model": {**STATE, "6.weight": torch.ones(2), "6.bias": torch.ones(2)}}
    )
    assert said == "does not match normed: model: 2 unexpected (6.weight, 6.bias)"


@pytest.mark.parametrize("content", [[], {"weights": 3}, {"args": argparse.Namespace()}, 7])
def test_a_file_without_tensors_is_not_a_weights_file(tmp_path, content):
    said = refused(tmp_path, content)
    assert said == "not a weights file: it contains no tensors"


def test_the_error_for_arrays_has_a_command_that_converts_them(tmp_path):
    said = refused(tmp_path, {"a": {"model": {n: each.numpy() for n, each in STATE.items()}}})
    assert "c['\"'\"'a'\"'\"']['\"'\"'model'\"'\"'].items()" in said


def test_the_error_for_flattened_fsdp_parameters_states_how_to_save_them(tmp_path):
    said = refused(tmp_path, {"model": {"_fsdp_wrapped_module.flat_param": torch.ones(9)}})
    assert "StateDictType.FULL_STATE_DICT" in said


def test_the_error_for_an_empty_deepspeed_state_states_how_to_join_the_parts(tmp_path):
    empty = {name: torch.empty(0) for name in STATE}
    assert "a part of a DeepSpeed ZeRO checkpoint" in refused(tmp_path, {"module": empty})


@pytest.mark.parametrize("depth", [1, 40])
def test_a_file_that_contains_itself_does_not_loop_forever(tmp_path, depth):
    content = {}
    for _ in range(depth):
        content = dict.fromkeys(range(40), content)
    content["itself"] = content
    endless = nn.Sequential(nn.Identity())
    endless.add_module("itself", endless)
    said = refused(tmp_path, {"a": content, "b": endless})
    assert said == "not a weights file: it contains no tensors"


def test_extra_state_that_is_not_a_tensor_is_an_error(tmp_path):
    class Stateful(nn.Linear):
        def get_extra_state(self):
            return {"scale": 3}

        def set_extra_state(self, state):
            pass

    model = Stateful(2, 2)
    torch.save(model.state_dict(), tmp_path / "own.pth")
    with pytest.raises(CheckpointError, match="own stores _extra_state, which is not a tensor"):
        state_dicts.load(tmp_path / "own.pth", model, "own", None, SETTING)


# Wrapped networks, buffers, and memory layout ---------------------------------------------------


class Holder(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = made(3)

    def forward(self, images):
        return self.net(images)


@pytest.mark.parametrize("content", [STATE, at("module.", STATE), at("model.net.", STATE)])
def test_a_file_of_a_wrapped_network_is_loaded_into_the_wrapper(tmp_path, content):
    torch.save(content, tmp_path / "weights.pth")
    holder = Holder().eval()
    chosen = state_dicts.load(tmp_path / "weights.pth", holder, "own", None, SETTING)
    state_dicts.put(holder, chosen.state)
    assert same(holder, RAW)


class Indexed(nn.Module):
    """A network with a computed buffer that is not part of its state dict."""

    def __init__(self, scale=3.0):
        super().__init__()
        self.layer = nn.Linear(2, 2)
        self.register_buffer("scale", torch.full((2,), scale), persistent=False)


def test_a_buffer_that_only_the_file_has_is_loaded():
    model = Indexed()
    state = {**model.state_dict(), "scale": torch.full((2,), 5.0)}
    state_dicts.put(model, state)
    assert model.scale.tolist() == [5.0, 5.0]


def test_the_memory_layout_is_the_networks_rather_than_the_files(tmp_path):
    strided = {
        name: each.to(memory_format=torch.channels_last)
        if each.dim() == 4
        else each.t().clone().t()
        if each.dim() == 2
        else each
        for name, each in STATE.items()
    }
    model, _ = loaded(tmp_path, strided)
    for name, tensor in model.state_dict().items():
        assert tensor.stride() == STATE[name].stride(), name
    assert same(model, RAW)
