"""Fingerprints of results from before the code moved into packages, valid until it changes."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from helpers.paths import ROOT

from dnnbench.config import variants
from dnnbench.config.gpu_settings import Gpu
from dnnbench.config.latency_settings import PROTOCOLS
from dnnbench.core.errors import UserError
from dnnbench.devices import backends
from dnnbench.images import decoded_arrays
from dnnbench.measure import accuracy, memory_profile, renew_earlier_layout, round
from dnnbench.networks import registry
from dnnbench.records import earlier_layout
from dnnbench.records.image_records import ImageGeometry
from dnnbench.records.weights_records import WeightsRecord

# The fingerprints that the code from before the move computed with these settings and version 1.0
# of every package. A digest depends on the order of files, so there are two for the user's file:
# its path sorts before or behind the package's.
SETTINGS = [
    (backends.Setup("cpu"), "fp32-eager", "default", 2, "passive"),
    (backends.Setup("cpu"), "fp32-openvino", "bianco2018", 1, "default"),
    (backends.Setup("cuda", Gpu()), "bf16-compile", "default", 1, "default"),
    (backends.Setup("jetson", Gpu(deterministic=True)), "fp32-eager", "default", 4, "default"),
]
# Pairs for latency and memory, for each of the settings.
EARLIER = {
    "resnet18": [
        ("0ddf2497c846", "f3dc7625a54f"),
        ("2e5391e4a034", "23c7672428a7"),
        ("7d8f8dbe11ac", "ec451c9cf71c"),
        ("459a44204005", "11676d106663"),
    ],
    "googlenet": [
        ("ab113b9cdfc2", "43f8489dbf93"),
        ("3297c4d30b5f", "daa20a29d954"),
        ("879820caeec7", "e0862eee6f14"),
        ("710bb8c92807", "1e42c2bbbb22"),
    ],
    "mobilenet": [
        ("ac094b39046d", "a3280c2dd8c8"),
        ("b304f00bde46", "6d4715bf8301"),
        ("e5d1eded8910", "d66a264f9b9c"),
        ("d21907fc26bd", "68c87039d137"),
    ],
    "mobilenetv2": [
        ("7680a000310a", "c7c4fc18497b"),
        ("99edbc7993d8", "b25e455c0646"),
        ("c0c1f8a85849", "d0f185354c33"),
        ("d4edbefefdfd", "915ad5c88cf4"),
    ],
    "shufflenet": [
        ("5432f82e2bef", "7b0f7e70da96"),
        ("a6c51870e902", "8f277131441a"),
        ("8f3d22b81064", "1f7b9d2537e2"),
        ("6aa340106ee8", "3c26f92c0cbf"),
    ],
    "levit": [
        ("fd86d580eb00", "f23a6d66e685"),
        ("23931c0841f7", "a7634baee1e0"),
        ("66cc23c917cd", "447c44c5b47e"),
        ("1f2049021f0f", "a50669ba2354"),
    ],
    "own, before the package": [
        ("4ae335b9492e", "306094e48e02"),
        ("c3725639ec80", "542eecc47d43"),
        ("fc328cdb7a90", "8404e0a9d6a0"),
        ("a4c0a4ff2506", "e0984a727755"),
    ],
    "own, behind the package": [
        ("476cb275e99e", "30f398557dc5"),
        ("d66e68ea6fe9", "3ec857209d29"),
        ("de7b8070b219", "118584b36524"),
        ("9cc43984004e", "6167bdd136e4"),
    ],
}
ACCURACY = {
    "resnet18": "d8dc2e8671c2",
    "googlenet": "a7fdb56b16f0",
    "mobilenet": "4120ce104725",
    "mobilenetv2": "5473c4ce7aba",
    "shufflenet": "27de57b677c5",
    "levit": "6417a4e9f293",
    "own": "9bdac69ff2c2",
}
PIXELS = "pictures.py d954dcab2765"
OWN = """from torch import nn

DNNBENCH = {"input_size": 40, "classes": 10}


def my_net():
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 10))
"""
NETWORKS = registry.load_registry()
REGISTERED = ["resnet18", "googlenet", "mobilenet", "mobilenetv2", "shufflenet"]
ELSEWHERE = {
    "levit": {
        "builder": "timm:create_model",
        "arguments": {"model_name": "levit_128s.fb_dist_in1k", "pretrained": False},
    },
    "own": {"builder": "nets.py:my_net", "arguments": {}, "input_size": 40, "classes": 10},
}


@pytest.fixture
def known(monkeypatch, tmp_path):
    """Return networks by name, under the conditions of the values above."""
    monkeypatch.setattr("importlib.metadata.version", lambda name: "1.0")
    (tmp_path / "nets.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    plain = NETWORKS["resnet18"]
    others = {name: plain.model_copy(update=update) for name, update in ELSEWHERE.items()}
    return {**{name: NETWORKS[name] for name in REGISTERED}, **others}


@pytest.fixture
def data(monkeypatch, tmp_path):
    """Copy the earlier layout's data for tests to change, without edited files."""
    copy = tmp_path / "earlier_layout.json"
    content = json.loads(earlier_layout.DATA.read_text())
    copy.write_text(json.dumps(content | {"present": renew_earlier_layout.present()}))
    for module in (earlier_layout, renew_earlier_layout):
        monkeypatch.setattr(module, "DATA", copy)
    earlier_layout._known.cache_clear()
    yield copy
    earlier_layout._known.cache_clear()


def edited(data, *places):
    """Pretend that these files were edited since the move."""
    content = json.loads(data.read_text())
    content["present"] |= dict.fromkeys(places, "0" * 64)
    data.write_text(json.dumps(content))
    earlier_layout._known.cache_clear()


def prints(network):
    return [
        (
            round.cell_fingerprint(
                network, setup, variant, protocol, PROTOCOLS[protocol], threads, policy
            ),
            memory_profile.cell_fingerprint(network, setup, variant, threads),
        )
        for setup, variant, protocol, threads, policy in SETTINGS
    ]


def answers_print(network):
    weights = WeightsRecord(model="x", status="ok", sha256="0" * 64, path="x.pth", tier="override")
    geometry = ImageGeometry(interpolation="bilinear", resize=256, size=224)
    pictures = SimpleNamespace(key="0123456789abcdef", decoder="d", skipped=[], geometry=geometry)
    decoded = SimpleNamespace(record=pictures)
    return accuracy._basis(
        network, weights, decoded, "cpu", backends.Setup("cpu"), 2, variants.parse("fp32-eager")
    ).fingerprint


def test_the_digests_of_the_measuring_code_are_current():
    assert renew_earlier_layout.stale() == [], (
        "these measuring files changed: run python -m dnnbench.measure.renew_earlier_layout if no"
        " number changes; otherwise add --edited FILE..., so that earlier results are measured"
        " again"
    )


@pytest.mark.parametrize("name", [*REGISTERED, "levit", "own"])
def test_latency_and_memory_from_before_the_move_stay_valid(known, data, name):
    expected = EARLIER.get(name)
    if name == "own":
        before = Path("nets.py").resolve() < earlier_layout.PACKAGE
        expected = EARLIER[f"own, {'before' if before else 'behind'} the package"]
    assert prints(known[name]) == expected


@pytest.mark.parametrize("name", [*REGISTERED, "levit", "own"])
def test_accuracy_from_before_the_move_stays_valid(known, data, name, monkeypatch):
    if name != "own":
        monkeypatch.chdir(ROOT)  # The workflow's working directory.
    assert answers_print(known[name]) == ACCURACY[name]


def test_images_decoded_before_the_move_stay_valid(data):
    assert decoded_arrays.decoder().endswith(PIXELS)


def test_an_edit_of_the_latency_code_invalidates_only_latency(known, data):
    before = prints(known["googlenet"])
    edited(data, "measure/latency.py")
    after = prints(known["googlenet"])
    assert all(old[0] != new[0] for old, new in zip(before, after, strict=True))
    assert [old[1] for old in before] == [new[1] for new in after]


@pytest.mark.parametrize(
    ("place", "concerned"),
    [
        ("devices/cpu.py", [True, True, False, False]),
        ("devices/cuda.py", [False, False, True, False]),
        ("devices/tegra.py", [False, False, False, True]),
        ("engines/openvino.py", [False, True, False, False]),
        ("core/isolation.py", [True, True, True, True]),
        ("networks/architectures/googlenet.py", [True, True, True, True]),
        ("networks/architectures/mobilenet.py", [False, False, False, False]),
    ],
)
def test_an_edit_invalidates_only_its_devices_engines_and_networks(known, data, place, concerned):
    before = prints(known["googlenet"])
    edited(data, place)
    after = prints(known["googlenet"])
    assert [old[0] != new[0] for old, new in zip(before, after, strict=True)] == concerned
    assert [old[1] != new[1] for old, new in zip(before, after, strict=True)] == concerned


def test_an_edit_of_inference_or_decoding_invalidates_accuracy(known, data):
    before = answers_print(known["resnet18"])
    edited(data, "measure/inference.py", "images/image_pixels.py")
    assert answers_print(known["resnet18"]) != before
    assert not decoded_arrays.decoder().endswith(PIXELS)


def test_an_edit_of_the_users_file_changes_the_fingerprint(known, tmp_path):
    before = prints(known["own"])
    (tmp_path / "nets.py").write_text(OWN + "\n")
    assert not {one for pair in before for one in pair} & {
        one for pair in prints(known["own"]) for one in pair
    }


def test_renewing_accepts_moved_code_and_keeps_marks_of_edited_files(known, data):
    before = prints(known["resnet18"])
    edited(data, "core/isolation.py")
    assert renew_earlier_layout.stale() == ["core/isolation.py"]
    renew_earlier_layout.renew([])
    earlier_layout._known.cache_clear()
    assert prints(known["resnet18"]) == before
    renew_earlier_layout.renew([str(earlier_layout.PACKAGE / "core/isolation.py")])
    renew_earlier_layout.renew([])
    earlier_layout._known.cache_clear()
    assert renew_earlier_layout.stale() == []
    assert prints(known["resnet18"]) != before


def test_code_moved_out_of_a_networks_file_does_not_change_its_digest(data):
    own = earlier_layout.PACKAGE / "networks/architectures/googlenet.py"
    split_off = earlier_layout.PACKAGE / "core/isolation.py"
    whole = earlier_layout.digest("latency", [], [own])
    assert whole is not None
    assert earlier_layout.digest("latency", [], [own, split_off]) == whole


def test_a_network_added_after_the_move_has_no_earlier_digest(data):
    later = earlier_layout.PACKAGE / "networks/registry.py"
    assert earlier_layout.digest("latency", [], [later]) is None


def test_a_missing_edited_file_is_a_one_line_error_with_a_remedy(data):
    content = json.loads(data.read_text())
    content["present"]["devices/gone.py"] = None
    data.write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"devices/gone\.py: marked as edited, .*: --edited FILE$"):
        renew_earlier_layout.renew([])
