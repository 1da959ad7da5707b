import importlib.util
from pathlib import Path

import pytest
import yaml
from helpers.paths import ROOT

from dnnbench.config import latency_settings, loading
from dnnbench.config.gpu_settings import Gpu
from dnnbench.config.parameters import Parameters
from dnnbench.config.section import ParameterError
from dnnbench.core.errors import UserError

PARAMS, CPU = ROOT / "params.yaml", ROOT / "config/devices/cpu.yaml"


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Load params.yaml and a device file with some keys changed."""
    monkeypatch.chdir(tmp_path)

    def write_and_load(params=None, device=None):
        for name, source, over in (("params.yaml", PARAMS, params), ("dev.yaml", CPU, device)):
            content = yaml.safe_load(source.read_text()) | (over or {})
            Path(name).write_text(yaml.safe_dump(content))
        return loading.load("params.yaml", "dev.yaml")

    return write_and_load


def test_the_projects_own_files_are_valid():
    settings = loading.load(PARAMS, CPU)
    assert settings.device == settings.profile == "cpu"
    assert settings.batch_sizes == [1, 8]
    assert settings.latency.passes == latency_settings.PROTOCOLS["default"]


def test_a_device_file_overrides_key_by_key(load):
    settings = load(device={"latency": {"rounds": 7}})
    assert settings.latency.passes.rounds == 7
    assert settings.latency.passes.discard == 1


def test_a_protocol_sets_its_default_numbers(load):
    latency = {"protocol": "bianco2018", "rounds": None, "discard": None, "samples": None}
    assert load({"latency": latency}).latency.passes == latency_settings.PROTOCOLS["bianco2018"]


@pytest.mark.parametrize(
    ("params", "device", "said"),
    [
        ({"latncy": 3}, {}, ["params.yaml: latncy: 3", "Did you mean 'latency'?"]),
        (
            {"latency": {"sample": 3}},
            {},
            ["params.yaml: latency.sample: 3", "Did you mean 'samples'?"],
        ),
        ({"\u00a0latency": 1}, {}, [r"params.yaml: \xa0latency: 1", "Did you mean 'latency'?"]),
        ({"latency": {"rounds": 0}}, {}, ["params.yaml: latency.rounds: 0", "Number of rounds"]),
        ({}, {"batch_sizes": [1, -8]}, ["dev.yaml: batch_sizes.1: -8", "greater", "Batch sizes"]),
        ({}, {"batch_sizes": []}, ["dev.yaml: batch_sizes: []", "Batch sizes"]),
        ({}, {"backend": "gpu"}, ["dev.yaml: backend: 'gpu'", "'cpu'"]),
        ({}, {"device": "My GPU"}, ["dev.yaml: device: 'My GPU'", "Name of the device"]),
        (
            {"latency": {"protocol": "bianco2018", "rounds": 5}},
            {},
            ["params.yaml: latency.rounds: 5", "always uses 1", "Set it to null"],
        ),
        ({"latency": {"samples": [3, 1]}}, {}, ["params.yaml: latency.samples: [3, 1]", "Swap"]),
        ({"weights": {"tiers": ["A", "D"]}}, {}, ["params.yaml: weights.tiers.1: 'D'", "'C'"]),
        (
            {"weights": {"mirror": "far"}},
            {},
            ["params.yaml: weights.mirror: 'far': no such folder"],
        ),
        (
            {"weights": {"override": {"vgg16": {"path": "dev.yaml", "sha256": "00"}}}},
            {},
            ["params.yaml: weights.override.vgg16.sha256: '00'", "[0-9a-f]{64}"],
        ),
        (
            {"weights": {"override": {"vgg16": {"path": "far", "sha256": "0" * 64}}}},
            {},
            ["params.yaml: weights.override.vgg16.path: 'far': no such file"],
        ),
        (
            {"weights": {"override": {"vgg16": {"path": "dev.yaml", "sha265": "0" * 64}}}},
            {},
            ["params.yaml: weights.override.vgg16.sha256: field required"],
        ),
        (
            {"weights": {"override": {"vgg16": {"path": "x", "sha256": "0" * 64, "sha": 1}}}},
            {},
            ["params.yaml: weights.override.vgg16.sha: 1: unknown key", "Did you mean 'sha256'?"],
        ),
        (
            {"accuracy": {"vgg16": {"top1": 0.7, "source": "us"}}},
            {},
            ["params.yaml: accuracy.vgg16.top1: 0.7: a percentage. Did you mean 70?"],
        ),
        (
            {"accuracy": {"vgg16": {"top1": 170, "source": "us"}}},
            {},
            ["params.yaml: accuracy.vgg16.top1: 170", "Top-1 accuracy, in percent: 0 to 100"],
        ),
        (
            {"accuracy": {"vgg16": {"top1": 70}}},
            {},
            ["params.yaml: accuracy.vgg16.source: field required", "Origin of the accuracy"],
        ),
        (
            {"accuracy": {"vgg16": {"top1": 70, "source": " "}}},
            {},
            ["params.yaml: accuracy.vgg16.source: ' '", "Origin of the accuracy"],
        ),
        (
            {"accuracy": {"vgg16": {"top1": 70, "top5": 60, "source": "us"}}},
            {},
            ["params.yaml: accuracy.vgg16.top1: 70: greater than top5, 60. Correct"],
        ),
        (
            {"accuracy": {"vgg16": {"top_1": 70, "top1": 70, "source": "us"}}},
            {},
            ["params.yaml: accuracy.vgg16.top_1: 70: unknown key. Did you mean 'top1'?"],
        ),
        ({"models": 5}, {}, ["params.yaml: models", "timm:<name>"]),
        ({"dataset": 5}, {}, ["params.yaml: dataset: 5", "Labeled images"]),
        ({"dataset": {"name": "cifar"}}, {}, ["params.yaml: dataset.name: 'cifar'", "imagenette"]),
        ({"dataset": {"name": "imagenet"}}, {}, ["dataset.path: null: imagenet cannot be", "set"]),
        (
            {"dataset": {"path": "/x"}},
            {},
            ["params.yaml: dataset.name: null: path '/x'", "Set name to folder"],
        ),
        (
            {"dataset": {"name": "imagenet"}},
            {"dataset": {"path": "/no/where"}},
            ["dev.yaml: dataset.path: '/no/where': no such folder", "Correct it"],
        ),
        (
            {},
            {"gpu": {"deterministic": True}},
            ["dev.yaml: gpu: {'deterministic': True}: backend cpu has no GPU. Remove it."],
        ),
        (
            {},
            {"backend": "cuda", "gpu": {"determinstic": True}},
            ["dev.yaml: gpu.determinstic: True: unknown key", "Did you mean 'deterministic'?"],
        ),
        (
            {},
            {"backend": "cuda", "gpu": {"select": 1}},
            ["dev.yaml: gpu.select: 1", "in quotes"],
        ),
        ({}, {"conda": "pascal"}, ["dev.yaml: conda: 'pascal'", "'device-cu126'"]),
        ({}, {"threads": True}, ["dev.yaml: threads: True", "integer"]),
        ({}, {"threads": 2.0}, ["dev.yaml: threads: 2.0", "integer"]),
        ({}, {"threads": "2"}, ["dev.yaml: threads: '2'", "integer"]),
        ({}, {"threads": 100_000}, ["dev.yaml: threads: 100000", "1024"]),
        ({}, {"batch_sizes": 1}, ["dev.yaml: batch_sizes: 1", "array"]),
        ({}, {"batch_sizes": [10**30]}, ["dev.yaml: batch_sizes.0: 1000", "65536"]),
        ({}, {"batch_sizes": [1, 8, 1]}, ["dev.yaml: batch_sizes.2: 1: listed twice. Remove one"]),
        (
            {},
            {"variants": ["fp32-eager"] * 2},
            ["dev.yaml: variants.1: 'fp32-eager': listed twice"],
        ),
        ({}, {"device": ".."}, ["dev.yaml: device: '..'", "Name of the device"]),
        ({}, {"device": "-x"}, ["dev.yaml: device: '-x'", "Name of the device"]),
        ({}, {"device": 5}, ["dev.yaml: device: 5", "Name of the device"]),
        ({}, {"backend": "cuda", "gpu": {"cudnn_benchmark": 1}}, ["gpu.cudnn_benchmark: 1"]),
        ({}, {"backend": "cuda", "gpu": {"cool_down_c": 1000}}, ["gpu.cool_down_c: 1000", "120"]),
        ({}, {"backend": "cuda", "gpu": {"cool_down_limit_s": 1e9}}, ["gpu.cool_down_limit_s: 1"]),
        ({}, {"backend": "cuda", "gpu": {"cool_down_limit_s": 1e-320}}, ["limit_s: 1e-320", "1"]),
        ({"latency": {"rounds": True}}, {}, ["params.yaml: latency.rounds: True", "integer"]),
        ({"latency": {"rounds": 10**6}}, {}, ["params.yaml: latency.rounds: 1000000", "1000"]),
        ({"latency": {"samples": [1, 10**9]}}, {}, ["latency.samples.1: 1000000000", "100000"]),
        ({"latency": {"samples": [1]}}, {}, ["latency.samples.1: field required"]),
        ({"latency": {"discard": 1.5}}, {}, ["latency.discard: 1.5", "integer"]),
        ({"latency": {"cell_timeout_s": 1e9}}, {}, ["cell_timeout_s: 1000000000.0", "86400"]),
        ({"latency": {"cell_timeout_s": 0.01}}, {}, ["latency.cell_timeout_s: 0.01", "1"]),
        ({"memory": {"cell_timeout_s": True}}, {}, ["memory.cell_timeout_s: True", "number"]),
        ({"memory": None}, {}, ["params.yaml: memory: None", "object"]),
        ({"budgets": {"min_fps": [30, 30.0]}}, {}, ["budgets.min_fps.1: 30.0: listed twice"]),
        ({"budgets": {"max_memory_gib": [1e-320]}}, {}, ["budgets.max_memory_gib.0: 1e-320"]),
        ({"budgets": {"min_fps": [1e-320]}}, {}, ["budgets.min_fps.0: 1e-320", "0.001"]),
        ({}, {"batch_sizes": [*range(1, 102)]}, ["batch_sizes: [1, 2", "at most 100 items"]),
        ({"budgets": {"max_memory_gib": [1e300]}}, {}, ["budgets.max_memory_gib.0: 1e+300"]),
        ({"budgets": {"top": 10**9}}, {}, ["budgets.top: 1000000000", "10000"]),
        ({"models": ["vgg16", "vgg16"]}, {}, ["params.yaml: models.1: 'vgg16': listed twice"]),
        ({"models": [5]}, {}, ["params.yaml: models.0: 5", "timm:<name>"]),
        ({"models": None}, {}, ["params.yaml: models: None", "timm:<name>"]),
        ({"predicted": {"a": 1}}, {}, ["params.yaml: predicted: {'a': 1}"]),
        ({"devices": ["a", "a"]}, {}, ["params.yaml: devices.1: 'a': listed twice. Remove one"]),
        ({"devices": "a"}, {}, ["params.yaml: devices: 'a'", "array"]),
        ({"weights": {"tiers": ["A", "A"]}}, {}, ["weights.tiers.1: 'A': listed twice"]),
        ({"weights": {"mirror": ""}}, {}, ["weights.mirror: '': input should name a file"]),
        ({"weights": {"mirror": "~nobodyhere"}}, {}, ["weights.mirror: '~nobodyhere'", "home"]),
        ({"weights": {"mirror": "x" * 5000}}, {}, ["weights.mirror: 'xxx", "name too long"]),
        (
            {"dataset": {"name": "folder", "path": "$HOME/pictures"}},
            {},
            ["dataset.path: '$HOME/pictures': no such folder. Variables are not expanded"],
        ),
    ],
)
def test_an_error_is_one_line_with_file_key_value_and_fix(load, params, device, said):
    with pytest.raises(ParameterError) as raised:
        load(params, device)
    message = str(raised.value)
    assert "\n" not in message
    for part in said:
        assert part in message


@pytest.mark.parametrize("backend", ["cuda", "jetson"])
def test_gpu_settings_have_defaults(load, backend):
    settings = load(device={"backend": backend})
    assert settings.gpu == Gpu()


def test_a_cpu_has_no_gpu_to_set_up(load):
    assert load().gpu is None
    with pytest.raises(ParameterError, match=r"backend cpu has no GPU\. Remove it"):
        load(device={"gpu": {}})


def test_an_error_about_a_missing_device_says_how_to_select_one():
    with pytest.raises(ParameterError, match=r"params\.yaml: device: missing.*--profile cpu"):
        loading.load(PARAMS)


def test_a_missing_file_is_reported_with_a_similar_name(tmp_path):
    (tmp_path / "cpu.yaml").write_text("device: cpu\n")
    with pytest.raises(
        ParameterError, match=r"cpuu\.yaml: no such file\. Did you mean .*cpu\.yaml"
    ):
        loading.load(tmp_path / "cpuu.yaml")


def test_broken_yaml_is_reported_with_its_line(tmp_path):
    file = tmp_path / "params.yaml"
    file.write_text("models: bianco2018\nlatency: [1, 2\nmemory: {}\n")
    with pytest.raises(UserError, match=r"params\.yaml:3: 'memory: {}': not YAML"):
        loading.load(file)


def test_a_tilde_is_expanded_in_every_path(load, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "odd {x} $HOME 'é").mkdir()
    (tmp_path / "own.pth").touch()
    folder = "~/odd {x} $HOME 'é"
    found = load(
        {
            "dataset": {"name": "folder", "path": folder},
            "weights": {
                "mirror": folder,
                "override": {"vgg16": {"path": "~/own.pth", "sha256": "0" * 64}},
            },
        }
    )
    assert found.dataset.path == found.weights.mirror == tmp_path / "odd {x} $HOME 'é"
    assert found.weights.override["vgg16"].path == tmp_path / "own.pth"


@pytest.mark.parametrize("content", ["", "# nothing\n", "- models\n", "bianco2018\n", "5\n"])
@pytest.mark.parametrize("name", ["params.yaml", "dev.yaml"])
def test_a_file_without_keys_is_an_error(load, name, content):
    load()
    Path(name).write_text(content)
    with pytest.raises(UserError, match=rf"^{name}: .*\. Write `key: value` lines\.$"):
        loading.load("params.yaml", "dev.yaml")


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "utf-32", "cp1252"])
def test_a_file_in_another_encoding_is_an_error(load, encoding):
    load()
    text = Path("params.yaml").read_text() + "# café\n"
    Path("params.yaml").write_bytes(text.encode(encoding))
    with pytest.raises(UserError, match=r"^params\.yaml:.* UTF-8\. Save it as UTF-8\.$"):
        loading.load("params.yaml", "dev.yaml")


def test_without_params_yaml_the_error_says_where_to_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dvc.yaml").touch()
    with pytest.raises(
        ParameterError, match=r"^params\.yaml: no such file\. Run this in the folder"
    ):
        loading.sources()


def test_a_list_of_threads_measures_every_variant_at_each_number(load):
    device = {"threads": [4, 1, 2], "variants": ["fp32-eager", "bf16-eager-kept"]}
    settings = load(device=device)
    assert settings.base_threads == 4
    assert settings.variants == [
        *("fp32-eager", "bf16-eager-kept"),
        *("fp32-eager-threads1", "bf16-eager-kept-threads1"),
        *("fp32-eager-threads2", "bf16-eager-kept-threads2"),
    ]
    # The jobs read the settings from a file.
    assert Parameters.model_validate_json(settings.model_dump_json()) == settings


@pytest.mark.parametrize("threads", [None, 2, [2]])
def test_one_number_of_threads_adds_no_variant(load, threads):
    settings = load(device={"threads": threads, "variants": ["fp32-eager"]})
    assert settings.base_threads == (None if threads is None else 2)
    assert settings.variants == ["fp32-eager"]


@pytest.mark.parametrize(
    ("device", "said"),
    [
        ({"threads": []}, "dev.yaml: threads: []: value should have at least 1 item"),
        ({"threads": [1, 1]}, "dev.yaml: threads.1: 1: listed twice. Remove one."),
        ({"threads": [0, 1]}, "dev.yaml: threads.0: 0: input should be greater than or equal to 1"),
        ({"threads": [1, "two"]}, "dev.yaml: threads.1: 'two': input should be a valid integer"),
        (
            {"variants": ["fp32-eager-threads1"]},
            "dev.yaml: variants.0: 'fp32-eager-threads1': names a number of threads. Remove it, and"
            " list the numbers in threads: [1, 2].",
        ),
    ],
)
def test_an_invalid_number_of_threads_is_reported_in_one_line(load, device, said):
    with pytest.raises(ParameterError) as raised:
        load(device=device)
    assert str(raised.value).startswith(said)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("missing", "engine"),
    [
        ((), ["fp32-openvino"]),
        (("openvino",), ["fp32-onnxruntime"]),
        (("openvino", "onnxruntime"), []),
        (("onnx",), []),
    ],
)
def test_without_a_list_a_cpu_measures_the_best_engine_that_is_installed(
    load, monkeypatch, missing, engine
):
    installed = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name in missing else installed(name)
    )
    expected = ["fp32-eager", "fp32-eager-kept", *engine]
    settings = load(device={"variants": None})
    assert settings.variants == expected
    # The jobs read the settings from a file.
    assert Parameters.model_validate_json(settings.model_dump_json()) == settings


def test_the_default_leaves_out_an_allocator_that_the_environment_configures(load, monkeypatch):
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "1000000")
    assert load(device={"variants": None}).variants == ["fp32-eager", "fp32-openvino"]


def test_without_a_list_a_gpu_measures_fp32_eager(load):
    assert load(device={"variants": None, "backend": "cuda"}).variants == ["fp32-eager"]
