"""Accuracy records and per-image answers of a small study, in the form that measuring writes."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from dnnbench.core.storage import write_json
from dnnbench.measure import accuracy
from dnnbench.records import top5
from dnnbench.records.accuracy_records import AccuracyBasis, AccuracyRecord
from dnnbench.records.image_records import ImageGeometry, SkippedImage
from dnnbench.records.top5 import Answers
from dnnbench.records.weights_records import WeightsRecord


def basis(model: str) -> AccuracyBasis:
    return AccuracyBasis(
        fingerprint="f",
        images_key="k",
        decoder="Pillow 1",
        skipped=[SkippedImage(name="broken.jpg", reason="empty file")],
        geometry=ImageGeometry(interpolation="bilinear", resize=256, size=224),
        channel_order="RGB",
        range=(0, 1),
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
        weights=WeightsRecord(
            model=model, status="ok", sha256="0" * 64, tier="B", library="l 1", licence="MIT"
        ),
        device="cpu",
        backend="cpu",
        threads=2,
        batch_size=32,
        versions={"torch": "2"},
        started=datetime(2026, 11, 24, tzinfo=UTC),
    )


def answered(model: str, right: list[bool], names: list[str] | None = None) -> Answers:
    """Return answers that are right for the given images; every label is 7."""
    count = len(right)
    classes = np.tile(np.arange(100, 105, dtype=np.int16), (count, 1))
    classes[np.array(right), 0] = 7
    return Answers(
        basis(model),
        names or [f"{number}.jpg" for number in range(count)],
        np.full(count, 7, np.int16),
        classes,
        np.zeros((count, 5), np.float32),
    )


def write(results: Path) -> Path:
    """Write records of two measured networks and of one without weights."""
    folder = results / "accuracy" / "folder"
    names = {"resnet18": 0.7, "alexnet": 0.5}
    for model, share in names.items():
        kept = answered(model, [number < share * 100 for number in range(100)])
        top5.write(folder / f"{model}.npz", kept)
        record = accuracy.record(kept, model, "folder", "bianco2018")
        write_json(folder / f"{model}.json", record)
    missed = AccuracyRecord(
        model="vgg16",
        dataset="folder",
        protocol="bianco2018",
        status="not_measured",
        message="no weights: 404",
    )
    write_json(folder / "vgg16.json", missed)
    (folder / "vgg16.npz").touch()
    return results
