import contextlib
import csv
import re
import signal
import subprocess
import sys

import pytest
import torch
from helpers import toys
from helpers.once import once
from helpers.paths import DATA, ROOT
from torch import nn

from dnnbench.core.storage import read_rows
from dnnbench.measure import complexity
from dnnbench.networks import builders, counting, registry
from dnnbench.records.complexity_records import Complexity

SCRIPT = ROOT / "workflow" / "scripts" / "complexity.py"
with (DATA / "flops.csv").open(newline="") as file:
    FLOPS = {row["model"]: row for row in csv.DictReader(file)}
# One of each kind; a slow test covers all 44.
FEW = (
    *("alexnet", "bninception", "densenet121", "googlenet", "inceptionv3", "mobilenet"),
    *("nasnetamobile", "resnet50", "shufflenet", "squeezenet1_1", "vgg11"),
)
NETWORKS = registry.load_registry()
MIB = 2**20


@pytest.fixture(scope="module", autouse=True)
def _prepared():
    complexity.prepare()


def run(*arguments):
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def bias_term(network):
    """Return the 2018 count's extra term: output elements / (2 x groups) per biased convolution."""
    total = 0.0
    model = builders.build(network, "meta")
    if not any(isinstance(m, nn.Conv2d) and m.bias is not None for m in model.modules()):
        return total

    def add(module, _inputs, output):
        nonlocal total
        if isinstance(module, nn.Conv2d) and module.bias is not None:
            total += output.numel() / (2 * module.groups)

    for module in model.modules():
        module.register_forward_hook(add)
    with torch.no_grad():
        model(torch.empty(1, 3, network.input_size, network.input_size, device="meta"))
    return total


@pytest.fixture(
    scope="module",
    params=[FEW, pytest.param(tuple(FLOPS), marks=pytest.mark.slow)],
    ids=["few", "all"],
)
def table(request, tmp_path_factory):
    """Return the complexity of each network, from the stage's command line."""
    names = request.param
    words = names if names == FEW else ("bianco2018",)

    def make(folder):
        done = run(*words, "--output", folder / "complexity.csv")
        assert done.returncode == 0, done.stderr
        assert f"complexity: {len(names)} of {len(names)}" in done.stderr

    folder = once(tmp_path_factory, f"complexity-{len(names)}", make)
    rows = read_rows(folder / "complexity.csv", Complexity)
    assert [row.model for row in rows] == list(names)
    return {row.model: row for row in rows}


def test_the_table_used_by_other_tests_equals_the_stages_output(table, complexity_table):
    assert table == {name: complexity_table[name] for name in table}


# Against counts made by others ----------------------------------------------------------------


def test_parameters_are_equal(table):
    assert {k: row.params for k, row in table.items()} == {
        k: int(FLOPS[k]["params"]) for k in table
    }


@pytest.mark.parametrize(
    ("ours", "theirs", "scale"),
    [("macs", "torch_flopcounter_gflops", 0.5e9), ("thop_macs", "thop_gmacs", 1e9)],
)
def test_operations_agree_within_a_thousandth(table, ours, theirs, scale):
    counted = {k: getattr(row, ours) for k, row in table.items()}
    expected = {k: pytest.approx(float(FLOPS[k][theirs]) * scale, rel=1e-3) for k in table}
    assert counted == expected


def test_convolutions_and_biases_agree_with_the_count_of_2018(table):
    counted = {k: row.conv_macs + bias_term(NETWORKS[k]) for k, row in table.items()}
    expected = {
        k: pytest.approx(float(FLOPS[k]["luigi_conv_only_gmacs"]) * 1e9, rel=1e-3) for k in table
    }
    assert counted == expected


def test_columns_are_consistent(table):
    for key, row in table.items():
        assert row.flops == 2 * row.macs
        assert row.conv_macs <= row.macs
        elements = int(FLOPS[key]["params"]) + int(FLOPS[key]["buffers"])
        # Four bytes each, except eight bytes for each batch normalization's counter.
        assert 4 * elements <= row.weights_mib * MIB <= 4 * elements * 1.01
        # At least the input and the first output.
        assert row.activations_mib * MIB > 4 * 3 * row.input_size**2


def test_only_the_auxiliary_head_of_inception_v3_is_not_executed(table):
    assert table["inceptionv3"].params_executed == 23_834_568
    others = [row for key, row in table.items() if key != "inceptionv3"]
    assert all(row.params_executed == row.params for row in others)


# Manual counts: 1 x 3 x 8 x 8 images of four bytes ---------------------------------------------

IMAGE = 3 * 64 * 4


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Conv2d(3, 3, 3, padding=1)
        self.unused = nn.Linear(10, 10)

    def forward(self, x):
        return x + self.body(x)


class Branches(nn.Module):
    def __init__(self):
        super().__init__()
        self.left = nn.Conv2d(3, 8, 3, padding=1)
        self.right = nn.Conv2d(3, 4, 1)

    def forward(self, x):
        return torch.cat([self.left(x), self.right(x)], dim=1)


class Plane(nn.Module):
    """A module that frees its input and views the same storage in several shapes."""

    def forward(self, x):
        y = x * 2
        del x
        z = y.view(-1)[5:].unsqueeze(0)
        return z.t().t()


def conv(inputs, outputs):
    return nn.Conv2d(inputs, outputs, 3, padding=1)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        # Input and first output; the second output is additional, as the caller keeps the input.
        (nn.Sequential(conv(3, 8)), IMAGE + 8 * 256),
        (nn.Sequential(conv(3, 8), conv(8, 4)), IMAGE + 8 * 256 + 4 * 256),
        # The first output is freed before the third is made.
        (nn.Sequential(conv(3, 8), conv(8, 4), conv(4, 4)), IMAGE + 8 * 256 + 4 * 256),
        (nn.Sequential(conv(3, 8), conv(8, 4), conv(4, 16)), IMAGE + 4 * 256 + 16 * 256),
        # An in-place rectifier needs nothing; otherwise it needs the same amount again.
        (nn.Sequential(conv(3, 8), nn.ReLU(inplace=True)), IMAGE + 8 * 256),
        (nn.Sequential(conv(3, 8), nn.ReLU()), IMAGE + 2 * 8 * 256),
        (Residual(), 3 * IMAGE),
        (Branches(), IMAGE + 8 * 256 + 4 * 256 + 12 * 256),
        # Views share a storage.
        (nn.Flatten(), IMAGE),
        (Plane(), 2 * IMAGE),
        # A quarter of the values, and as many indices of eight bytes.
        (nn.MaxPool2d(2), IMAGE + IMAGE // 4 + IMAGE // 2),
        (nn.Sequential(nn.Flatten(), nn.Linear(192, 10)), IMAGE + 40),
    ],
    ids=lambda value: str(value) if isinstance(value, int) else "",
)  # fmt: skip
def test_peak_activations_equal_a_manual_count(model, expected):
    model = model.to("meta").eval()
    for batch_size in (1, 5):
        images = torch.empty(batch_size, 3, 8, 8, device="meta")
        assert counting.peak_activations(model, images) == batch_size * expected


@pytest.mark.parametrize("key", ["squeezenet1_1", "shufflenet", "googlenet"])
def test_peak_activations_on_the_meta_device_equal_those_of_an_eager_pass(key):
    meta, cpu = (
        counting.peak_activations(
            builders.build(key, device), torch.zeros(1, 3, 224, 224, device=device)
        )
        for device in ("meta", "cpu")
    )
    # On one of the devices, batch normalization also returns one statistic per channel.
    assert meta == pytest.approx(cpu, abs=4096)


def test_operations_equal_a_manual_count():
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.Conv2d(8, 8, 3, groups=4),
        nn.Flatten(),
        nn.Linear(288, 10),
    ).to("meta")
    counts = counting.count(model, torch.empty(2, 3, 8, 8, device="meta"))
    assert counts.conv_macs == 2 * (8 * 64 * 27 + 8 * 36 * 18)
    assert counts.macs == counts.conv_macs + 2 * 2880
    assert counting.thop_macs(model, torch.empty(2, 3, 8, 8, device="meta")) == counts.macs


def test_parameters_of_a_head_that_does_not_run_are_not_executed():
    counts = counting.count(Residual().to("meta"), torch.empty(1, 3, 8, 8, device="meta"))
    assert counts.params_executed == 3 * 3 * 9 + 3


def test_activations_grow_with_the_batch(table):
    model = builders.build(NETWORKS["squeezenet1_1"], "meta")

    def activations_mib(batch_size):
        images = torch.empty(batch_size, 3, 224, 224, device="meta")
        return counting.peak_activations(model, images) / 2**20

    one = activations_mib(1)
    assert one == table["squeezenet1_1"].activations_mib
    assert activations_mib(8) == pytest.approx(8 * one)


# Errors and interruption ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "TypeError"),
        ({"in_features": 7, "out_features": 1000}, "RuntimeError"),
        ({"in_features": 224, "out_features": 1000}, r"shape \[1, 3, 224, 1000\], not \[1, 1000\]"),
    ],
)
def test_a_failing_network_is_recorded_with_the_reason(arguments, message, capfd):
    network = NETWORKS["vgg11"].model_copy(
        update={"key": "mine", "builder": "torch.nn:Linear", "arguments": arguments}
    )
    row = complexity.measure(network)
    assert (row.complexity_status, row.macs, row.thop_macs) == ("failed", None, None)
    assert re.search(message, row.complexity_message)
    assert row.complexity_message.isprintable()
    # Known values are kept.
    assert row.params == (1000 * (arguments["in_features"] + 1) if arguments else None)


@pytest.mark.parametrize(
    ("name", "status", "said"),
    [
        ("raising", "failed", "operations: RuntimeError: layer 3 has gone fishing"),
        ("crashing", "failed", "operations: killed by SIGSEGV"),
        ("exiting", "failed", "operations: exited with code 3 before it answered"),
        ("headless", "failed", "operations: ValueError: returns a tensor of shape [1, 10]"),
        ("two_outputs", "failed", "operations: ValueError: output: tuple of 0 [1, 1000], 1 [1, 8]"),
        ("hanging", "timeout", "operations: took longer than 3 s"),
    ],
)
def test_uncountable_operations_are_a_status_and_the_size_is_kept(name, status, said, monkeypatch):
    monkeypatch.setattr(complexity, "_TIMEOUT_S", 3.0)
    row = complexity.measure(toys.entry(name))
    assert (row.complexity_status, row.macs, row.operators) == (status, None, None)
    assert row.complexity_message.startswith(said)
    assert row.params == 9224


def test_a_failing_cross_check_leaves_only_its_own_field_empty(monkeypatch, capfd):
    network = toys.entry("small")
    whole = complexity.measure(network)

    def breaks(_model, _images):
        raise AttributeError("'Net' object has no attribute 'total_ops'")

    monkeypatch.setattr(counting, "thop_macs", breaks)
    row = complexity.measure(network)
    assert "'total_ops'" in row.complexity_message
    assert row.complexity_message.startswith("cross check: AttributeError: ")
    assert whole.thop_macs is not None
    assert row == whole.model_copy(
        update={"thop_macs": None, "complexity_message": row.complexity_message}
    )
    assert "in breaks" in capfd.readouterr().err


@pytest.mark.parametrize("name", ["branching", "asking", "choosing"])
def test_a_network_that_depends_on_values_is_counted_with_random_values(name):
    row = complexity.measure(toys.entry(name))
    small = complexity.measure(toys.entry("small"))
    assert (row.complexity_status, row.macs, row.thop_macs) == ("ok", small.macs, small.thop_macs)
    assert row.complexity_message.startswith("counted with random values on the CPU: ")
    assert small.complexity_message is None


@pytest.mark.parametrize("name", ["as_mapping", "as_tuple", "as_named_tuple", "as_model_output"])
def test_logits_are_found_inside_structured_outputs(name):
    row = complexity.measure(toys.entry(name))
    assert (row.complexity_status, row.complexity_message) == ("ok", None)
    assert row.macs == complexity.measure(toys.entry("small")).macs


def test_uncounted_operators_are_named():
    row = complexity.measure(toys.entry("transforming"))
    assert row.uncounted_operators == "aten::_fft_c2r aten::_fft_r2c"
    assert row.macs == complexity.measure(toys.entry("small")).macs


def test_grouped_macs_traffic_and_operators_equal_a_manual_count():
    model = nn.Sequential(
        nn.Conv2d(4, 8, 3, padding=1, groups=2, bias=False),  # 8 x 6 x 6 from 2 x 3 x 3 each
        nn.ReLU(inplace=True),
        nn.Flatten(),  # A view: no bytes, no operator.
        nn.Linear(288, 10),
    ).to("meta")
    counts = counting.count(model, torch.empty(1, 4, 6, 6, device="meta"))
    assert counts.grouped_macs == counts.conv_macs == 8 * 36 * 2 * 9
    assert counts.macs == counts.conv_macs + 2880
    assert counts.linear_bytes == 4 * (288 + 2880 + 10 + 10)
    convolution, rectified = 4 * 36 + 8 * 2 * 9 + 8 * 36, 2 * 8 * 36
    assert counts.traffic_bytes == 4 * (convolution + rectified)
    assert counts.operators == 3


def test_depthwise_convolutions_are_grouped_and_a_small_share_of_operations(table):
    mobile, residual = table["mobilenet"], table["resnet50"]
    assert residual.grouped_macs == 0
    assert 0.01 < mobile.grouped_macs / mobile.macs < 0.05


def test_measuring_has_no_side_effects(capfd):
    builders.preload([NETWORKS["squeezenet1_1"]])
    sys.modules.pop("thop", None)  # where an earlier test imported it
    first = complexity.measure(NETWORKS["squeezenet1_1"])
    assert complexity.measure(NETWORKS["squeezenet1_1"]) == first
    assert "thop" not in sys.modules
    assert capfd.readouterr().out == ""


def test_a_misspelled_name_is_a_one_line_error_and_writes_nothing(tmp_path):
    output = tmp_path / "complexity.csv"
    finished = run("resnet5O", "--output", output)
    assert finished.returncode != 0
    assert finished.stderr == (
        "complexity.py: MODELS: 'resnet5O': unknown network. Did you mean 'resnet50'?\n"
    )
    assert not output.exists()


def test_an_interrupted_run_leaves_no_output(tmp_path):
    output = tmp_path / "complexity.csv"
    command = [sys.executable, str(SCRIPT), "bianco2018", "--output", str(output)]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    assert "complexity: 0 of 44" in process.stderr.readline()
    while process.poll() is None:  # Like a user, repeat the interrupt until it takes effect.
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(1)
    process.stderr.close()
    assert process.returncode != 0
    assert list(tmp_path.iterdir()) == []
