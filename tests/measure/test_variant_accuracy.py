"""Accuracy in variants: the same images in each, with trained weights."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import toys
from helpers.image_files import SAMPLE, foolbox_pictures, needs_sample

from dnnbench.config import variants
from dnnbench.config.weights_settings import Weights
from dnnbench.core import isolation
from dnnbench.core.storage import write_json
from dnnbench.devices import backends
from dnnbench.devices.backends import Setup
from dnnbench.images import calibration_split, decoded_arrays, geometry, image_index
from dnnbench.measure import accuracy, variant_inference
from dnnbench.networks import builders, registry
from dnnbench.networks.weights import fetch
from dnnbench.records import top5

LITE0 = "efficientnet_lite0"
NETWORKS = registry.load_registry()
needs_foolbox = pytest.mark.skipif(
    not importlib.util.find_spec("foolbox"), reason="needs the extra 'test'"
)


class Study:
    """A network with its own weights and images, measured in variants."""

    def __init__(self, folder: Path, key: str, pictures: Path | str) -> None:
        self.folder, self.network = folder, NETWORKS[key]
        fetched = fetch.obtain(self.network, Weights(tiers=["A", "B", "C"]), folder)
        write_json(folder / "weights.json", fetched)
        index = image_index.index("folder", Path(pictures), threads=1)
        cut = geometry.of(self.network, "native")
        write_json(folder / "images.json", decoded_arrays.decode(index, cut, folder, threads=1))

    def measure(self, variant: str):
        return accuracy.measure(
            self.network,
            self.folder / "weights.json",
            decoded_arrays.open_decoded(self.folder / "images.json"),
            self.folder / variant / "model.json",
            dataset="folder",
            protocol="native",
            device="cpu",
            setup=Setup("cpu"),
            threads=1,
            variant=variant,
        )

    def answers(self, variant: str) -> top5.Answers:
        return top5.read(self.folder / variant / "model.npz")


@pytest.fixture(scope="module")
def twenty(tmp_path_factory):
    folder = tmp_path_factory.mktemp("twenty")
    return Study(folder, LITE0, foolbox_pictures(folder / "pictures"))


@needs_foolbox
@pytest.mark.parametrize("variant", ["fp32-eager-channels_last", "fp32-onnxruntime"])
def test_a_variant_in_fp32_gives_the_same_answers_to_the_same_pictures(twenty, variant):
    if variant.endswith("onnxruntime"):
        pytest.importorskip("onnxruntime")
        pytest.importorskip("onnxscript")
    reference, found = twenty.measure(variants.REFERENCE), twenty.measure(variant)
    assert (found.status, found.variant, found.n) == ("ok", variant, 20)
    assert found.basis.fingerprint != reference.basis.fingerprint
    same, own = twenty.answers(variants.REFERENCE), twenty.answers(variant)
    assert own.names == same.names
    assert np.array_equal(own.classes[:, 0], same.classes[:, 0])
    assert np.allclose(own.scores, same.scores, rtol=1e-3)
    assert not np.array_equal(own.scores, same.scores)  # Not the stored ones.


@needs_foolbox
def test_a_finished_variant_is_not_measured_again(twenty, monkeypatch):
    found = twenty.measure("bf16-eager")
    assert found.top1 >= 80
    monkeypatch.setattr(accuracy, "_answer", lambda *_: pytest.fail("measured again"))
    assert twenty.measure("bf16-eager") == found


@needs_foolbox
def test_a_network_that_fails_in_a_variant_has_a_status_and_a_reason(twenty, monkeypatch):
    def refuse(*_):
        raise RuntimeError("no kernel for layer 3")

    monkeypatch.setattr(variant_inference, "forward", refuse)
    found = twenty.measure("fp16-eager")
    assert (found.status, found.top1, found.variant) == ("failed", None, "fp16-eager")
    assert "no kernel for layer 3" in found.message
    assert twenty.measure(variants.REFERENCE).status == "ok"


@needs_foolbox
def test_the_fingerprint_of_fp32_eager_does_not_depend_on_code_of_variants(twenty, monkeypatch):
    expected = twenty.measure(variants.REFERENCE).basis.fingerprint
    monkeypatch.setattr(accuracy.code_graph, "module_sources", lambda *_: pytest.fail("read"))
    assert twenty.measure(variants.REFERENCE).basis.fingerprint == expected


def test_a_batch_that_is_too_small_for_an_engine_is_filled_up():
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    # In a separate process, in which the engine may flush denormals.
    isolation.prepare()
    done = isolation.run(largest_difference_of_three_in_a_batch_of_four, timeout_s=120)
    assert done.status == "ok", done.message
    assert done.value < 1e-5


def largest_difference_of_three_in_a_batch_of_four():
    network = toys.entry("small")
    size = network.input_size
    onnxruntime, on = variants.parse("fp32-onnxruntime"), backends.backend(Setup("cpu"))
    on.start(1)
    images = torch.randn(3, 3, size, size)
    with torch.inference_mode():
        expected = builders.build(network)(images)
        run = variant_inference.forward(onnxruntime, builders.build(network), 4, size, on)
        return float((run(images) - expected).abs().max())


@needs_foolbox
def test_too_few_images_to_calibrate_int8_are_a_reason(twenty):
    found = twenty.measure("int8-onnxruntime")
    assert (found.status, found.top1) == ("not_measured", None)
    assert "images of 20 would calibrate the network, and 16 are needed" in found.message


@pytest.mark.slow
@needs_sample
def test_int8_is_never_measured_on_images_that_calibrate_it(tmp_path):
    study = Study(tmp_path, LITE0, SAMPLE)
    found = study.measure("int8-onnxruntime")
    assert found.status == "ok", found.message
    hashes = {one.name: one.sha256 for one in image_index.index("folder", Path(SAMPLE), 1).files}
    apart = {name for name, sha256 in hashes.items() if calibration_split.set_apart(sha256)}
    assert len(apart) >= calibration_split.LEAST
    assert set(study.answers("int8-onnxruntime").names) == hashes.keys() - apart
    study.measure(variants.REFERENCE)
    own, other = study.answers("int8-onnxruntime"), study.answers(variants.REFERENCE)
    same = own.classes[:, 0] == other.only(own.names).classes[:, 0]
    assert 0.85 < same.mean() < 1


@pytest.mark.slow
@needs_sample
@pytest.mark.parametrize("key", [LITE0, "efficientnet_lite1"])
def test_a_hundred_pictures_show_that_fp32_variants_cannot_differ_and_bf16_can(key, tmp_path):
    study = Study(tmp_path, key, SAMPLE)
    names = (variants.REFERENCE, "fp32-eager-channels_last", "bf16-eager")
    assert [study.measure(name).n for name in names] == [100] * 3
    reference, fp32, bf16 = (study.answers(name) for name in names)
    assert np.array_equal(reference.classes[:, 0], fp32.classes[:, 0])
    smallest = margins(reference).min()
    assert np.abs(margins(reference) - margins(fp32)).max() < smallest / 100
    same = (reference.classes[:, :2] == bf16.classes[:, :2]).all(axis=1)
    assert same.mean() > 0.9
    assert np.abs(margins(reference) - margins(bf16))[same].max() > smallest


def margins(answers: top5.Answers) -> np.ndarray:
    """Return the difference of the two largest logits of each image."""
    return np.log(answers.scores[:, 0] / answers.scores[:, 1])
