import csv
import subprocess
import sys

import pytest
import torch
import yaml
from helpers.paths import DATA, ROOT
from jsonschema import Draft202012Validator
from torch import nn

from dnnbench.core import isolation
from dnnbench.core.strict_yaml import YamlError
from dnnbench.networks import builders, counting, model_list, registry
from dnnbench.networks.random_weights import POOL_SIZE, PooledInitializers
from dnnbench.networks.registry import RegistryError
from dnnbench.tables import published

with (DATA / "flops.csv").open(newline="") as file:
    FLOPS = {row["model"]: row for row in csv.DictReader(file)}
NETWORKS = registry.load_registry()
STUDY = {key: network for key, network in NETWORKS.items() if network.published}


@pytest.fixture(scope="module", autouse=True)
def _fork_safe():
    """Prepare this process for forking, since other tests fork from it."""
    isolation.prepare()


def write(path, edit):
    """Write a registry with one network after ``edit`` changed its entry."""
    entry = yaml.safe_load(registry.DEFAULT_REGISTRY.read_text())["squeezenet1_1"]
    edit(entry)
    path.write_text(yaml.safe_dump({"squeezenet1_1": entry}))
    return path


def image(network, seed):
    size = (1, 3, network.input_size, network.input_size)
    return torch.randn(size, generator=torch.Generator().manual_seed(seed))


# The file -------------------------------------------------------------------------------------


def test_the_44_networks_of_the_study():
    assert list(STUDY) == list(FLOPS)
    assert {k: n.input_size for k, n in STUDY.items()} == {
        k: int(row["input"]) for k, row in FLOPS.items()
    }
    assert all(key == network.key for key, network in NETWORKS.items())


def test_names_and_accuracies_equal_the_papers():
    tables = published.read(ROOT / "published" / "bianco2018")
    rows = {row.model: row for row in tables.models}
    for key, network in STUDY.items():
        row = rows[key]
        assert network.name == row.name
        assert network.published is not None
        assert network.published.model_dump() == {
            "top1": row.top1,
            "top1_source": row.top1_source,
            "top5": row.top5,
            "top5_source": row.top5_source,
        }


def test_caffe_networks_take_bgr_bytes_and_the_others_rgb_fractions():
    caffe = {"bninception", "cafferesnet101", "googlenet"}
    assert {key for key, n in NETWORKS.items() if n.channel_order == "BGR"} == caffe
    for key, network in STUDY.items():
        assert network.range == ((0, 255) if key in caffe else (0, 1))
        assert all(0 <= mean <= network.range[1] for mean in network.mean)
    assert NETWORKS["bninception"].mean == (104, 117, 128)


def test_every_network_of_2018_has_a_source_of_2018_and_sources_are_pinned():
    for key, network in NETWORKS.items():
        assert [s.tier for s in network.weights] == sorted(s.tier for s in network.weights)
        assert network.weights[0].tier in ("A" if key in STUDY else "BC")
        for source in network.weights:
            assert "DEFAULT" not in (source.id or "")
            if source.hash and source.hash.kind == "sha256_prefix":
                assert source.hash.value[:8] in source.filename


def test_the_schema_accepts_the_file_and_refuses_a_misspelt_key():
    validator = Draft202012Validator(registry.schema())
    content = yaml.safe_load(registry.DEFAULT_REGISTRY.read_text())
    assert list(validator.iter_errors(content)) == []
    content["vgg16"]["famili"] = content["vgg16"].pop("family")
    assert list(validator.iter_errors(content)) != []


def test_reading_the_registry_does_not_import_torch():
    code = (
        "import sys; from dnnbench.networks import registry, model_list;"
        "model_list.resolve('bianco2018', registry.load_registry());"
        "sys.exit(bool({'torch', 'timm', 'torchvision'} & {*sys.modules}))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# Errors in the file: one line with file, key, value, and remedy ---------------------------------


@pytest.mark.parametrize(
    ("edit", "parts"),
    [
        (
            lambda e: e.update(famili=e.pop("family")),
            ["squeezenet1_1.famili: 'SqueezeNet': unknown key", "Did you mean 'family'?"],
        ),
        (lambda e: e.update(input_size=-1), ["squeezenet1_1.input_size: -1", "greater than"]),
        (lambda e: e.update(builder="nowhere"), ["squeezenet1_1.builder: 'nowhere'"]),
        (lambda e: e.update(std=[1, 1, 0]), ["squeezenet1_1.std.2: 0", "greater than"]),
        (lambda e: e.pop("venue"), ["squeezenet1_1.venue", "required"]),
        (lambda e: e["weights"][0].update(tier="D"), ["squeezenet1_1.weights.0.tier: 'D'"]),
        (lambda e: e["weights"][0].pop("hash"), ["squeezenet1_1.weights.0.hash", "required"]),
        (lambda e: e["published"].update(top1=101), ["squeezenet1_1.published.top1: 101"]),
        (
            lambda e: e.update(accuracy={"top1": 0.7, "source": "us"}),
            ["squeezenet1_1.accuracy: top1: 0.7: a percentage. Did you mean 70?"],
        ),
        (lambda e: e.update(accuracy={"top1": 70}), ["squeezenet1_1.accuracy.source", "required"]),
        (lambda e: e["weights"][0].pop("url"), ["squeezenet1_1.weights.0: url, package: exactly"]),
        (
            lambda e: e.update(range=[0, 1], mean=[123.7, 116.8, 103.9]),
            ["squeezenet1_1: mean: [123.7, 116.8, 103.9]: must be in units of range and within"],
        ),
        (
            lambda e: e.update(range=[0, 1], std=[58.4, 57.1, 57.4]),
            ["squeezenet1_1: std: [58.4, 57.1, 57.4]: must be in units of range and within [0, 1]"],
        ),
        (
            lambda e: e["weights"][0].update(hash={"kind": "sha1", "value": "abcdef0"}),
            ["squeezenet1_1.weights.0.hash: value: 'abcdef0': has 7 digits instead of 40"],
        ),
        (
            lambda e: e["weights"][0].update(top1=90, top5=80),
            ["squeezenet1_1.weights.0: top1: 90.0: greater than top5, 80.0"],
        ),
    ],
)
def test_a_mistake_in_the_file_is_one_line(tmp_path, edit, parts):
    path = write(tmp_path / "models.yaml", edit)
    with pytest.raises(RegistryError) as caught:
        registry.load_registry(path)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"{path}: ")
    assert all(part in message for part in parts), message


def test_a_missing_file_invalid_yaml_and_a_duplicate_key_are_errors(tmp_path):
    path = tmp_path / "models.yaml"
    with pytest.raises(RegistryError, match=r"models\.yaml: no such file\. .*--registry"):
        registry.load_registry(path)
    path.write_text("alexnet: {name: [}\n")
    with pytest.raises(YamlError, match=r"models\.yaml:1: .*not YAML"):
        registry.load_registry(path)
    path.write_text("alexnet: {year: 2012}\nalexnet: {year: 2014}\n")
    with pytest.raises(YamlError, match=r"models\.yaml:2: alexnet: given twice, first on line 1"):
        registry.load_registry(path)
    path.write_text("- alexnet\n")
    with pytest.raises(YamlError, match=r"models\.yaml: \['alexnet'\]: not a mapping"):
        registry.load_registry(path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"input_size": True}, "input_size: True: input should be a valid integer"),
        ({"input_size": "224"}, "input_size: '224': input should be a valid integer"),
        (
            {"input_size": 10**30},
            "input_size: 1000000000000000000000000000000: input should be less",
        ),
        ({"classes": 2.0}, "classes: 2.0: input should be a valid integer"),
        ({"year": 20125}, "year: 20125: input should be less than or equal to 2100"),
        ({"mean": [True, 0.5, 0.5]}, "mean.0: True: input should be a valid number"),
        ({"mean": ["0.5", 0.5, 0.5]}, "mean.0: '0.5': input should be a valid number"),
        ({"std": [1e300, 1, 1]}, r"std.0: 1e\+300: input should be less"),
        ({"std": [1e-320, 1, 1]}, "std.0: 1e-320: input should be greater"),
        ({"range": [0, True]}, "range.1: True: input should be a number"),
        ({"range": [False, 1]}, "range.0: False: input should be a number"),
        ({"interpolation": "bicubic", "crop_pct": 1e-9}, "crop_pct: 1e-09: input should be great"),
        ({"key": "alexnet"}, "key: unknown key"),
        ({"name": ""}, "name: '': string should have at least 1 character"),
        ({"name": "two\nlines"}, r"name: 'two\\nlines': string should match pattern"),
        ({"venue": "\x1b[31mred"}, r"venue: '\\x1b\[31mred': string should match pattern"),
    ],
)
def test_an_implausible_value_is_one_line(tmp_path, change, said):
    path = write(tmp_path / "models.yaml", lambda entry: entry.update(change))
    with pytest.raises(RegistryError, match=rf"models\.yaml: squeezenet1_1\.{said}") as raised:
        registry.load_registry(path)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", ["bianco2018", "modern"])
def test_a_network_cannot_have_the_name_of_a_set(tmp_path, name):
    path = write(tmp_path / "models.yaml", lambda entry: None)
    path.write_text(path.read_text().replace("squeezenet1_1:", f"{name}:", 1))
    with pytest.raises(RegistryError, match=f"{name}: reserved for a set of networks"):
        registry.load_registry(path)


def test_a_weights_file_cannot_be_outside_its_folder(tmp_path):
    path = write(tmp_path / "models.yaml", lambda entry: entry["weights"][0].update(filename=".."))
    with pytest.raises(RegistryError, match=r"weights\.0\.filename: '\.\.'"):
        registry.load_registry(path)


ELSEWHERE = (
    "See config/models.yaml, or write mine:<file>.py:<function>, timm:<name> or torchvision:<name>."
)


# Choosing networks ----------------------------------------------------------------------------


def test_the_name_of_a_study_resolves_to_its_networks_alone_or_among_others(tmp_path):
    own = write(tmp_path / "models.yaml", lambda entry: entry.pop("published"))
    entry = registry.load_registry(own)["squeezenet1_1"].model_copy(update={"key": "mine"})
    known = {**NETWORKS, "mine": entry}
    assert list(model_list.resolve("bianco2018", known)) == list(FLOPS)
    assert list(model_list.resolve(["mine", "bianco2018"], known)) == ["mine", *FLOPS]
    assert list(model_list.resolve(["vgg16", "alexnet"], known)) == ["vgg16", "alexnet"]
    assert list(model_list.resolve("vgg16")) == ["vgg16"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["resnet18", "resnet5O"], "'resnet5O': unknown network. Did you mean 'resnet50'?"),
        ("bianco2108", "'bianco2108': unknown network. Did you mean 'bianco2018'?"),
        (["qqq"], f"'qqq': unknown network. {ELSEWHERE}"),
        ([50], f"50: unknown network. {ELSEWHERE}"),
        (["vgg16", "vgg16"], "'vgg16': listed twice. Remove one."),
        (["bianco2018", "vgg16"], "'vgg16': listed twice. Remove one."),
        ([], "[]: no networks. Write bianco2018 or a list of names."),
    ],
)
def test_a_wrong_name_is_one_line(names, message):
    with pytest.raises(RegistryError) as caught:
        model_list.resolve(names, NETWORKS, source="params.yaml: models")
    assert str(caught.value) == f"params.yaml: models: {message}"


# Building -------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["alexnet", "resnext101_32x4d", "squeezenet1_0", "densenet121"])
def test_networks_built_one_after_another_share_nothing(key):
    first, meta, second = (builders.build(key, device) for device in ("cpu", "meta", "cpu"))
    assert {p.device.type for p in [*meta.parameters(), *meta.buffers()]} == {"meta"}
    storages = [
        {t.untyped_storage().data_ptr() for t in [*m.parameters(), *m.buffers()] if t.numel()}
        for m in (first, second)
    ]
    assert storages[0].isdisjoint(storages[1])
    assert set(map(id, first.modules())).isdisjoint(map(id, second.modules()))
    # Both have the same values, which do not change when the other network is moved or changed.
    with torch.no_grad():
        for parameter in first.parameters():
            parameter.zero_()
    first.to("meta")
    assert all(p.device.type == "cpu" for p in second.parameters())
    third = builders.build(key)
    assert all(
        torch.equal(a, b) for a, b in zip(second.parameters(), third.parameters(), strict=True)
    )


def test_all_networks_build_in_one_process_in_any_order():
    builders.build(NETWORKS["efficientnet_lite0"], torch.device("meta"))
    for key in reversed(STUDY):
        model = builders.build(NETWORKS[key], torch.device("meta"))
        assert counting.size(model.parameters()) == int(FLOPS[key]["params"])
        assert counting.size(model.buffers()) == int(FLOPS[key]["buffers"])
        assert not any(module.training for module in model.modules())
        assert not any(parameter.requires_grad for parameter in model.parameters())


@pytest.mark.parametrize(
    "key",
    [
        "googlenet",
        "inceptionv3",
        "inceptionv4",
        "mobilenet",
        "mobilenetv2",
        "nasnetamobile",
        "resnet152",
        "senet154",
        "shufflenet",
        "squeezenet1_1",
        "vgg11",
    ],
)
def test_random_weights_give_logits_that_depend_on_the_input(key):
    model = builders.build(key)
    with torch.inference_mode():
        one, other = (model(image(NETWORKS[key], seed))[0] for seed in (1, 2))
    assert torch.isfinite(one).all()
    assert (one != 0).float().mean() > 0.5
    # Far above rounding errors, so that a wrong result anywhere in the network affects the logits.
    assert (one - other).std() > 1e-3 * one.std()


def test_weights_depend_on_the_seed_and_do_not_change_the_global_generator():
    before = torch.random.get_rng_state()
    one, same, other = (builders.build("shufflenet", seed=seed) for seed in (0, 0, 1))
    assert torch.equal(before, torch.random.get_rng_state())
    pairs = list(zip(one.parameters(), same.parameters(), other.parameters(), strict=True))
    assert all(torch.equal(a, b) for a, b, _ in pairs)
    assert sum(not torch.equal(a, c) for a, _, c in pairs) > len(pairs) / 2


def test_parameters_keep_the_names_of_the_library():
    names = set(builders.build("squeezenet1_1", "meta").state_dict())
    assert {"last_conv.weight", "features.0.weight"} <= names


@pytest.mark.parametrize(
    ("builder", "arguments", "message"),
    [
        ("no_such_library:net", {}, r"alexnet: builder: no_such_library:net: No module named"),
        ("torch.nn:no_such_net", {}, r"alexnet: builder: torch.nn:no_such_net: .*no attribute"),
        ("torch.nn:Linear", {}, r"alexnet: builder: torch.nn:Linear failed with TypeError"),
        ("builtins:dict", {}, r"alexnet: builder: builtins:dict returned a dict\. Return a torch"),
    ],
)
def test_the_error_for_a_builder_that_fails_names_it(builder, arguments, message):
    network = NETWORKS["alexnet"].model_copy(update={"builder": builder, "arguments": arguments})
    with pytest.raises(RegistryError, match=message):
        builders.build(network)


# Random weights -------------------------------------------------------------------------------


def test_pooled_draws_have_the_requested_distribution():
    with PooledInitializers(seed=0):
        normal = nn.init.normal_(torch.empty(3000, 1000), mean=2.0, std=0.5)
        uniform = torch.empty(3000, 1000).uniform_(-1.0, 3.0)
        layer = nn.Linear(400, 10)
        kaiming = nn.init.kaiming_normal_(torch.empty(512, 512, 3, 3), mode="fan_out")
    assert normal.mean().item() == pytest.approx(2.0, abs=5e-3)
    assert normal.std().item() == pytest.approx(0.5, rel=5e-3)
    assert uniform.min() >= -1
    assert uniform.max() < 3
    assert uniform.mean().item() == pytest.approx(1.0, abs=5e-3)
    assert uniform.std().item() == pytest.approx(4 / 12**0.5, rel=5e-3)
    assert kaiming.std().item() == pytest.approx((2 / (512 * 9)) ** 0.5, rel=5e-3)
    assert layer.bias.abs().max() <= 1 / 20
    # torch's default weights, widened so that they preserve a signal through a ReLU.
    assert layer.weight.std().item() == pytest.approx((2 / 400) ** 0.5, rel=0.05)


def test_rows_of_a_weight_matrix_differ():
    with PooledInitializers(seed=0):
        weight = torch.empty(2048, 2048).normal_()
    assert weight.numel() > POOL_SIZE
    assert len({tuple(row[:4].tolist()) for row in weight}) == 2048


def test_a_deferred_draw_is_made_before_anything_reads_or_changes_it():
    with PooledInitializers(seed=0):
        read = torch.empty(1000).normal_()
        assert read.std().item() == pytest.approx(1, rel=0.2)
        changed = torch.empty(1000).normal_()
        changed.mul_(0).add_(3)
        part = torch.empty(10, 100).normal_()
        part[:5].uniform_(10, 11)
        twice = torch.empty(1000).normal_().uniform_(5, 6)
    assert torch.equal(changed, torch.full((1000,), 3.0))
    assert (part[:5] >= 10).all()
    assert (part[5:].abs() < 6).all()
    assert ((twice >= 5) & (twice <= 6)).all()
