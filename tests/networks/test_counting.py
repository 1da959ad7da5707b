"""Operations of newer networks: counted by hand, and against what their libraries publish."""

import csv
from copy import deepcopy

import pytest
import timm
import torch
from helpers.paths import DATA
from torch import nn
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode
from torchvision import models as torchvision_models

from dnnbench.networks import builders, counting, model_list

# From huggingface/pytorch-image-models, results/benchmark-infer-amp-nchw-pt240-cu124-rtx4090.csv,
# commit 5c33776aa59f0f05bfb8008ff546ed4c09083f1a: infer_img_size, param_count, infer_gmacs.
with (DATA / "timm_gmacs.csv").open(newline="") as file:
    PUBLISHED = {f"{row['model']}-{row['input_size']}": row for row in csv.DictReader(file)}
# One of each kind: depthwise, grouped, attention in and out of windows, einsum, mixers.
FEW = (
    "mobilenetv3_small_100-224",
    "resnext50_32x4d-224",
    "vit_tiny_patch16_224-224",
    "maxvit_pico_rw_256-256",
    "lambda_resnet26t-256",
    "mixer_b32_224-224",
)


class Of(nn.Module):
    """A function of an input as a module."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def attention(x):
    """4 heads, 6 queries, 10 keys of 8, values of 8."""
    query, key = x[..., :6, :], x
    return functional.scaled_dot_product_attention(query, key, key)


def einsum(x):
    return torch.einsum("bhqd,bhkd->bhqk", x, x)


HEADS = torch.Size((1, 4, 10, 8))


# By hand ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("device", ["meta", "cpu"])
@pytest.mark.parametrize(
    ("module", "shape", "macs"),
    [
        (Of(attention), HEADS, 4 * 6 * 10 * (8 + 8)),
        (Of(einsum), HEADS, 4 * 10 * 10 * 8),
        (Of(lambda x: x @ x.transpose(-1, -2)), HEADS, 4 * 10 * 10 * 8),
        # Four projections of 6 x 32 by 32 x 32; scores and sums of 6 x 6 over 32.
        (
            nn.TransformerEncoderLayer(32, 4, 64, batch_first=True),
            (1, 6, 32),
            4 * 6 * 32 * 32 + 2 * 6 * 6 * 32 + 2 * 6 * 32 * 64,
        ),
        (nn.Conv2d(8, 16, 3, padding=1, groups=4), (1, 8, 5, 5), 16 * 25 * 2 * 9),
        (nn.Conv2d(8, 8, 7, padding=3, groups=8), (1, 8, 5, 5), 8 * 25 * 49),
        (nn.Conv1d(1, 1, 3, padding=1, bias=False), (1, 1, 8), 8 * 3),
        (nn.AvgPool2d(2), (1, 8, 4, 4), 0),
    ],
)
def test_operations_by_hand(device, module, shape, macs):
    model = deepcopy(module).to(device).eval().requires_grad_(False)
    if device == "cpu" and isinstance(module, nn.TransformerEncoderLayer):
        pytest.skip("one operator there, which torch counts as a whole")
    assert counting.count(model, torch.zeros(shape, device=device)).macs == macs


@pytest.mark.parametrize("device", ["meta", "cpu"])
def test_attention_is_one_operation_that_keeps_no_scores(device):
    counts = counting.count(Of(attention), torch.zeros(HEADS, device=device))
    query, keys = 4 * 6 * 8 * 4, 4 * 10 * 8 * 4
    assert counts.activations_bytes == keys + query  # The input, and what comes out of it.
    assert counts.linear_bytes == 2 * query + 2 * keys  # Read: query, key, value; written: a query.
    assert (counts.operators, counts.traffic_bytes) == (1, 0)


# Against what timm publishes ------------------------------------------------------------------


class Elementwise(TorchDispatchMode):
    """What the counter behind timm's numbers (fvcore) adds to multiply-adds.

    Each batch normalisation 2 an element, each layer or group normalisation 5 (4 without weights),
    each adaptive pooling 1 an element it reads, interpolation 1 or (bilinear) 4 one it writes.
    """

    def __init__(self):
        super().__init__()
        self.total = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        name = func.name()
        if "batch_norm" in name:
            self.total += args[0].numel() * (1 if args[1] is None else 2)
        elif "layer_norm" in name or "group_norm" in name:
            weight = args[2] if "layer_norm" in name else args[1]
            self.total += args[0].numel() * (4 if weight is None else 5)
        elif "adaptive_avg_pool" in name:
            self.total += args[0].numel()
        elif "upsample" in name:
            self.total += result.numel() * (4 if "bilinear" in name else 1)
        return result


def compare_with_timm(row):
    size = int(row["input_size"])
    with torch.device("meta"):
        model = timm.create_model(row["model"]).eval().requires_grad_(False)
        images = torch.empty(1, 3, size, size)
    with Elementwise() as others, torch.no_grad():
        model(images)
    macs = counting.count(model, images).macs
    parameters = sum(each.numel() for each in model.parameters())
    assert parameters / 1e6 == pytest.approx(float(row["params_m"]), abs=0.0051)
    assert (macs + others.total) / 1e9 == pytest.approx(float(row["gmacs"]), abs=0.0055)
    assert macs / 1e9 == pytest.approx(float(row["gmacs"]), rel=0.04, abs=0.014)


@pytest.mark.parametrize("name", FEW)
def test_operations_are_those_that_timm_publishes(name):
    compare_with_timm(PUBLISHED[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(PUBLISHED.keys() - FEW))
def test_operations_are_those_that_timm_publishes_of_all(name):
    compare_with_timm(PUBLISHED[name])


# Against what torchvision publishes -----------------------------------------------------------


def compare_with_torchvision(names):
    for key, network in model_list.resolve(names).items():
        weights = torchvision_models.get_model_weights(key.removeprefix("torchvision-")).DEFAULT
        model = builders.build(network, "meta")
        size = network.input_size
        counts = counting.count(model, torch.empty(1, 3, size, size, device="meta"))
        assert counts.macs / 1e9 == pytest.approx(weights.meta["_ops"], abs=0.0011), key
        if not key.endswith("googlenet"):  # Counted there without the heads that do not run.
            assert counting.size(model.parameters()) == weights.meta["num_params"]


def test_operations_are_those_that_torchvision_publishes():
    compare_with_torchvision(["torchvision:swin_v2_t", "torchvision:vit_b_32"])


@pytest.mark.slow
def test_operations_are_those_that_torchvision_publishes_of_all():
    compare_with_torchvision("torchvision:*")
