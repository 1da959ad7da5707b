"""Operations of newer networks, compared with hand counts and with published numbers."""

import csv
from copy import deepcopy

import pytest
import timm
import torch
import torchvision
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
# One of each kind: depthwise, grouped, attention with and without windows, einsum, mixer.
FEW = (
    "mobilenetv3_small_100-224",
    "resnext50_32x4d-224",
    "vit_tiny_patch16_224-224",
    "maxvit_pico_rw_256-256",
    "lambda_resnet26t-256",
    "mixer_b32_224-224",
)


class Of(nn.Module):
    """A module that applies a function to its input."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


class Inner(nn.Module):
    """Self-attention by a module that takes query, key, and value."""

    def __init__(self, attention):
        super().__init__()
        self.attention = attention

    def forward(self, x):
        return self.attention(x, x, x)[0]


class First(nn.Module):
    """A module that returns the sequence from a recurrent layer, without its state."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return self.layer(x)[0]


def attention(x):
    """Apply attention with 4 heads, 6 queries, and 10 keys and values, all of width 8."""
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
        # Four projections of 6 x 32 by 32 x 32; scores and weighted sums of 6 x 6 over 32.
        (
            nn.TransformerEncoderLayer(32, 4, 64, batch_first=True),
            (1, 6, 32),
            4 * 6 * 32 * 32 + 2 * 6 * 6 * 32 + 2 * 6 * 32 * 64,
        ),
        (nn.Conv2d(8, 16, 3, padding=1, groups=4), (1, 8, 5, 5), 16 * 25 * 2 * 9),
        (nn.Conv2d(8, 8, 7, padding=3, groups=8), (1, 8, 5, 5), 8 * 25 * 49),
        (nn.Conv1d(1, 1, 3, padding=1, bias=False), (1, 1, 8), 8 * 3),
        (nn.AvgPool2d(2), (1, 8, 4, 4), 0),
        # Gates x outputs x (inputs + outputs) for each of seven steps, per layer and direction.
        (First(nn.LSTM(4, 5, batch_first=True)), (1, 7, 4), 7 * 4 * 5 * (4 + 5)),
        (First(nn.GRU(4, 5, batch_first=True)), (1, 7, 4), 7 * 3 * 5 * (4 + 5)),
        (First(nn.RNN(4, 5, 2, batch_first=True)), (1, 7, 4), 7 * 5 * ((4 + 5) + (5 + 5))),
        (
            First(nn.LSTM(4, 5, batch_first=True, bidirectional=True)),
            (1, 7, 4),
            2 * 7 * 4 * 5 * (4 + 5),
        ),
        (
            Inner(nn.MultiheadAttention(8, 2, batch_first=True)),
            (1, 6, 8),
            4 * 6 * 64 + 2 * 6 * 6 * 8,
        ),
    ],
)
def test_operations_equal_the_count_by_hand(device, module, shape, macs):
    model = deepcopy(module).to(device).eval().requires_grad_(False)
    counts = counting.count(model, torch.zeros(shape, device=device))
    assert (counts.macs, counts.uncounted) == (macs, ())


def multiplications(operation, *shapes):
    """Count the multiplications of a bilinear operation; each adds 1 when all inputs are 1."""
    return int(operation(*(torch.ones(shape, dtype=torch.float64) for shape in shapes)).sum())


@pytest.mark.parametrize("device", ["meta", "cpu"])
@pytest.mark.parametrize("dimensions", [1, 2, 3])
@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize(
    "options", [{}, {"stride": 2}, {"dilation": 2}, {"stride": 2, "dilation": 3, "bias": False}]
)
def test_convolutions_have_as_many_multiplications_as_one_on_ones(
    device, dimensions, groups, transposed, options
):
    kind = f"Conv{'Transpose' * transposed}{dimensions}d"
    layer = getattr(nn, kind)(4, 8, 3, groups=groups, device=device, **options)
    operation = getattr(functional, f"conv{'_transpose' * transposed}{dimensions}d")
    without_bias = {name: value for name, value in options.items() if name != "bias"}
    images = (2, 4, *(8, 7, 7)[:dimensions])
    expected = multiplications(
        lambda x, weight: operation(x, weight, groups=groups, **without_bias),
        images,
        layer.weight.shape,
    )
    counts = counting.count(layer.eval(), torch.empty(images, device=device))
    assert counts.macs == counts.conv_macs == expected
    assert counts.grouped_macs == (expected if groups > 1 else 0)


@pytest.mark.parametrize("layer", ["grouped, transposed", "padded", "asked by name"])
def test_grouped_operations_are_part_of_the_total(layer):
    """Count a generator's head, a depthwise stem, and a direct call of the operator."""
    images = torch.empty(1, 64, 16, 16, device="meta")
    weight = torch.empty(64, 2, 4, 4, device="meta")
    model, expected = {
        "grouped, transposed": (
            nn.ConvTranspose2d(64, 64, 4, 2, 1, groups=32, device="meta"),
            16 * 16 * 64 * 2 * 16,
        ),
        "padded": (
            nn.Conv2d(64, 64, 3, 2, "valid", groups=64, device="meta"),
            7 * 7 * 64 * 9,
        ),
        "asked by name": (
            Of(
                lambda x: torch.ops.aten.convolution(
                    *(x, weight, None, [2, 2], [1, 1], [1, 1], True, [0, 0]), groups=32
                )
            ),
            16 * 16 * 64 * 2 * 16,
        ),
    }[layer]
    counts = counting.count(model, images)
    assert counts.grouped_macs == counts.conv_macs == counts.macs == expected


@pytest.mark.parametrize("device", ["meta", "cpu"])
@pytest.mark.parametrize(
    ("operation", "shapes"),
    [
        (torch.mm, [(3, 4), (4, 5)]),
        (torch.bmm, [(2, 3, 4), (2, 4, 5)]),
        (torch.mv, [(3, 4), (4,)]),
        (torch.dot, [(7,), (7,)]),
        (torch.matmul, [(2, 1, 3, 4), (6, 4, 5)]),
        (lambda a, b: torch.addmm(a.new_zeros(5), a, b), [(3, 4), (4, 5)]),
        (lambda a, b: torch.addmv(a.new_zeros(3), a, b), [(3, 4), (4,)]),
        (lambda a, b: torch.baddbmm(a.new_zeros(5), a, b), [(2, 3, 4), (2, 4, 5)]),
        (lambda a, b: torch.addbmm(a.new_zeros(5), a, b), [(2, 3, 4), (2, 4, 5)]),
        (lambda a, b: a.new_zeros(3, 5).addmm_(a, b), [(3, 4), (4, 5)]),
        (lambda a, b: a.new_zeros(2, 3, 5).baddbmm_(a, b), [(2, 3, 4), (2, 4, 5)]),
        (lambda a, b: torch.einsum("bij,kj->bik", a, b), [(2, 3, 4), (5, 4)]),
        (lambda a, b: torch.tensordot(a, b, 2), [(2, 3, 4), (3, 4, 5)]),
        (functional.linear, [(2, 6, 3), (5, 3)]),
    ],
)
def test_products_have_as_many_multiplications_as_one_on_ones(device, operation, shapes):
    first, *others = shapes
    rest = [torch.zeros(shape, device=device) for shape in others]
    counts = counting.count(Of(lambda x: operation(x, *rest)), torch.zeros(first, device=device))
    assert counts.macs == multiplications(operation, *shapes)
    assert (counts.conv_macs, counts.uncounted) == (0, ())


def test_a_complex_multiplication_counts_as_four():
    matrix = torch.zeros(3, 3, dtype=torch.complex64, device="meta")
    assert counting.count(Of(lambda x: x @ x), matrix).macs == 4 * 27


# Parameters -------------------------------------------------------------------------------------


class Headed(nn.Module):
    """A network with an unused head, and a layer of which only the weight is used."""

    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.layer = nn.Linear(8, 8)
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        return functional.linear(self.attention(x, x, x)[0], self.layer.weight)


@pytest.mark.parametrize("device", ["meta", "cpu"])
def test_executed_parameters_are_those_that_an_operator_reads(device):
    model = Headed().to(device).eval()
    counts = counting.count(model, torch.zeros(1, 6, 8, device=device))
    assert counts.params_executed == (3 * 64 + 3 * 8) + (64 + 8) + 64


@pytest.mark.filterwarnings("ignore:.*torch.jit")
def test_a_scripted_network_is_counted():
    model = torch.jit.script(nn.Sequential(nn.Conv2d(4, 4, 3, groups=2), nn.ReLU()).eval())
    counts = counting.count(model, torch.zeros(1, 4, 8, 8))
    assert (counts.macs, counts.params_executed) == (36 * 4 * 2 * 9, 4 * 2 * 9 + 4)


@pytest.mark.parametrize("name", ["vit_b_32", "swin_t", "maxvit_t"])
def test_all_parameters_of_transformers_are_executed(name):
    with torch.device("meta"):
        model = torchvision_models.get_model(name).eval()
    counts = counting.count(model, torch.empty(1, 3, 224, 224, device="meta"))
    assert counts.params_executed == counting.size(model.parameters())


# Work that is not multiply-adds -----------------------------------------------------------------


@torch.library.custom_op("dnnbench_tests::thrice", mutates_args=())
def thrice(x: torch.Tensor) -> torch.Tensor:
    return 3 * x


@thrice.register_fake
def _(x):
    return torch.empty_like(x)


def deformable(x):
    offsets = x.new_zeros(1, 18, 6, 6)
    return torchvision.ops.deform_conv2d(x, offsets, x.new_zeros(4, 4, 3, 3))


IMAGES = (1, 4, 8, 8)


@pytest.mark.parametrize("device", ["meta", "cpu"])
@pytest.mark.parametrize(
    ("function", "named"),
    [
        (torch.fft.rfft2, "aten::_fft_r2c"),
        (lambda x: torch.fft.ifft(torch.fft.fft(x)).real, "aten::_fft_c2c aten::_fft_r2c"),
        (
            lambda x: functional.grid_sample(x, x[:, :2].movedim(1, 3), align_corners=False),
            "aten::grid_sampler_2d",
        ),
        (lambda x: functional.interpolate(x, scale_factor=2.0, mode="bilinear"), "bilinear2d"),
        (lambda x: torch.cdist(x, x), "aten::_cdist_forward"),
        (lambda x: torch.linalg.svdvals(x), "aten::_linalg_svd"),
        (lambda x: functional.bilinear(x, x, x.new_zeros(2, 8, 8)), "aten::_trilinear"),
        (deformable, "torchvision::deform_conv2d"),
        (thrice, "dnnbench_tests::thrice"),
    ],
)
def test_an_operator_whose_work_is_not_counted_is_named(device, function, named):
    counts = counting.count(Of(function), torch.rand(IMAGES, device="cpu").to(device))
    assert named in " ".join(counts.uncounted)
    assert counts.macs == 0


def test_a_product_with_a_sparse_matrix_is_named():
    matrix = torch.eye(8).to_sparse()
    counts = counting.count(Of(lambda x: torch.sparse.mm(matrix, x[0, 0])), torch.rand(IMAGES))
    assert any("sparse" in name for name in counts.uncounted)


@pytest.mark.filterwarnings("ignore")  # torch is moving quantization to a separate library.
def test_a_quantized_layer_is_named():
    model = torch.ao.quantization.quantize_dynamic(nn.Sequential(nn.Linear(8, 4)))
    assert counting.count(model, torch.zeros(2, 8)).uncounted == ("quantized::linear_dynamic",)


@pytest.mark.parametrize("device", ["meta", "cpu"])
def test_elementwise_operators_pooling_and_normalization_are_not_named(device):
    per_element = (nn.Hardswish(), nn.GELU(), nn.PReLU(), nn.Softplus(), nn.Dropout())
    norms = (nn.BatchNorm2d(4), nn.GroupNorm(2, 4), nn.InstanceNorm2d(4), nn.LocalResponseNorm(2))
    pools = (nn.MaxPool2d(2, padding=1), nn.AvgPool2d(2, 1), nn.LPPool2d(2, 2, 1))
    moves = (nn.ReflectionPad2d(1), nn.Upsample(None, 2), nn.AdaptiveMaxPool2d(4), nn.Flatten())
    layers = nn.Sequential(
        *(*per_element, *norms, *pools, *moves, nn.Softmax(1), nn.LayerNorm(64)),
        Of(lambda x: torch.cat([x.sort()[0], x.topk(2)[0], x.cumsum(1), x.roll(1)], 1)),
        Of(lambda x: functional.normalize(x[:, x[0].argsort()].masked_fill(x[:, :1] > 0, 1.0))),
    )
    counts = counting.count(layers.to(device).eval(), torch.rand(IMAGES).to(device))
    assert (counts.macs, counts.uncounted) == (0, ())


@pytest.mark.parametrize("device", ["meta", "cpu"])
def test_attention_is_one_operation_that_stores_no_scores(device):
    counts = counting.count(Of(attention), torch.zeros(HEADS, device=device))
    query, keys = 4 * 6 * 8 * 4, 4 * 10 * 8 * 4
    assert counts.activations_bytes == keys + query  # The input and the output.
    assert counts.linear_bytes == 2 * query + 2 * keys  # Read: query, key, value; written: a query.
    assert (counts.operators, counts.traffic_bytes) == (1, 0)


# Comparison with timm's published numbers -----------------------------------------------------


class Elementwise(TorchDispatchMode):
    """A mode that counts what fvcore, the counter behind timm's numbers, adds to multiply-adds.

    Batch normalization counts 2 per element, layer and group normalization 5 (4 without weights),
    adaptive pooling 1 per input element, and interpolation 1 (bilinear: 4) per output element.
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
def test_operations_equal_those_that_timm_publishes(name):
    compare_with_timm(PUBLISHED[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(PUBLISHED.keys() - FEW))
def test_operations_of_all_networks_equal_those_that_timm_publishes(name):
    compare_with_timm(PUBLISHED[name])


# Comparison with torchvision's published numbers ----------------------------------------------


def compare_with_torchvision(names):
    for key, network in model_list.resolve(names).items():
        weights = torchvision_models.get_model_weights(key.removeprefix("torchvision-")).DEFAULT
        model = builders.build(network, "meta")
        size = network.input_size
        counts = counting.count(model, torch.empty(1, 3, size, size, device="meta"))
        assert counts.macs / 1e9 == pytest.approx(weights.meta["_ops"], abs=0.0011), key
        if not key.endswith("googlenet"):  # torchvision counts it without the unused heads.
            assert counting.size(model.parameters()) == weights.meta["num_params"]


def test_operations_equal_those_that_torchvision_publishes():
    compare_with_torchvision(["torchvision:swin_v2_t", "torchvision:vit_b_32"])


@pytest.mark.slow
def test_operations_of_all_networks_equal_those_that_torchvision_publishes():
    compare_with_torchvision("torchvision:*")
