"""A study with engines that read graphs: each graph is built once, by a job that times nothing."""

import json

import numpy as np
import pytest
from helpers.projects import edit, jobs, project, snakemake
from PIL import Image

from dnnbench.core.storage import read_json, read_lines, read_rows
from dnnbench.records.graph_records import GraphRecord
from dnnbench.records.latency_records import LatencyLine
from dnnbench.records.memory_records import MemoryRecord
from dnnbench.records.study_records import VariantRow

NETWORKS = """
from torch import nn

DNNBENCH = {"input_size": 32}


class Net(nn.Module):
    def __init__(self, branches):
        super().__init__()
        self.branches = branches
        self.layers = nn.Sequential(
            *(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten()),
            nn.Linear(32, 1000),
        )

    def forward(self, images):
        out = self.layers(images)
        # No graph can represent a choice by value.
        return -out if self.branches and float(out.sum()) < 0 else out


def plain():
    return Net(False)


def branching():
    return Net(True)
"""
VARIANTS = ["fp32-eager", "fp32-onnxruntime", "fp32-openvino"]
GRAPHS = "resources/graphs/onnx"
# Exporting takes long on a machine with other work.
pytestmark = pytest.mark.timeout(1800)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a finished study of two networks, one of which has no graph."""
    folder = project(tmp_path_factory.mktemp("graphs"))
    (folder / "nets.py").write_text(NETWORKS)
    models = [f"mine:nets.py:{name}" for name in ("plain", "branching")]
    edit(folder / "params.yaml", {"models": models, "latency": {"rounds": 1}})
    edit(folder / "config/devices/cpu.yaml", {"variants": VARIANTS, "batch_sizes": [1, 2]})
    assert jobs(folder)["build_graph"] == 2
    snakemake(folder)
    return folder


def started(folder):
    """Return the modification times of all graphs and records of graphs."""
    return {file.name: file.stat().st_mtime_ns for file in (folder / GRAPHS).iterdir()}


@pytest.mark.slow
def test_all_engines_read_the_same_graph_and_its_time_is_recorded(folder):
    record = read_json(next((folder / GRAPHS).glob("*plain*.json")), GraphRecord)
    by_size = {cell.batch_size: cell for cell in record.cells}
    assert {cell.status for cell in record.cells} == {"ok"}
    for variant in VARIANTS[1:]:
        path = folder / "results/cpu" / variant
        lines = read_lines(path / "latency/round-1.jsonl", LatencyLine)
        cells = read_json(path / f"memory/{record.model}.json", MemoryRecord).cells
        timed = [line for line in lines if line.model == record.model]
        assert {one.status for one in (*timed, *cells)} == {"ok"}
        for one in (*timed, *cells):
            assert one.built.graph == by_size[one.batch_size].identity
            assert one.built.graph_ms == by_size[one.batch_size].ms
    rows = read_rows(folder / "results/variants.csv", VariantRow)
    built = [row.built_ms for row in rows if row.model == record.model]
    assert len(built) == 4
    assert min(built) > min(cell.ms for cell in record.cells)


@pytest.mark.slow
def test_a_network_without_a_graph_fails_alone_and_with_a_reason(folder):
    for variant in VARIANTS:
        path = folder / "results/cpu" / variant
        lines = read_lines(path / "latency/round-1.jsonl", LatencyLine)
        lines = [line for line in lines if "branching" in line.model]
        assert lines
        (record,) = (read_json(one, MemoryRecord) for one in (path / "memory").glob("*branching*"))
        status = "ok" if variant == "fp32-eager" else "failed"
        assert {one.status for one in (*lines, *record.cells)} == {status}
        if status == "failed":
            for one in (*lines, *record.cells):
                assert one.message.startswith("graph: ")
                assert "Could not guard on data-dependent expression" in one.message


@pytest.mark.slow
def test_a_rerun_retries_the_failed_graph_once_and_builds_no_other(folder):
    before = started(folder)
    assert jobs(folder)["build_graph"] == 1
    snakemake(folder)
    assert jobs(folder) == {}
    changed = {name for name, when in started(folder).items() if before[name] != when}
    (name,) = changed
    (cell, _) = json.loads((folder / GRAPHS / name).read_text())["cells"]
    assert cell["failed_before"].startswith("failed: ")


@pytest.mark.slow
def test_a_study_of_eager_variants_builds_no_graphs(folder):
    edit(folder / "config/devices/cpu.yaml", {"variants": ["fp32-eager", "bf16-eager"]})
    assert "build_graph" not in jobs(folder)
    assert jobs(folder, "--forceall", "graphs") in ({}, {"graphs": 1})


def pictures(folder, count):
    """Write images of noise, all of one class."""
    noise = np.random.default_rng(0).integers(0, 256, (count, 48, 48, 3), dtype=np.uint8)
    (folder / "pictures/n01440764").mkdir(parents=True)
    for number, pixels in enumerate(noise):
        Image.fromarray(pixels).save(folder / f"pictures/n01440764/{number}.png")


@pytest.mark.slow
@pytest.mark.parametrize(("count", "status"), [(100, "ok"), (20, "failed")])
def test_int8_is_calibrated_with_the_users_images_if_there_are_enough(count, status, tmp_path):
    folder = project(tmp_path)
    (folder / "nets.py").write_text(NETWORKS)
    pictures(folder, count)
    dataset = {"name": "folder", "path": "pictures"}
    models = ["mine:nets.py:plain"]
    edit(folder / "params.yaml", {"models": models, "latency": {"rounds": 1}, "dataset": dataset})
    variants = ["fp32-eager", "int8-onnxruntime"]
    edit(folder / "config/devices/cpu.yaml", {"variants": variants, "batch_sizes": [1]})
    snakemake(folder)
    for variant in variants:
        path = folder / "results/cpu" / variant
        lines = read_lines(path / "latency/round-1.jsonl", LatencyLine)
        (memory,) = (path / "memory").glob("*.json")
        (cell,) = read_json(memory, MemoryRecord).cells
        expected = "ok" if variant == "fp32-eager" else status
        assert {one.status for one in (*lines, cell)} == {expected}
        if expected == "failed":
            said = "of 20 would calibrate the network, and 16 are needed."
            assert all(said in one.message for one in (*lines, cell))
        elif variant != "fp32-eager":
            assert all(line.agreement.kernel_difference is not None for line in lines)
            assert cell.activations_mib is None
    (record,) = (folder / "resources/graphs/onnx-int8").glob("*plain*.json")
    (graph,) = read_json(record, GraphRecord).cells
    assert graph.status == status
    assert graph.settings.get("calibration_images") == (16 if status == "ok" else None)
    jobs_left = jobs(folder)
    assert jobs_left == {} if status == "ok" else jobs_left["build_graph"] == 1
