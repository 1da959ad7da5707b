from pathlib import Path

import pytest
import yaml
from helpers.paths import ROOT

from dnnbench.config import latency_settings, loading
from dnnbench.config.gpu_settings import Gpu
from dnnbench.config.section import ParameterError
from dnnbench.core.errors import UserError

PARAMS, CPU = ROOT / "params.yaml", ROOT / "config/devices/cpu.yaml"


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Load params.yaml and a device file with some keys put in."""
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


def test_a_protocol_brings_its_own_numbers(load):
    latency = {"protocol": "bianco2018", "rounds": None, "discard": None, "samples": None}
    assert load({"latency": latency}).latency.passes == latency_settings.PROTOCOLS["bianco2018"]


@pytest.mark.parametrize(
    ("params", "device", "said"),
    [
        ({"latncy": 3}, {}, ["params.yaml: latncy: 3", "did you mean 'latency'?"]),
        (
            {"latency": {"sample": 3}},
            {},
            ["params.yaml: latency.sample: 3", "did you mean 'samples'?"],
        ),
        ({"latency": {"rounds": 0}}, {}, ["params.yaml: latency.rounds: 0", "Rounds"]),
        ({}, {"batch_sizes": [1, -8]}, ["dev.yaml: batch_sizes.1: -8", "greater", "Batch sizes"]),
        ({}, {"batch_sizes": []}, ["dev.yaml: batch_sizes: []", "Batch sizes"]),
        ({}, {"backend": "gpu"}, ["dev.yaml: backend: 'gpu'", "'cpu'"]),
        ({}, {"device": "My GPU"}, ["dev.yaml: device: 'My GPU'", "Name of the device"]),
        (
            {"latency": {"protocol": "bianco2018", "rounds": 5}},
            {},
            ["params.yaml: latency.rounds: 5", "fixes it at 1", "set it to null"],
        ),
        ({"latency": {"samples": [3, 1]}}, {}, ["params.yaml: latency.samples: [3, 1]", "swap"]),
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
            ["params.yaml: weights.override.vgg16.sha: 1: unknown key", "did you mean 'sha256'?"],
        ),
        ({"models": 5}, {}, ["params.yaml: models", "timm:<name>"]),
        ({"dataset": 5}, {}, ["params.yaml: dataset: 5", "Labelled pictures"]),
        ({"dataset": {"name": "cifar"}}, {}, ["params.yaml: dataset.name: 'cifar'", "imagenette"]),
        ({"dataset": {"name": "imagenet"}}, {}, ["dataset.path: null: imagenet cannot be", "name"]),
        (
            {"dataset": {"path": "/x"}},
            {},
            ["params.yaml: dataset.name: null: '/x'", "write folder"],
        ),
        (
            {"dataset": {"name": "imagenet"}},
            {"dataset": {"path": "/no/where"}},
            ["dev.yaml: dataset.path: '/no/where': no such folder", "correct it"],
        ),
        (
            {},
            {"gpu": {"deterministic": True}},
            ["dev.yaml: gpu: {'deterministic': True}: backend cpu has no GPU: remove it"],
        ),
        (
            {},
            {"backend": "cuda", "gpu": {"determinstic": True}},
            ["dev.yaml: gpu.determinstic: True: unknown key", "did you mean 'deterministic'?"],
        ),
        (
            {},
            {"backend": "cuda", "gpu": {"select": 1}},
            ["dev.yaml: gpu.select: 1", "Quote a number"],
        ),
        ({}, {"conda": "pascal"}, ["dev.yaml: conda: 'pascal'", "'device-cu126'"]),
    ],
)
def test_a_mistake_is_one_line_with_file_key_value_and_remedy(load, params, device, said):
    with pytest.raises(ParameterError) as raised:
        load(params, device)
    message = str(raised.value)
    assert "\n" not in message
    for part in said:
        assert part in message


@pytest.mark.parametrize("backend", ["cuda", "jetson"])
def test_a_gpu_of_which_nothing_is_said_has_the_defaults(load, backend):
    settings = load(device={"backend": backend})
    assert settings.gpu == Gpu()


def test_a_cpu_has_no_gpu_to_set_up(load):
    assert load().gpu is None
    with pytest.raises(ParameterError, match="backend cpu has no GPU: remove it"):
        load(device={"gpu": {}})


def test_parameters_without_a_device_say_how_to_name_one():
    with pytest.raises(ParameterError, match=r"params\.yaml: device: missing.*--profile cpu"):
        loading.load(PARAMS)


def test_a_missing_file_is_named_with_the_likely_one(tmp_path):
    (tmp_path / "cpu.yaml").write_text("device: cpu\n")
    with pytest.raises(ParameterError, match=r"cpuu\.yaml: no such file; there is .*cpu\.yaml"):
        loading.load(tmp_path / "cpuu.yaml")


def test_broken_yaml_is_named_with_its_line(tmp_path):
    file = tmp_path / "params.yaml"
    file.write_text("models: bianco2018\nlatency: [1, 2\nmemory: {}\n")
    with pytest.raises(UserError, match=r"params\.yaml:3: 'memory: {}': not YAML"):
        loading.load(file)
