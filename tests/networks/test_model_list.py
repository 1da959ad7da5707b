"""Names in a list of models beyond the registry's keys, and what they resolve to."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torchvision import models as torchvision_models

from dnnbench.config.weights_settings import Weights
from dnnbench.core.checksums import IntegrityError, sha256
from dnnbench.devices.backends import Setup
from dnnbench.measure import fingerprint, latency
from dnnbench.networks import builders, model_list, registry
from dnnbench.networks.libraries import mine, timm
from dnnbench.networks.registry import RegistryError
from dnnbench.networks.weights import fetch

NETWORKS = registry.load_registry()
OWN = """
from torch import nn

DNNBENCH = {"input_size": 40, "classes": 10, "mean": [0.5, 0.5, 0.5]}

def my_net(width=8):
    return nn.Sequential(
        nn.Conv2d(3, width, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 10)
    )
"""


@pytest.fixture
def own(tmp_path):
    file = tmp_path / "nets.py"
    file.write_text(OWN)
    return file


def measured_as(network):
    return fingerprint.fingerprint(latency, network, Setup("cpu"), "fp32-eager", [])


def one(name):
    (network,) = model_list.resolve(name).values()
    return network


# timm -----------------------------------------------------------------------------------------


def test_a_timm_networks_input_and_weights_come_from_timms_configuration():
    network = one("timm:resnet26t.ra2_in1k")
    assert network.key == "timm-resnet26t.ra2_in1k"
    assert network.spec == "timm:resnet26t.ra2_in1k"
    assert network.family == "resnet"
    assert network.input_size == 320  # The size of timm's evaluation; training used 256.
    assert network.mean == (0.485, 0.456, 0.406)
    known, first = network.weights
    assert (known.tier, known.filename) == ("B", "resnet26t_256_ra2-6f6fa748.pth")
    assert known.hash is not None and known.hash.value == "6f6fa748"
    assert (first.tier, first.hash) == ("B", None)
    assert first.url == (
        "https://huggingface.co/timm/resnet26t.ra2_in1k/resolve/main/model.safetensors"
    )
    assert (first.interpolation, first.crop_pct, first.licence) == ("bicubic", 1.0, "apache-2.0")
    assert (first.top1, network.published) == (None, None)


def test_a_name_without_a_tag_gets_timms_default_tag():
    assert one("timm:resnet26t") == one("timm:resnet26t.ra2_in1k")
    with pytest.raises(RegistryError, match=r"'timm-resnet26t\.ra2_in1k': listed twice"):
        model_list.resolve(["timm:resnet26t", "timm:resnet26t.ra2_in1k"])


def test_wildcards_skip_networks_with_other_classes():
    architectures = list(model_list.resolve("timm:convnext_tiny*"))
    tagged = list(model_list.resolve("timm:convnext_tiny.*"))
    assert architectures == ["timm-convnext_tiny.in12k_ft_in1k", "timm-convnext_tiny_hnf.a2h_in1k"]
    assert "timm-convnext_tiny.fb_in1k" in tagged
    assert "timm-convnext_tiny.fb_in22k" not in tagged  # 21,841 classes.


def test_a_key_resolves_to_its_network():
    assert one("timm-levit_128s.fb_dist_in1k") == one("timm:levit_128s")
    assert one("torchvision-resnet18") == one("torchvision:resnet18")
    assert model_list.key_of("timm:levit_128s.fb_dist_in1k") == "timm-levit_128s.fb_dist_in1k"


def test_an_unsupported_crop_is_not_stated():
    (squashed, *_) = reversed(one("timm:convnext_tiny.in12k_ft_in1k_384").weights)
    assert (squashed.interpolation, squashed.crop_pct) == (None, None)


def test_the_definition_changes_with_the_version_of_timm(monkeypatch):
    network, other = one("timm:levit_128s"), NETWORKS["resnet18"]
    before, others = network.definition(), other.definition()
    measured = measured_as(network)
    monkeypatch.setattr(registry.importlib.metadata, "version", lambda name: "99.0")
    assert network.definition() != before
    assert measured_as(network) != measured
    assert other.definition() == others


# torchvision ----------------------------------------------------------------------------------


def test_a_torchvision_network_gets_the_default_weights():
    network = one("torchvision:resnet50")
    (source,) = network.weights
    assert (network.key, network.input_size) == ("torchvision-resnet50", 224)
    assert (source.id, source.hash) == (
        "ResNet50_Weights.IMAGENET1K_V2",
        registry.Hash(kind="sha256_prefix", value="11ad3fa6"),
    )
    assert (source.interpolation, source.top1, source.top5) == ("bilinear", 80.858, 95.434)
    assert source.crop_pct == pytest.approx(224 / 232)


def test_a_networks_printed_name_does_not_require_its_library():
    for name in ("torchvision:resnet18", "timm:levit_128s"):
        assert model_list.printed_name(one(name).key) == one(name).name


def test_every_classifier_of_torchvision_resolves_and_has_a_hash():
    found = model_list.resolve("torchvision:*")
    assert len(found) == len(torchvision_models.list_models(module=torchvision_models)) >= 80
    assert all(source.hash for network in found.values() for source in network.weights)


@pytest.mark.parametrize("name", ["regnet_y_400mf", "vit_h_14", "googlenet"])
def test_arguments_that_torchvision_sets_only_with_weights_are_set_without(name):
    network = one(f"torchvision:{name}")
    model = builders.build(network, "meta")  # regnet reads values, so it is built on the CPU.
    size = network.input_size
    assert model(torch.empty(1, 3, size, size, device="meta")).shape == (1, 1000)
    assert getattr(model, "transform_input", True)


# Your own networks ----------------------------------------------------------------------------


def test_your_own_network_is_a_function_in_a_file(own):
    network = one(f"mine:{own}:my_net")
    assert network.key == f"mine-my_net-{sha256(own)[:8]}"
    assert network.spec == f"mine:{own}:my_net"
    assert (network.input_size, network.classes) == (40, 10)
    assert (network.mean, network.std) == ((0.5, 0.5, 0.5), (0.229, 0.224, 0.225))
    assert builders.build(network)(torch.zeros(2, 3, 40, 40)).shape == (2, 10)
    assert model_list.key_of(network.spec) == network.key
    assert model_list.printed_name(network.key) == "my_net"


def test_names_may_be_annotated(own):
    own.write_text(OWN.replace("DNNBENCH =", "DNNBENCH: dict[str, object] ="))
    assert one(f"mine:{own}:my_net").input_size == 40


def test_the_number_of_classes_is_part_of_a_networks_definition(own):
    ten = one(f"mine:{own}:my_net")
    assert ten.definition() != ten.model_copy(update={"classes": 1000}).definition()


def test_editing_the_file_changes_the_networks_key(own):
    before = one(f"mine:{own}:my_net")
    measured = measured_as(before)
    own.write_text(OWN.replace("width=8", "width=9"))
    after = one(f"mine:{own}:my_net")
    assert after.key != before.key
    assert measured_as(after) != measured


def test_the_file_may_import_other_files_and_is_parsed_without_running_it(own):
    (own.parent / "beside_it.py").write_text("WIDTH = 6\n")
    own.write_text(OWN.replace("width=8", "width=WIDTH"))
    own.write_text("from beside_it import WIDTH\nimport sys\nsys.ran = True\n" + own.read_text())
    network = one(f"mine:{own}:my_net")
    assert not hasattr(sys, "ran")
    model = builders.build(network)
    assert sys.ran
    del sys.ran
    assert model[0].out_channels == 6


def test_editing_an_imported_file_is_detected(own):
    imported = own.parent / "blocks" / "widths.py"
    imported.parent.mkdir()
    (imported.parent / "__init__.py").write_text("from .widths import WIDTH\n")
    imported.write_text("WIDTH = 6\n")
    own.write_text("import blocks\n" + OWN.replace("width=8", "width=blocks.WIDTH"))
    network = one(f"mine:{own}:my_net")
    measured = measured_as(network)
    imported.write_text("WIDTH = 7\n")
    assert measured_as(network) != measured
    imported.write_text("WIDTH =\n")
    with pytest.raises(RegistryError, match=r"/widths\.py:1: SyntaxError: .*\. Correct it"):
        builders.load(network)


def test_files_of_the_same_name_in_two_folders_are_not_confused(tmp_path):
    for width in (5, 7):
        folder = tmp_path / f"net{width}"
        folder.mkdir()
        (folder / "beside_it.py").write_text(f"WIDTH = {width}\n")
        inside = "def my_net(width=8):\n    from beside_it import WIDTH as width\n"
        text = OWN.replace("def my_net(width=8):\n", inside)
        assert text != OWN
        (folder / "nets.py").write_text("import beside_it\n" + text)
    networks = [one(f"mine:{tmp_path}/net{width}/nets.py:my_net") for width in (5, 7)]
    assert [builders.build(network)[0].out_channels for network in networks] == [5, 7]


@pytest.mark.parametrize(
    ("text", "function", "message"),
    [
        (OWN, "my_ned", r"'mine:.*:my_ned': .*does not define my_ned\. Did you mean my_net\?"),
        (OWN.replace("DNNBENCH", "OTHER"), "my_net", r"nets\.py: DNNBENCH: missing, .* Write"),
        (OWN.replace("40", "SIZE"), "my_net", r"DNNBENCH\.input_size: SIZE: not a plain value"),
        (
            OWN.replace("{", "dict(**{", 1).replace("}", "})", 1),
            "my_net",
            "DNNBENCH: not a mapping",
        ),
        (OWN.replace("input_size", "inptu_size"), "my_net", r"\.input_size: missing\. Write"),
        (OWN.replace('"mean"', '"maen"'), "my_net", r"DNNBENCH\.maen: unknown key\. .*mean\?"),
        (OWN.replace("40,", "{1},"), "my_net", r"DNNBENCH\.input_size: \{1\}: not a plain value"),
        (
            OWN.replace("40,", '40, "top1": 0.7, "accuracy_source": "us",'),
            "my_net",
            r"nets\.py: DNNBENCH\.top1: 0\.7: a percentage\. Did you mean 70\?$",
        ),
        (
            OWN.replace("40,", '40, "top1": 170, "accuracy_source": "us",'),
            "my_net",
            r"nets\.py: DNNBENCH\.top1: 170: .*less than or equal to 100\. Correct it\.$",
        ),
        (
            OWN.replace("40,", '40, "top1": 70, "top5": 90,'),
            "my_net",
            r"DNNBENCH\.accuracy_source: missing, but required with top1, top5\. Say where",
        ),
        (
            OWN.replace("40,", '40, "top5": 90, "accuracy_source": "us",'),
            "my_net",
            r"DNNBENCH\.top1: missing, but required with top5, accuracy_source\. Add it, in",
        ),
        (
            OWN.replace("40,", '40, "top1": 70, "accuracy_source": 5,'),
            "my_net",
            r"DNNBENCH\.accuracy_source: 5: input should be a valid string\. Correct it",
        ),
        (OWN.replace("40,", "40, {}: 1,"), "my_net", r"DNNBENCH: not a mapping of plain values"),
        (OWN.replace("40", "-1"), "my_net", r"nets\.py: DNNBENCH\.input_size: -1"),
        (
            OWN.replace("40,", '40, "crop_pct": 0.9,'),
            "my_net",
            "interpolation, crop_pct: both or neither",
        ),
        (OWN.replace("40,", '40, "crop_pct": 1.5,'), "my_net", r"DNNBENCH\.crop_pct: 1\.5"),
        (OWN.replace("40,", '40, "interpolation": "lanczos",'), "my_net", r"DNNBENCH\.interp"),
        (OWN + "\n)", "my_net", r"nets\.py:\d+: not valid Python: "),
        (
            OWN.replace("40,", '40, "range": (0, 255),'),
            "my_net",
            r"range: \(0, 255\): requires mean and",
        ),
        (
            OWN.replace("40,", '40, "input_size": 8,'),
            "my_net",
            r"DNNBENCH\.input_size: duplicate key",
        ),
        (
            OWN + 'DNNBENCH["classes"] = 9\n',
            "my_net",
            r"nets\.py:10: DNNBENCH: changed after line 4",
        ),
        (
            OWN + 'DNNBENCH |= {"mean": 9}\n',
            "my_net",
            r"nets\.py:10: DNNBENCH: changed after line 4",
        ),
        (OWN + "if OWN:\n    DNNBENCH = {}\n", "my_net", r"nets\.py:11: DNNBENCH: changed after"),
    ],
)
def test_a_mistake_in_the_file_is_one_line(own, text, function, message):
    own.write_text(text)
    with pytest.raises(RegistryError, match=message) as caught:
        model_list.resolve(f"mine:{own}:{function}", source="params.yaml: models")
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_run_is_one_line_naming_the_network(own):
    own.write_text("import no_such_thing\n" + OWN)
    network = one(f"mine:{own}:my_net")
    message = r"mine-my_net-\w+: builder: .*nets\.py:1: .*\. Install no_such_thing, or correct"
    with pytest.raises(RegistryError, match=message):
        builders.load(network)


# Wrong names -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("timm:convnext_tony", "unknown network. Did you mean convnext_tiny or"),
        ("timm:nothing_like_*", "unknown network. Correct the name; the library's"),
        ("timm:convnext_tiny.fb_in22k", "has 21841 classes instead of ImageNet's 1000. Choose an"),
        ("timm:vit_small_patch14_dinov2", "has no classes instead of ImageNet's 1000"),
        ("torchvision:resnet5", "unknown network. Did you mean resnet50 or"),
        ("mine:nets/absent.py:net", "nets/absent.py: no such file. Correct the path"),
        ("mine:nets", "not a function in a file. Write mine:<file>.py:<function>"),
        ("mine:~nobodyhere/nets.py:net", "models: 'mine:~nobodyhere/nets.py:net': '~nobodyhere"),
        ("tim:resnet18", "unknown network. Did you mean 'resnet18'?"),
    ],
)
def test_a_wrong_name_is_one_line(name, message):
    with pytest.raises(RegistryError) as caught:
        model_list.resolve([name], source="params.yaml: models")
    assert message in str(caught.value) and name.partition(":")[2] in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_library_is_imported_only_if_one_of_its_networks_is_named(own):
    code = (
        "import sys; from dnnbench.networks import model_list;"
        f"model_list.resolve(['modern', 'bianco2018', 'mine:{own}:my_net']);"
        "print(*sorted({'torch', 'timm', 'torchvision'} & {*sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


# The modern set ---------------------------------------------------------------------------------


def test_the_modern_set_agrees_with_timm():
    modern = model_list.resolve("modern")
    assert len(modern) == 25
    assert len({network.family for network in modern.values()}) >= 12
    for key, network in modern.items():
        (ours,) = timm.find(key.removeprefix("timm-"), "test")
        fields = {"builder", "arguments", "input_size", "spec", "mean", "std"}
        assert network.model_dump(include=fields) == ours.model_dump(include=fields)
        unstated = {"top1", "top5", "crop_pct"}
        for source, theirs in zip(network.weights, ours.weights, strict=True):
            assert source.model_dump(exclude=unstated) == theirs.model_dump(exclude=unstated)
            assert source.crop_pct == pytest.approx(theirs.crop_pct, abs=1e-4)
            assert "nc" not in str(source.licence)  # Commercial use is allowed.


def test_a_timm_name_resolves_to_the_registrys_entry_if_there_is_one():
    assert (
        one("timm:swin_tiny_patch4_window7_224")
        == NETWORKS["timm-swin_tiny_patch4_window7_224.ms_in1k"]
    )


# Weights ----------------------------------------------------------------------------------------


def saved(network, path, seed):
    save_file(dict(builders.build(network, seed=seed).state_dict()), path)


def test_a_file_whose_hash_was_unknown_cannot_be_replaced_later(tmp_path):
    network = one("timm:mobilenetv4_conv_small")
    (source,) = network.weights
    mirror, folder = tmp_path / "mirror", tmp_path / "weights"
    mirror.mkdir()
    saved(network, mirror / source.filename, seed=1)
    settings = Weights(mirror=mirror)
    first = fetch.obtain(network, settings, folder)
    assert (first.status, first.sha256) == ("ok", sha256(mirror / source.filename))

    # Another file of that name is refused, even though it matches the network.
    saved(network, mirror / source.filename, seed=2)
    Path(str(first.path)).unlink()
    again = fetch.obtain(network, settings, folder)
    assert again.status == "missed"
    assert again.tried[0].reason.startswith(f"expected sha256 {first.sha256}, got ")
    with pytest.raises(IntegrityError):
        fetch._copy(mirror / source.filename, source, folder / source.filename)


def test_your_own_weights_are_found_by_the_key_of_your_own_network(own, tmp_path):
    network = one(f"mine:{own}:my_net")
    file = tmp_path / "mine.safetensors"
    saved(network, file, seed=3)
    settings = Weights(override={network.key: {"path": file, "sha256": sha256(file)}})
    assert fetch.obtain(network, settings, tmp_path / "weights").status == "ok"


def test_the_key_of_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(RegistryError, match="no such file"):
        mine.key(tmp_path / "none.py", "net")


def test_your_own_files_path_may_start_with_a_tilde_but_not_contain_braces(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "my $models 'é.py").write_text('DNNBENCH = {"input_size": 8}\ndef net(): ...\n')
    ((key, network),) = model_list.resolve(["mine:~/my $models 'é.py:net"]).items()
    assert model_list.key_of(network.spec) == key
    assert network.builder == f"{tmp_path}/my $models 'é.py:net"
    with pytest.raises(RegistryError, match=r"'mine:\{x\}\.py:net': Snakemake would treat braces"):
        model_list.resolve(["mine:{x}.py:net"])


@pytest.mark.parametrize(
    "content",
    [
        'NAME = "é"\n'.encode("latin-1"),
        'NAME = "é"\n'.encode("utf-16"),
        b'NAME = "\0"\n',
    ],
)
def test_your_own_file_in_another_encoding_is_one_line(tmp_path, monkeypatch, content):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nets.py").write_bytes(content + b'DNNBENCH = {"input_size": 8}\ndef net(): ...\n')
    with pytest.raises(
        RegistryError, match=r"^nets\.py\S*: not valid Python: [^\n]*\. Correct it\.$"
    ):
        model_list.resolve(["mine:nets.py:net"])


@pytest.mark.parametrize(
    "content", ["\ufeff# é\n".encode(), b"# -*- coding: latin-1 -*-\n# \xe9\n"]
)
def test_your_own_file_may_declare_its_encoding(tmp_path, monkeypatch, content):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nets.py").write_bytes(content + b'DNNBENCH = {"input_size": 8}\ndef net(): ...\n')
    assert model_list.resolve(["mine:nets.py:net"])
