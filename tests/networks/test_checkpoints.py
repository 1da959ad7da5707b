import re

import pytest
import torch
import torchvision
from torch import nn
from torchvision.models.resnet import Bottleneck, ResNet

from dnnbench.networks import builders, registry
from dnnbench.networks.weights import checkpoints
from dnnbench.networks.weights.checkpoints import MisfitError

NETWORKS = registry.load_registry()
STUDY = [key for key, network in NETWORKS.items() if network.published]
COUNTER = "num_batches_tracked"


# Names of tensors in the files, in the network's order ------------------------------------------


def torchvision_model(key):
    if key.startswith("resnext101"):
        groups = int(key[11:13])
        return ResNet(Bottleneck, [3, 4, 23, 3], groups=groups, width_per_group=4)
    name = {"inceptionv3": "inception_v3"}.get(key, key)
    options = {"init_weights": False} if name in ("inception_v3",) else {}
    return torchvision.models.get_model(name, weights=None, **options)


def torchvision_names(key):
    with torch.device("meta"):
        names = list(torchvision_model(key).state_dict())
    # The spelling until 2018.
    return [re.sub(r"(denselayer\d+)\.(norm|conv)(\d)", r"\1.\2.\3", name) for name in names]


def layers(names):
    """Return the names of the layers that a list of tensors belongs to."""
    return list(dict.fromkeys(name.rpartition(".")[0] for name in names))


def named(own, olds):
    """Replace the layers in ``own`` names of tensors by ``olds``, in order."""
    layer = dict(zip(layers(own), olds, strict=True))
    return [f"{layer[name.rpartition('.')[0]]}.{name.rpartition('.')[2]}" for name in own]


def head(name):
    return lambda own: [re.sub("^last_linear", name, each) for each in own]


def mobilenet(own):
    blocks = [f"model.{i}.{j}" for i in range(1, 14) for j in (0, 1, 3, 4)]
    return named(own, ["model.0.0", "model.0.1", *blocks, "fc"])


def mobilenetv2(own):
    blocks = [f"features.{i}.conv.{j}" for i in range(1, 18) for j in (0, 1, 3, 4, 6, 7)]
    ends = ["features.18.0", "features.18.1", "classifier.1"]
    return named(own, ["features.0.0", "features.0.1", *blocks, *ends])


def shufflenet(own):
    units = [
        f"stage{s}.ShuffleUnit_Stage{s}_{u}" for s, n in ((2, 4), (3, 8), (4, 4)) for u in range(n)
    ]
    inside = (
        "g_conv_1x1_compress.conv1x1",
        "g_conv_1x1_compress.batch_norm",
        "depthwise_conv3x3",
        "bn_after_depthwise",
        "g_conv_1x1_expand.conv1x1",
        "g_conv_1x1_expand.batch_norm",
    )
    return named(own, ["conv1", *(f"{unit}.{layer}" for unit in units for layer in inside), "fc"])


def googlenet(own):
    modules = ["3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b"]
    inside = ["1x1", "3x3_reduce", "3x3", "5x5_reduce", "5x5", "pool_proj"]
    stem = ["conv1_7x7_s2", "conv2_3x3_reduce", "conv2_3x3"]
    inceptions = [f"inception_{module}_{layer}" for module in modules for layer in inside]
    return named(own, [*stem, *inceptions, "loss3_classifier_1"])


OLD_NAMES = {
    "bninception": head("fc"),
    "cafferesnet101": head("fc"),
    "xception": head("fc"),
    "dpn68": head("classifier"),
    "dpn98": head("classifier"),
    "dpn131": head("classifier"),
    "inceptionresnetv2": head("classif"),
    "googlenet": googlenet,
    "mobilenet": mobilenet,
    "mobilenetv2": mobilenetv2,
    "shufflenet": shufflenet,
}
# Networks of pretrainedmodels, whose names have not changed.
SAME_NAMES = {"fbresnet152", "inceptionv4", "nasnetalarge", "nasnetamobile", "senet154"} | {
    key for key in STUDY if key.startswith("se_")
}
TENSORFLOW = ("inceptionresnetv2", "inceptionv4", "nasnetalarge")


def old_shape(key, name, shape):
    """Return the shape of a tensor in the old file."""
    if key in TENSORFLOW and name.startswith(("last_linear", "classif")):
        return (1001, *shape[1:])  # The first class is the background.
    if key == "bninception" and "_bn." in name and shape:
        return (1, *shape)
    if key == "xception" and ".pointwise." in name:
        return shape[:2]
    return shape


def numbered(names, key, shapes):
    """Return a state whose n-th tensor is n everywhere, expanded so that it needs no memory."""
    return {
        name: torch.tensor(float(number)).expand(old_shape(key, name, tuple(shape)))
        for number, (name, shape) in enumerate(zip(names, shapes, strict=True))
    }


@pytest.mark.parametrize("key", STUDY)
def test_each_networks_tensors_are_found_by_their_old_names_and_shapes(key):
    model = builders.build(NETWORKS[key], "meta")
    own = model.state_dict()
    if key in SAME_NAMES:
        names = list(own)
    else:
        names = OLD_NAMES[key](own) if key in OLD_NAMES else torchvision_names(key)
        assert names != list(own)
    state = numbered(names, key, [tensor.shape for tensor in own.values()])
    # Files older than PyTorch 0.4.1 have no counters.
    old = {name: tensor for name, tensor in state.items() if not name.endswith(COUNTER)}
    for file in (state, old):
        fitted = checkpoints.fit(file, model)
        assert fitted.keys() == own.keys()
        for number, (name, wanted) in enumerate(own.items()):
            assert fitted[name].shape == wanted.shape, name
            assert fitted[name].dtype == wanted.dtype, name
            absent = name.endswith(COUNTER) and file is old
            assert float(fitted[name].flatten()[0]) == (0 if absent else number), name


@pytest.mark.parametrize("key", ["vgg11", "vgg16_bn"])
def test_timms_vgg_is_read_although_its_classifier_consists_of_convolutions(key):
    model = builders.build(NETWORKS[key], "meta")
    own = model.state_dict()
    renames = {"_features": "features", "linear0": "pre_logits.fc1", "linear1": "pre_logits.fc2"}
    state = {}
    for number, (name, tensor) in enumerate(own.items()):
        layer, _, rest = name.partition(".")
        shape = {"linear0.weight": (4096, 512, 7, 7), "linear1.weight": (4096, 4096, 1, 1)}
        state[f"{({**renames, 'last_linear': 'head.fc'})[layer]}.{rest}"] = torch.tensor(
            float(number)
        ).expand(shape.get(name, tensor.shape))
    fitted = checkpoints.fit(state, model)
    assert [float(fitted[name].flatten()[0]) for name in own] == list(range(len(own)))
    assert all(fitted[name].shape == tensor.shape for name, tensor in own.items())


@pytest.mark.parametrize("key", ["alexnet", "squeezenet1_1", "densenet121", "resnext101_32x4d"])
def test_a_file_of_torchvision_gives_the_same_outputs(key):
    torch.manual_seed(0)
    theirs = torchvision_model(key).eval()
    ours = builders.build(NETWORKS[key])
    ours.load_state_dict(checkpoints.fit(theirs.state_dict(), ours))
    images = torch.randn(1, 3, 224, 224)
    with torch.inference_mode():
        torch.testing.assert_close(ours(images), theirs(images))


# Shapes -----------------------------------------------------------------------------------------


def linear(inputs, outputs):
    return nn.Sequential(nn.Flatten(), nn.Linear(inputs, outputs))


def test_the_background_class_of_a_head_is_dropped_and_the_others_stay_in_order():
    model = linear(4, 1000)
    weight, bias = torch.randn(1001, 4), torch.randn(1001)
    fitted = checkpoints.fit({"1.weight": weight, "1.bias": bias}, model)
    assert torch.equal(fitted["1.weight"], weight[1:])
    assert torch.equal(fitted["1.bias"], bias[1:])


def test_a_full_map_convolution_becomes_a_linear_layer_after_flattening():
    convolution = nn.Conv2d(8, 1000, 3)
    model = linear(8 * 9, 1000)
    state = {f"1.{name}": tensor for name, tensor in convolution.state_dict().items()}
    model.load_state_dict(checkpoints.fit(state, model))
    maps = torch.randn(2, 8, 3, 3)
    torch.testing.assert_close(model(maps), convolution(maps).flatten(1))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"1.bias": None}, r"1 missing \(1\.bias\)"),
        ({"1.bias": None, "1.weight": None}, r"2 missing \(1\.weight, 1\.bias\)"),
        ({"2.weight": (3,)}, r"1 unexpected \(2\.weight\)"),
        ({"a": (1,), "b": (1,), "c": (1,)}, r"3 unexpected \(a, b, \.\.\.\)"),
        ({"1.bias": (10,)}, r"1 of a different shape \(1\.bias \[10\], not \[1000\]\)"),
        ({"1.weight": (4, 1000)}, r"1\.weight \[4, 1000\], not \[1000, 4\]"),
        ({"1.weight": (2, 2, 1000)}, r"1\.weight \[2, 2, 1000\]"),
        ({"1.bias": None, "x": (1,)}, r"1 missing \(1\.bias\); 1 unexpected \(x\)"),
    ],
)
def test_missing_unexpected_and_misshapen_tensors_are_counted_and_named(change, message):
    shapes = {"1.weight": (1000, 4), "1.bias": (1000,)} | change
    state = {name: torch.zeros(shape) for name, shape in shapes.items() if shape}
    with pytest.raises(MisfitError, match=message):
        checkpoints.fit(state, linear(4, 1000))


def test_two_tensors_for_one_place_are_refused():
    model = builders.build(NETWORKS["squeezenet1_1"], "meta")
    state = {name: torch.zeros(tensor.shape) for name, tensor in model.state_dict().items()}
    state["classifier.1.bias"] = state["last_conv.bias"]
    with pytest.raises(MisfitError, match=r"1 unexpected \(classifier\.1\.bias\)"):
        checkpoints.fit(state, model)


# Types ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_floating_point_types_are_converted_to_the_networks(dtype):
    state = {"1.weight": torch.randn(1000, 4).to(dtype), "1.bias": torch.randn(1000).to(dtype)}
    fitted = checkpoints.fit(state, linear(4, 1000))
    assert all(torch.equal(fitted[name], tensor.float()) for name, tensor in state.items())


@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor")
@pytest.mark.parametrize(
    ("weight", "kind"),
    [
        (torch.zeros(1000, 4, dtype=torch.int8), "int8"),
        ("quantized", "qint8"),
        (torch.zeros(1000, 4, dtype=torch.complex64), "complex64"),
        (torch.zeros(1000, 4, device="meta"), "without values"),
    ],
)
def test_weights_whose_values_would_change_are_refused(weight, kind):
    if isinstance(weight, str):
        weight = torch.quantize_per_tensor(torch.zeros(1000, 4), 0.1, 0, torch.qint8)
    message = rf"1 of a different type \(1\.weight {kind}, not float32\)"
    with pytest.raises(MisfitError, match=message):
        checkpoints.fit({"1.weight": weight, "1.bias": torch.zeros(1000)}, linear(4, 1000))


def test_an_averaged_counter_is_accepted_if_it_is_an_integer():
    model = nn.Sequential(nn.BatchNorm1d(4))
    state = model.state_dict()
    counted = checkpoints.fit({**state, f"0.{COUNTER}": torch.tensor(7.0)}, model)
    assert counted[f"0.{COUNTER}"].dtype == torch.int64
    assert int(counted[f"0.{COUNTER}"]) == 7


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.one = nn.Linear(4, 4, bias=False)
        self.other = nn.Linear(4, 4, bias=False)
        self.other.weight = self.one.weight


def test_a_tensor_under_two_names_is_needed_once():
    weight = torch.randn(4, 4)
    fitted = checkpoints.fit({"other.weight": weight}, Tied())
    assert torch.equal(fitted["one.weight"], weight)
    with pytest.raises(MisfitError, match=r"2 missing"):
        checkpoints.fit({}, Tied())


def test_entries_that_counting_tools_left_in_a_network_are_ignored():
    model = linear(4, 1000)
    left = {f"{at}total_{what}": torch.zeros(1) for at in ("", "1.") for what in ("ops", "params")}
    assert checkpoints.fit({**model.state_dict(), **left}, model).keys() == {"1.weight", "1.bias"}
