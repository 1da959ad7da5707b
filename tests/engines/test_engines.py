"""Variants of running a network: names, engines, agreement with fp32-eager."""

import importlib.util

import pytest
import torch
from helpers import toys

from dnnbench.config import loading, section, variants
from dnnbench.config.latency_settings import Passes
from dnnbench.core import isolation
from dnnbench.core.errors import UserError
from dnnbench.devices.backends import Setup
from dnnbench.devices.cpu import Cpu
from dnnbench.engines import agreement, casting, preparation
from dnnbench.measure import latency, memory
from dnnbench.networks import builders, registry

ON_CPU = [
    "fp32-eager-channels_last",
    "bf16-eager",
    "bf16-autocast-eager",
    "fp16-eager",
    "fp32-compile",
    "fp32-onnxruntime",
    "fp32-openvino",
]
BUILDING = ("compile", "onnxruntime", "openvino")
NETWORKS = registry.load_registry()
PASSES = Passes(rounds=1, discard=1, samples=(1, 3), one_process="cell")


@pytest.fixture(scope="module", autouse=True)
def _prepared():
    isolation.prepare()
    for name in ON_CPU:
        preparation.preload(variants.parse(name))
    builders.preload([NETWORKS["squeezenet1_1"], NETWORKS["se_resnet50"]])


def time(network, variant, batch_size=2):
    """Return the timing of one cell, measured in a child as in a round."""
    arguments = (network, [batch_size], PASSES, Setup("cpu"), 2, variant)
    outcome = isolation.run(latency.measure, *arguments, timeout_s=240)
    assert outcome.status == "ok", outcome.message
    return outcome.value[0]


# Names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("fp32-eager", ("fp32", False, "eager", False)),
        ("tf32-compile", ("tf32", False, "compile", False)),
        ("bf16-autocast-eager", ("bf16", True, "eager", False)),
        ("fp16-autocast-compile-channels_last", ("fp16", True, "compile", True)),
        ("fp32-openvino", ("fp32", False, "openvino", False)),
    ],
)
def test_a_variant_name_is_parsed_into_its_parts(name, parts):
    variant = variants.parse(name)
    found = (variant.precision, variant.autocast, variant.engine, variant.channels_last)
    assert found == parts
    assert variant.name == name
    assert variant.is_reference == (name == "fp32-eager")


@pytest.mark.parametrize(
    ("name", "backend", "said"),
    [
        ("fp33-eager", "cpu", "Did you mean 'fp32-eager'?"),
        ("eager", "cpu", "Write PRECISION[-autocast]-ENGINE[-channels_last]"),
        ("bf16-eager-autocast", "cpu", "not a variant"),
        ("tf32-eager", "cpu", "backend cpu does not support TF32. Write fp32 or bf16"),
        ("tf32-onnxruntime", "cuda", "Write fp32-onnxruntime"),
        ("bf16-openvino", "cpu", "Write fp32-openvino, or choose compile or eager"),
        ("fp32-autocast-eager", "cpu", "Write fp16-autocast or bf16-autocast"),
        ("tf32-autocast-eager", "cuda", "Write fp16-autocast or bf16-autocast"),
        ("fp32-onnxruntime-channels_last", "cpu", "chooses the memory layout itself"),
        ("fp32-openvino", "cuda", "does not run on backend cuda. Write compile or eager"),
        ("fp32-onnxruntime", "jetson", "does not run on backend jetson. Write compile or eager"),
    ],
)
def test_an_invalid_variant_name_is_a_one_line_error_with_a_remedy(name, backend, said):
    with pytest.raises(UserError) as error:
        variants.check(name, backend)
    assert str(error.value).startswith(f"{name!r}: ")
    assert said in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["tf32-eager", "tf32-compile", "fp16-autocast-eager"])
def test_a_gpu_supports_variants_that_a_cpu_does_not(name):
    assert variants.check(name, "cuda").name == name


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["fp32-eager", "tf32-eager"], "variants.1: 'tf32-eager': backend cpu does not support"),
        (["fp32-eagre"], "device.yaml: variants.0: 'fp32-eagre': not a variant"),
        (["bf16-eager", "bf16-eager"], "device.yaml: variants.1: 'bf16-eager': listed twice"),
    ],
)
def test_a_wrong_variant_in_a_device_file_is_a_one_line_error(names, said, tmp_path):
    file = tmp_path / "device.yaml"
    file.write_text(
        f"device: here\nbackend: cpu\nbatch_sizes: [1]\nvariants: [{', '.join(names)}]\n"
    )
    with pytest.raises(section.ParameterError) as error:
        loading.load(file)
    assert said in str(error.value)


def test_a_missing_package_is_a_one_line_error_that_names_what_to_install(monkeypatch):
    found = importlib.util.find_spec

    def without(name):
        return None if name == "openvino" else found(name)

    monkeypatch.setattr(importlib.util, "find_spec", without)
    variants.require(["fp32-eager", "fp32-compile", "fp32-onnxruntime"])
    with pytest.raises(UserError, match=r"'fp32-openvino': openvino is not .*'\.\[openvino\]'"):
        variants.require(["fp32-eager", "fp32-openvino"])


# Running -------------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", ["fp32-eager", *ON_CPU])
def test_a_cell_is_timed_and_compared_in_every_variant(variant):
    timing = time(toys.entry("normed"), variant)
    assert (timing.status, timing.message) == ("ok", None)
    assert min(timing.samples_ms) > 0
    if variant == "fp32-eager":
        assert timing.agreement is timing.built is None
        return
    assert timing.agreement.images == 16
    bound = agreement.BOUNDS[variant.split("-")[0]]
    assert timing.agreement.largest_difference <= bound
    assert (timing.built is not None) == any(engine in variant for engine in BUILDING)


# Exporting is slow; every engine runs a toy network above.
@pytest.mark.parametrize(
    "variant",
    [
        pytest.param("fp32-onnxruntime", marks=pytest.mark.slow),
        pytest.param("fp32-openvino", marks=pytest.mark.slow),
        "bf16-eager",
    ],
)
def test_a_network_of_2018_is_timed_and_its_memory_measured(variant):
    network = NETWORKS["squeezenet1_1"]
    timing = time(network, variant, batch_size=1)
    assert (timing.status, timing.message) == ("ok", None)
    # A difference shows that the variant ran, rather than fp32-eager twice.
    assert 0 < timing.agreement.largest_difference < agreement.BOUNDS[variant.split("-")[0]]
    assert timing.agreement.top1 == 100
    outcome = isolation.run(memory.measure, network, 1, Setup("cpu"), 2, variant, timeout_s=240)
    assert outcome.status == "ok", outcome.message
    cell = outcome.value
    weights_mib = 4.713 / (2 if variant == "bf16-eager" else 1)
    assert cell["weights_mib"] == pytest.approx(weights_mib, abs=0.001)
    # Excludes preparation, which needs the whole network a second time.
    assert weights_mib < cell["memory_net_mib"] < 60
    counted = isolation.run(memory.activations_mib, network, 1, variant, timeout_s=240).value
    plain = isolation.run(memory.activations_mib, network, 1, "fp32-eager", timeout_s=240).value
    indices = 64 * 55 * 55 * 8 / 2**20  # First max pooling: 8-byte integers in every precision.
    halved = (plain - indices) / 2 + indices
    assert counted == pytest.approx(halved if variant == "bf16-eager" else plain, rel=0.001)
    assert (cell["built"] is not None) == (variant != "bf16-eager")


def test_casting_reaches_weights_and_input_and_autocast_neither():
    images = torch.zeros(1, 3, 32, 32)
    model = toys.small()
    cast = preparation.prepare(variants.parse("bf16-eager"), model, images, Cpu())
    assert next(model.parameters()).dtype == torch.bfloat16
    assert cast.bind(images)().dtype == torch.bfloat16
    model = toys.small()
    with torch.inference_mode():
        auto = preparation.prepare(variants.parse("bf16-autocast-eager"), model, images, Cpu())
        assert auto.bind(images)().dtype == torch.bfloat16
    assert next(model.parameters()).dtype == torch.float32
    plain = preparation.prepare(variants.parse("fp32-eager"), toys.small(), images, Cpu())
    assert plain.bind(images)().dtype == torch.float32


def test_channels_last_reaches_weights_and_input():
    seen = []
    model = toys.small()
    model.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    images = torch.randn(2, 3, 32, 32)
    preparation.prepare(variants.parse("fp32-eager-channels_last"), model, images, Cpu()).bind(
        images
    )()
    assert seen[0].is_contiguous(memory_format=torch.channels_last)
    assert model[0].weight.is_contiguous(memory_format=torch.channels_last)


def test_tf32_is_allowed_only_in_its_own_passes():
    seen = []
    model = toys.small()
    model.register_forward_hook(
        lambda *_: seen.append(
            (torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32)
        )
    )
    images = torch.randn(2, 3, 32, 32)
    with casting.tf32(False):
        preparation.prepare(variants.parse("tf32-eager"), model, images, Cpu()).bind(images)()
        model(images)
    assert seen == [(True, True), (False, False)]


@pytest.mark.parametrize("variant", ["fp32-onnxruntime", "fp32-openvino"])
def test_an_engine_reads_its_input_in_place_and_keeps_earlier_outputs(variant):
    def outputs():
        torch.set_num_threads(2)
        model = builders.build(toys.entry("small"))
        images = torch.randn(2, 3, 32, 32)
        ready = preparation.prepare(variants.parse(variant), model, images, Cpu())
        forward = ready.bind(images)
        first = forward()
        kept = first.clone()
        images.zero_()  # The engine reads the tensor's own memory.
        second = forward()
        gone = all(parameter.is_meta for parameter in model.parameters())
        return bool((first == kept).all()), bool((second == kept).all()), gone

    outcome = isolation.run(outputs, timeout_s=120)
    assert outcome.status == "ok", outcome.message
    assert outcome.value == (True, False, True)


# What goes wrong -----------------------------------------------------------------------------


@pytest.mark.parametrize("variant", ["bf16-eager", "fp32-eager-channels_last"])
def test_wrong_logits_are_a_failure(variant, monkeypatch):
    right = preparation.prepare

    def wrong(variant, model, images, on, graph):
        model[0].weight.data[0] *= 2.0
        return right(variant, model, images, on, graph)

    monkeypatch.setattr(preparation, "prepare", wrong)
    timing = time(toys.entry("normed"), variant)
    assert timing.status == "failed"
    assert timing.output_ok is False
    assert "a logit differs from fp32-eager's by" in timing.message
    assert timing.agreement.largest_difference > agreement.BOUNDS[variant.split("-")[0]]


@pytest.mark.parametrize("wrong", ["branch", "head"])
def test_parameters_initialized_to_zero_do_not_hide_wrong_logits(wrong, monkeypatch):
    assert time(toys.entry("asleep"), "bf16-eager").status == "ok"
    right = preparation.prepare

    def spoilt(variant, model, images, on, graph):
        getattr(model, wrong).weight.data[:4] = 0
        return right(variant, model, images, on, graph)

    monkeypatch.setattr(preparation, "prepare", spoilt)
    timing = time(toys.entry("asleep"), "fp32-eager-channels_last")
    assert timing.status == "failed"
    assert "a logit differs from fp32-eager's by" in timing.message


def test_all_zero_reference_logits_are_a_failure(monkeypatch):
    monkeypatch.setattr(agreement, "awaken", lambda model: None)
    timing = time(toys.entry("asleep"), "bf16-eager")
    assert timing.status == "failed"
    assert timing.message == (
        "output of fp32-eager: all logits are zero, so no comparison is possible"
    )


def test_a_variant_with_less_memory_does_not_need_the_memory_of_fp32():
    assert time(toys.entry("alone"), "fp32-eager", batch_size=4).status == "oom"
    assert time(toys.entry("alone"), "bf16-eager", batch_size=4).status == "ok"


def test_each_batch_size_in_a_process_gets_a_new_network():
    passes = PASSES.__class__(rounds=1, discard=1, samples=(1, 1), one_process="model")
    arguments = (toys.entry("normed"), [1, 2], passes, Setup("cpu"), 2, "fp32-onnxruntime")
    outcome = isolation.run(latency.measure, *arguments, timeout_s=240)
    assert [timing.status for timing in outcome.value] == ["ok", "ok"], outcome.message


def test_a_network_is_compiled_only_once():
    def graphs():
        from torch._dynamo.utils import counters

        network = toys.entry("normed")
        (timing,) = latency.measure(network, [2], PASSES, Setup("cpu"), 2, "bf16-compile")
        return timing.status, timing.message, counters["stats"]["unique_graphs"]

    outcome = isolation.run(graphs, timeout_s=240)
    assert outcome.value == ("ok", None, 1), outcome.message


def test_infinite_logits_are_a_failure():
    assert time(toys.entry("infinite"), "bf16-eager").message == "output: contains NaN or infinity"


def test_a_network_that_an_engine_cannot_export_is_a_failure_with_a_reason(capfd):
    timing = time(toys.entry("branching"), "fp32-onnxruntime")
    assert timing.status == "failed"
    assert "Failed to export the model" in timing.message
    assert "Could not guard on data-dependent expression" in timing.message
    assert timing.message.isprintable()
    log = capfd.readouterr().err
    assert "GuardOnDataDependentSymNode" in log
    assert "\x1b" not in log


@pytest.mark.parametrize(
    ("variant", "changes"),
    [
        ("bf16-eager", True),
        ("fp32-eager-channels_last", True),
        # A graph does not modify its input.
        ("fp32-onnxruntime", False),
        pytest.param("fp32-openvino", False, marks=pytest.mark.slow),
        pytest.param("fp32-compile", True, marks=pytest.mark.slow),
    ],
)
def test_a_network_that_modifies_its_input_and_names_its_logits_agrees(variant, changes):
    timing = time(toys.entry("changing_and_naming"), variant)
    assert (timing.status, timing.message) == ("ok", None)
    assert timing.changes_input is changes
    assert 0 < timing.agreement.largest_difference < agreement.BOUNDS[variant.split("-")[0]]


def test_a_missing_compiler_is_a_failure_that_names_it(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    from torch._inductor import config

    monkeypatch.setattr(config.cpp, "cxx", (None, "no-such-compiler"))
    timing = time(toys.entry("small"), "fp32-compile")
    assert timing.status == "failed"
    assert "No working C++ compiler found" in timing.message


def test_images_are_scaled_to_keep_the_outputs_of_layers_moderate():
    def largest():
        torch.set_num_threads(2)
        network = NETWORKS["squeezenet1_1"].model_copy(
            update={"builder": "torchvision.models:resnet152", "arguments": {}}
        )
        images = torch.randn(2, 3, 64, 64)
        fp16 = variants.parse("fp16-eager")
        plain = agreement.scale(fp16, builders.build("squeezenet1_1"), images)
        model = builders.build(network)
        reference = agreement.scale(variants.parse("fp32-eager"), model, images)
        scale = agreement.scale(fp16, model, images)
        seen = []
        for module in model.modules():
            module.register_forward_hook(lambda *called: seen.append(float(called[2].abs().max())))
        with torch.inference_mode():
            model(images)
            before = max(seen)
            seen.clear()
            model(scale * images)
        return plain, reference, before, max(seen)

    outcome = isolation.run(largest, timeout_s=120)
    assert outcome.status == "ok", outcome.message
    plain, reference, before, after = outcome.value
    assert plain == reference == 1
    assert 2**6 < after <= 2**8 < 2**16 < before  # The largest fp16 number is 65,504.


def test_gates_do_not_amplify_rounding_errors():
    timing = time(NETWORKS["se_resnet50"], "bf16-eager", batch_size=1)
    assert (timing.status, timing.message) == ("ok", None)
    assert timing.agreement.largest_difference < 0.05
