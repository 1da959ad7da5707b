"""Invalid accuracy records: they are excluded with a reason, and the rest is used."""

import io
import os
import zipfile

import numpy as np
import pytest
from helpers import answers
from helpers.json_edits import edit
from helpers.projects import stage

from dnnbench.core.storage import read_rows, write_json
from dnnbench.measure import accuracy
from dnnbench.records import top5
from dnnbench.records.comparison_records import AccuracyRow
from dnnbench.records.set_aside_records import SetAside
from dnnbench.tables import sound_accuracy

MODELS = ["resnet18", "alexnet", "vgg16", "resnet50"]
RECORD, ANSWERS = "resnet18.json", "resnet18.npz"


@pytest.fixture
def results(tmp_path):
    return answers.write(tmp_path / "results")


@pytest.fixture
def folder(results):
    return results / "accuracy" / "folder"


def read(folder, protocol="bianco2018"):
    return sound_accuracy.read(folder, "folder", protocol, MODELS)


def only_aside(folder):
    """Return the reason of the only excluded record; check that the others are used."""
    found = read(folder)
    (one,) = map(str, found.aside)
    assert one.isprintable() and len(one) < 1000
    assert (list(found.answers), found.records["alexnet"].status) == (["alexnet"], "ok")
    assert found.records["resnet18"].status == "not_measured"
    assert found.records["resnet18"].message == f"excluded: {one}"
    return one


def npz(**arrays):
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def changed(folder, **changes):
    """Return the predictions of resnet18 with other arrays."""
    with np.load(folder / ANSWERS) as file:
        return npz(**(dict(file) | changes))


def test_valid_records_are_all_read(folder):
    found = read(folder)
    assert (list(found.records), list(found.answers)) == (MODELS[:3], MODELS[:2])
    assert found.aside == []


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"top1": 99.0}, "top1: 99.0: its predictions give 70. "),
        ({"top1": 1e308}, "top1: 1e+308: "),
        ({"top1": None}, "top1: None: its predictions give 70. "),
        ({"top5": 10.0}, "top5: 10.0: its predictions give 70. "),
        ({"top1_low": 80.0}, "top1_low, top1_high: 80.0, "),
        ({"top5_high": None}, "top5_low, top5_high: "),
        ({"n": 5}, "n: 5: its predictions give 100. "),
        ({"classes": 2}, "classes: 2: its predictions give 1. "),
        ({"basis": None}, None),
        ({"model": "alexnet"}, "model: 'alexnet': expected 'resnet18' here"),
        ({"model": "../x"}, "model: '../x': "),
        ({"dataset": "other"}, "dataset: 'other': expected 'folder' here"),
        ({"protocol": "native"}, "protocol: 'native': expected 'bianco2018' here"),
        ({"schema_version": 99}, "schema_version: 99: this version of dnnbench reads version 1"),
        ({"basis__started": "0001-01-01T00:00:00Z"}, "basis.started: 0001-01-01"),
        ({"basis__fingerprint": "other"}, None),
        ({"\x1b[31mkey": 1}, "key: 1: extra inputs"),
    ],
    ids=lambda value: ascii(value)[:60],
)
def test_an_invalid_record_is_set_aside_with_a_reason(folder, changes, named):
    edit(folder / RECORD, **changes)
    one = only_aside(folder)
    if named is None:
        assert (
            one
            == f"{folder / ANSWERS}: does not belong to {RECORD}. Remove {RECORD} to measure again."
        )
    else:
        assert one.startswith(f"{folder / RECORD}: {named}")


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"null", b"\xff\xfe", b"[" * 10**6, b"\x00", b'{"model":']
)
def test_malformed_content_is_set_aside(folder, content):
    (folder / RECORD).write_bytes(content)
    assert only_aside(folder).startswith(f"{folder / RECORD}: ")


@pytest.mark.parametrize(
    "content",
    [
        lambda folder: b"",
        lambda folder: b"\x80\x04N.",
        lambda folder: (folder / ANSWERS).read_bytes()[:-60],
        lambda folder: (folder / ANSWERS).read_bytes().replace(b"names", b"nemas"),
        lambda folder: npz(names=np.array(["a"])),
        lambda folder: changed(folder, basis=np.array("{}")),
        lambda folder: changed(folder, names=np.array([object()], dtype=object)),
        lambda folder: changed(folder, names=np.array(["same.jpg"] * 100)),
        lambda folder: changed(folder, names=np.arange(100)),
        lambda folder: changed(folder, labels=np.zeros(7, np.int16)),
        lambda folder: changed(folder, labels=np.full(100, 1000, np.int16)),
        lambda folder: changed(folder, labels=np.full(100, 7.0)),
        lambda folder: changed(folder, classes=np.full((100, 5), -1, np.int16)),
        lambda folder: changed(folder, classes=np.zeros(100, np.int16)),
        lambda folder: changed(folder, scores=np.full((100, 5), np.nan, np.float32)),
    ],
)
def test_malformed_predictions_are_set_aside(folder, content):
    (folder / ANSWERS).write_bytes(content(folder))
    reason = only_aside(folder).removeprefix(f"{folder / ANSWERS}: ")
    assert reason.startswith("not a predictions file (")
    assert reason.endswith("). Remove it to measure again.")


def test_incomplete_predictions_are_set_aside(folder):
    with np.load(folder / ANSWERS) as file:
        part = {name: file[name][:60] for name in ("classes", "scores")}
    (folder / ANSWERS).write_bytes(changed(folder, **part))
    assert "predictions for 60 of 100 images. Remove it" in only_aside(folder)


def test_predictions_larger_than_memory_are_set_aside(folder, monkeypatch):
    monkeypatch.setattr(top5, "_LARGEST", 10_000)
    packed = npz(names=np.zeros(10**6, np.int8))
    assert len(packed) < 10_000
    (folder / ANSWERS).write_bytes(packed)
    assert "not a predictions file (ValueError)" in "\n".join(map(str, read(folder).aside))
    # A header may claim more data than fits in memory.
    monkeypatch.undo()
    with zipfile.ZipFile(folder / ANSWERS, "w") as archive:
        header = io.BytesIO()
        shape = {"descr": "<i2", "fortran_order": False, "shape": (10**15,)}
        np.lib.format.write_array_header_1_0(header, shape)
        for name in ("basis", "names", "labels", "classes", "scores"):
            archive.writestr(f"{name}.npy", header.getvalue())
    assert "not a predictions file (" in only_aside(folder)


@pytest.mark.parametrize("file", [RECORD, ANSWERS])
def test_a_path_that_is_not_a_file_is_set_aside(folder, file):
    (folder / file).unlink()
    os.mkfifo(folder / file)
    assert only_aside(folder) == f"{folder / file}: a named pipe, not a file. Correct the path."


def test_a_record_without_predictions_is_set_aside(folder):
    (folder / ANSWERS).unlink()
    assert only_aside(folder).startswith(f"{folder / ANSWERS}: ")


def test_predictions_for_other_images_than_the_majority_are_not_compared(folder):
    kept = answers.answered("vgg16", [True] * 100)
    top5.write(folder / "vgg16.npz", kept)
    write_json(folder / "vgg16.json", accuracy.record(kept, "vgg16", "folder", "bianco2018"))
    other = answers.answered("resnet18", [True] * 99)
    top5.write(folder / ANSWERS, other)
    write_json(folder / RECORD, accuracy.record(other, "resnet18", "folder", "bianco2018"))
    found = read(folder)
    assert list(found.answers) == ["alexnet", "vgg16"]
    assert list(map(str, found.aside)) == [
        f"{folder / RECORD}: measured on other images than alexnet and 1 more."
        " Remove it to measure again."
    ]


def test_the_script_reports_excluded_records_and_continues(results, folder):
    edit(folder / RECORD, top1=99.0)
    pictures = ("--config", f"dataset={{name: folder, path: {results}}}")
    code, output = stage("comparisons", "--results", results, *MODELS, *pictures)
    reason = f"{folder / RECORD}: top1: 99.0: its predictions give 70. Remove it to measure again."
    assert (code, output) == (0, f"excluded: {reason}\n")
    rows = read_rows(results / "accuracy" / "summary.csv", AccuracyRow)
    assert [(row.status, row.top1) for row in rows[:2]] == [("not_measured", None), ("ok", 50)]
    assert rows[0].message == f"excluded: {reason}"
    (one,) = read_rows(results / "accuracy" / "set_aside.csv", SetAside)
    assert (one.device, str(one)) == (None, reason)
