import pytest
import torch
from torch import nn

from dnnbench.networks import builders, counting, registry

OURS = ["googlenet", "mobilenet", "mobilenetv2", "shufflenet"]


def parts(key, kind):
    return [module for module in builders.build(key, "meta").modules() if isinstance(module, kind)]


@pytest.mark.parametrize(
    ("key", "params", "conv_gmacs"),
    [
        ("googlenet", 6_998_552, 1.582),
        ("mobilenet", 4_231_976, 0.568),
        ("mobilenetv2", 3_505_960, 0.312),
        ("shufflenet", 2_454_304, 0.137),
    ],
)
def test_parameters_and_operations_are_those_of_the_study(key, params, conv_gmacs):
    model = builders.build(key, "meta")
    assert counting.size(model.parameters()) == params
    counts = counting.count(model, torch.empty(1, 3, 224, 224, device="meta"))
    assert counts.conv_macs / 1e9 == pytest.approx(conv_gmacs, abs=5e-4)
    assert counts.params_executed == params


def test_googlenet_has_response_normalization_and_no_auxiliary_heads():
    assert parts("googlenet", nn.BatchNorm2d) == []
    assert len(parts("googlenet", nn.LocalResponseNorm)) == 2
    assert [(layer.in_features, layer.out_features) for layer in parts("googlenet", nn.Linear)] == [
        (1024, 1000)
    ]


def test_mobilenetv2_keeps_the_first_expansion():
    stem, expansion, depthwise = parts("mobilenetv2", nn.Conv2d)[:3]
    assert stem.out_channels == 32
    assert (expansion.in_channels, expansion.out_channels, expansion.kernel_size) == (
        32,
        32,
        (1, 1),
    )
    assert depthwise.groups == 32


def test_shufflenet_has_biases_and_groups_except_in_the_first_1x1():
    convolutions = parts("shufflenet", nn.Conv2d)
    assert all(convolution.bias is not None for convolution in convolutions)
    assert [c.groups for c in convolutions if c.kernel_size == (1, 1)] == [1, *[8] * 31]
    # A quarter of 384, including the concatenated part.
    assert convolutions[1].out_channels == 96


def test_shufflenet_mixes_groups():
    from dnnbench.networks.architectures.shufflenet import Unit

    unit = Unit(64, 64, stride=1, groups=8).eval()
    image = torch.randn(1, 64, 4, 4, generator=torch.Generator().manual_seed(0))
    changed = image.clone()
    changed[:, :8] += 1  # The first group of inputs.
    with torch.inference_mode():
        difference = (unit(changed) - unit(image)).abs().amax(dim=(0, 2, 3))
    # 64 channels give a bottleneck of 16: 2 per group, which the shuffle sends to 2 groups.
    assert (difference.view(8, 8).amax(dim=1) > 0).sum() >= 2


def test_efficientnet_lite0_has_the_parameters_and_operations_of_its_table():
    """Compare with EfficientNet-B0 (arXiv 1905.11946, table 1), without squeeze-and-excitation."""
    # Kernel, stride, expansion, outputs, repetitions.
    stages = (
        (3, 1, 1, 16, 1),
        (3, 2, 6, 24, 2),
        (5, 2, 6, 40, 2),
        (3, 2, 6, 80, 3),
        (5, 1, 6, 112, 3),
        (5, 2, 6, 192, 4),
        (3, 1, 6, 320, 1),
    )
    weights, normalized, macs, inputs, size = 27 * 32, 32, 27 * 32 * 112**2, 32, 112
    for kernel, first_stride, expansion, outputs, repetitions in stages:
        for repetition in range(repetitions):
            width = inputs * expansion
            expanding = inputs * width if expansion > 1 else 0
            macs += expanding * size**2
            size //= first_stride if repetition == 0 else 1
            macs += (width * kernel**2 + width * outputs) * size**2
            weights += expanding + width * kernel**2 + width * outputs
            normalized += outputs + (2 if expansion > 1 else 1) * width
            inputs = outputs
    weights += 320 * 1280
    normalized += 1280
    macs += 320 * 1280 * 49
    model = builders.build("efficientnet_lite0", "meta")
    counts = counting.count(model, torch.empty(1, 3, 224, 224, device="meta"))
    assert counting.size(model.parameters()) == weights + 2 * normalized + 1281 * 1000
    assert counts.conv_macs == macs
    assert counts.macs == macs + 1280 * 1000
    assert {type(m).__name__ for m in model.modules() if "ReLU" in type(m).__name__} == {"ReLU6"}


@pytest.mark.parametrize(
    ("key", "millions", "million_macs"),
    [
        ("efficientnet_lite0", 4.7, 407),
        ("efficientnet_lite1", 5.4, 631),
        ("efficientnet_lite2", 6.1, 899),
    ],
)
def test_lite_networks_have_the_published_size(key, millions, million_macs):
    """Compare with the README of models/official/efficientnet/lite in tensorflow/tpu."""
    side = registry.load_registry()[key].input_size
    model = builders.build(key, "meta")
    counts = counting.count(model, torch.empty(1, 3, side, side, device="meta"))
    assert round(counting.size(model.parameters()) / 1e6, 1) == millions
    assert counts.macs / 1e6 == pytest.approx(million_macs, rel=0.06)
