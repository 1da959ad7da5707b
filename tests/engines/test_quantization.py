"""Quantized graphs: calibration, agreement of the int8 kernels, and what cannot be quantized."""

import numpy as np
import onnxruntime
import pytest
import torch
from helpers import toys
from torch import nn

from dnnbench.config import loading, section, variants
from dnnbench.config.latency_settings import Passes
from dnnbench.core import isolation
from dnnbench.devices.backends import Setup
from dnnbench.engines import agreement, openvino_quantization, preparation, quantization
from dnnbench.engines import onnxruntime as engine
from dnnbench.measure import control, graphs, inference, latency, memory
from dnnbench.networks import builders

PASSES = Passes(rounds=1, discard=1, samples=(1, 1), one_process="cell")
NORMED = toys.entry("normed")
INT8 = "int8-onnxruntime"


def calibration(_network=None, key="pictures"):
    pixels = np.random.default_rng(0).integers(0, 256, (20, 32, 32, 3), dtype=np.uint8)
    return graphs.Calibration(key, pixels)


@pytest.fixture(scope="module", autouse=True)
def _prepared():
    graphs.prepare(quantization.GRAPH, [])
    preparation.preload(variants.parse(INT8))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("graphs")
    graphs.update(quantization.GRAPH, NORMED, [2], folder, calibration(), retry=True)
    return folder


def test_the_method_and_the_images_are_recorded(folder):
    (cell,) = graphs.update(
        quantization.GRAPH, NORMED, [2], folder, calibration(), retry=True
    ).cells
    assert cell.status == "ok", cell.message
    assert cell.settings["calibration"] in ("minmax", "percentile 99.99")
    assert cell.settings["calibration_images"] == 16
    assert 0 < cell.settings["calibration_error"] < 0.01
    assert cell.settings["quantized_operators"] == "2 of 2"


def test_other_images_calibrate_again(folder):
    same = graphs.identity(quantization.GRAPH, NORMED, 2, calibration())
    assert same == graphs.identity(quantization.GRAPH, NORMED, 2, calibration())
    assert same != graphs.identity(quantization.GRAPH, NORMED, 2, calibration(key="others"))


@pytest.mark.parametrize(
    ("machine", "flags", "bits"),
    [
        ("x86_64", "avx2 fma", 7),
        ("x86_64", "avx512f avx512bw", 7),
        ("x86_64", "avx2 avx_vnni", 8),
        ("x86_64", "avx512f avx512_vnni", 8),
        ("x86_64", None, 7),
        ("aarch64", "asimd", 8),
    ],
)
def test_weights_have_seven_bits_where_sums_saturate(machine, flags, bits, monkeypatch):
    monkeypatch.setattr(quantization.platform, "machine", lambda: machine)
    monkeypatch.setattr(quantization.host, "read", lambda _: flags and f"flags : {flags}\nbugs :")
    assert quantization.weight_bits() == bits


@pytest.mark.parametrize("build", [quantization.build, openvino_quantization.build])
def test_fewer_bits_of_weights_make_another_graph(build, tmp_path, monkeypatch):
    pictures = torch.randn(16, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    written, identities = [], []
    for bits in (7, 8):
        monkeypatch.setattr(quantization, "weight_bits", lambda bits=bits: bits)
        model, images = builders.build(NORMED), torch.zeros(1, 3, 32, 32)
        built = build(model, images, tmp_path / str(bits), pictures)
        assert built.settings["weight_bits"] == bits
        written.append(built.files[1].read_bytes())
        identities.append(graphs.identity(quantization.GRAPH, NORMED, 1, calibration()))
    assert written[0] != written[1]
    assert identities[0] != identities[1]


def test_the_method_with_the_smaller_error_is_chosen(tmp_path, monkeypatch):
    errors = {}
    original = quantization._logits

    def noted(graph, batches):
        logits = original(graph, batches)
        errors[graph.stem] = logits
        return logits

    monkeypatch.setattr(quantization, "_logits", noted)
    model, images = builders.build(NORMED), torch.zeros(2, 3, 32, 32)
    # A few huge pixels: all values need a wide range, the others a narrow one.
    pictures = torch.randn(20, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    built = quantization.build(model, images, tmp_path / "graph", pictures)
    error = {
        method: float(np.mean((errors[method] - errors["fp32"]) ** 2))
        for method in ("minmax", "percentile")
    }
    assert built.settings["calibration"].split()[0] == min(error, key=error.get)
    assert error["minmax"] != error["percentile"]


@pytest.mark.parametrize("variant", [INT8, "int8-openvino"])
def test_a_quantized_cell_is_timed_on_int8_kernels_and_agrees_with_its_graph(variant, folder):
    found = graphs.ready(variant, [NORMED], [2], calibration, folder)
    arguments = (NORMED, [2], PASSES, Setup("cpu"), 2, variant, found.files("normed"))
    (timing,) = isolation.run(latency.measure, *arguments, timeout_s=240).value
    assert (timing.status, timing.message) == ("ok", None)
    assert timing.agreement.kernel_difference <= agreement.BOUNDS["int8"]
    # The distance from fp32-eager is recorded, and larger than that of fp32 kernels.
    assert timing.agreement.largest_difference > agreement.BOUNDS["fp32"]
    arguments = (NORMED, 2, Setup("cpu"), 2, variant, found.file("normed", 2), found.convolution())
    outcome = isolation.run(memory.measure, *arguments, timeout_s=240)
    assert outcome.status == "ok", outcome.message
    assert found.size_mib("normed", 2) < outcome.value["weights_mib"]


def test_wrong_int8_kernels_are_a_failure(folder, monkeypatch):
    found = graphs.ready(INT8, [NORMED], [2], calibration, folder)
    original = engine._session

    class Wrong:
        """A session that halves its input."""

        def __init__(self, session):
            self._session = session

        def __getattr__(self, name):
            return getattr(self._session, name)

        def run(self, names, inputs):
            (given,) = inputs.values()
            return self._session.run(names, {next(iter(inputs)): given * 0.5})

    def session(graph, threads, optimization=None):
        made = original(graph, threads, optimization)
        return made if optimization is not None else Wrong(made)

    monkeypatch.setattr(engine, "_session", session)
    arguments = (NORMED, [2], PASSES, Setup("cpu"), 2, INT8, found.files("normed"))
    (timing,) = isolation.run(latency.measure, *arguments, timeout_s=240).value
    assert timing.status == "failed"
    assert "differs from that of the same graph computed in fp32" in timing.message


class Gated(nn.Module):
    """A network with a gate that is 0.5 for all images, except for the last digits."""

    def __init__(self):
        super().__init__()
        self.body = builders.build(NORMED)

    def forward(self, images):
        return self.body(images * torch.sigmoid(1e-5 * images[:, :, :8, :8].mean((2, 3), True)))


def test_values_without_a_histogram_are_calibrated_with_all_of_them(tmp_path):
    pictures = torch.randn(16, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    built = quantization.build(Gated(), torch.zeros(1, 3, 32, 32), tmp_path / "graph", pictures)
    assert built.settings["calibration"] == "minmax"


class Pooling(nn.Module):
    def forward(self, images):
        return images.mean((2, 3)).repeat(1, 334)[:, :1000]


@pytest.mark.parametrize("build", [quantization.build, openvino_quantization.build])
def test_a_network_without_int8_operators_is_a_failure_with_a_reason(build, tmp_path):
    with pytest.raises(ValueError, match="no operator of this network has an int8 kernel"):
        build(Pooling(), torch.zeros(1, 3, 32, 32), tmp_path / "graph", torch.randn(16, 3, 32, 32))
    assert not list(tmp_path.iterdir())


def test_too_few_images_fail_the_graph_and_nothing_else(tmp_path):
    problem = graphs.Calibration(problem="int8: only 5 images")
    (cell,) = graphs.update(quantization.GRAPH, NORMED, [1], tmp_path, problem, retry=True).cells
    assert (cell.status, cell.message) == ("failed", "int8: only 5 images")
    found = graphs.ready(INT8, [NORMED], [1], lambda _: problem, tmp_path)
    assert found.problem("normed", 1) == ("failed", "graph: int8: only 5 images")
    assert found.file("normed", 1) is None


def test_int8_without_images_is_an_error_of_one_line(tmp_path):
    file = tmp_path / "device.yaml"
    file.write_text(f"device: here\nbackend: cpu\nbatch_sizes: [1]\nvariants: [fp32-eager, {INT8}]")
    with pytest.raises(section.ParameterError) as error:
        loading.load(file)
    assert f"variants.1: {INT8!r}: needs your images to calibrate int8." in str(error.value)
    assert "\n" not in str(error.value)


def test_a_batch_is_filled_up_with_images():
    pictures = np.arange(5, dtype=np.float32).reshape(5, 1, 1, 1)
    batches = quantization.batches_of(pictures, 4)
    assert [batch.ravel().tolist() for batch in batches] == [[0, 1, 2, 3], [4, 0, 1, 2]]


def test_the_images_with_the_largest_logits_are_kept(tmp_path):
    batches = [np.full((2, 3, 4, 4), number, np.float32) for number in range(3)]
    logits = np.array([[1, 0], [2, 0], [0, -9], [0, 0], [5, 0], [6, 0]], np.float32)
    quantization.keep_pictures(batches, logits, tmp_path / "a.graph")
    np.testing.assert_array_equal(quantization.pictures(tmp_path / "a.graph.onnx"), batches[1])


@pytest.mark.parametrize("variant", [INT8, "int8-openvino"])
def test_the_control_is_measured_with_a_graph_that_is_not_quantized(variant, tmp_path):
    plain = graphs.ready(variant, [], [1], folder=tmp_path).convolution()
    arguments = (PASSES, Setup("cpu"), 1, variant, {1: plain})
    control.check("cpu", "timed", Setup("cpu"), variant, latency.measure, [1], *arguments)


def test_the_exported_file_runs_in_onnx_runtime_alone(folder):
    found = graphs.ready(INT8, [NORMED], [2], calibration, folder)
    session = onnxruntime.InferenceSession(str(found.file("normed", 2)))
    (name,) = (given.name for given in session.get_inputs())
    (logits,) = session.run(None, {name: np.zeros((2, 3, 32, 32), np.float32)})
    assert logits.shape == (2, 1000)


@pytest.mark.parametrize("order", ["RGB", "BGR"])
def test_calibration_images_are_prepared_as_those_of_accuracy_are(order, tmp_path, monkeypatch):
    network = NORMED.model_copy(update={"channel_order": order, "mean": (0.1, 0.2, 0.3)})
    pixels = calibration().pixels
    monkeypatch.setattr(graphs.graph_building, "build", lambda *arguments: arguments[-1])
    prepared = graphs._built(quantization.GRAPH, network, 1, tmp_path, pixels)
    expected = inference.prepare(torch.from_numpy(pixels), network)
    torch.testing.assert_close(prepared, expected)
