"""Graphs that engines read: built once, kept with hashes, and loaded by the measuring processes."""

import json

import pytest
from helpers import toys

from dnnbench.config.latency_settings import Passes
from dnnbench.core import isolation
from dnnbench.core.storage import RecordError
from dnnbench.devices.backends import Setup
from dnnbench.engines import onnx_export
from dnnbench.measure import graphs, latency, memory

PASSES = Passes(rounds=1, discard=1, samples=(1, 1), one_process="cell")
NORMED = toys.entry("normed")


@pytest.fixture(scope="module", autouse=True)
def _prepared():
    graphs.prepare(onnx_export.GRAPH, [])


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """Return a folder with the graphs of a toy network at two batch sizes."""
    folder = tmp_path_factory.mktemp("graphs")
    graphs.update(onnx_export.GRAPH, NORMED, [1, 2], folder, retry=True)
    return folder


@pytest.fixture
def folder(first, tmp_path):
    """Return a copy of that folder."""
    for file in (first / "onnx").iterdir():
        (tmp_path / "onnx").mkdir(exist_ok=True)
        (tmp_path / "onnx" / file.name).write_bytes(file.read_bytes())
    return tmp_path


def update(folder, network=NORMED, batch_sizes=(1, 2), retry=True):
    return graphs.update(onnx_export.GRAPH, network, batch_sizes, folder, retry=retry)


def content(folder):
    return {file.name: file.read_bytes() for file in (folder / "onnx").iterdir()}


def built(monkeypatch):
    """Count, from now on, the graphs that are built; return their batch sizes."""
    sizes = []
    original = graphs._build

    def build(graph, network, batch_size, *rest):
        sizes.append(batch_size)
        return original(graph, network, batch_size, *rest)

    monkeypatch.setattr(graphs, "_build", build)
    return sizes


def test_a_rerun_builds_nothing_and_leaves_the_files_as_they_are(folder, monkeypatch):
    before, sizes = content(folder), built(monkeypatch)
    update(folder)
    assert sizes == []
    assert content(folder) == before


def test_another_batch_size_builds_only_its_graph_and_shares_the_weights(folder, monkeypatch):
    sizes = built(monkeypatch)
    record = update(folder, batch_sizes=(1, 2, 4))
    assert sizes == [4]
    assert [cell.status for cell in record.cells] == ["ok"] * 3
    weights = {tuple(cell.files)[1] for cell in record.cells}
    assert len(weights) == 1
    assert len({next(iter(cell.files)) for cell in record.cells}) == 3


@pytest.mark.parametrize("suffix", [".onnx", ".weights"])
def test_a_corrupt_file_is_built_again_with_one_line(suffix, folder, monkeypatch, capfd):
    before, sizes = content(folder), built(monkeypatch)
    file = next(file for file in (folder / "onnx").iterdir() if file.suffix == suffix)
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    update(folder)
    assert sizes
    assert content(folder) == before  # The record too: its jobs do not run again.
    lines = capfd.readouterr().err.splitlines()
    assert f"{file}: corrupt: its SHA-256 is not the recorded one. It is built again." in lines


def test_a_missing_file_is_built_again(folder):
    before = content(folder)
    next(file for file in (folder / "onnx").iterdir() if file.suffix == ".weights").unlink()
    update(folder)
    assert content(folder) == before


def test_a_changed_network_replaces_its_graphs(folder):
    before = content(folder).keys()
    record = update(folder, NORMED.model_copy(update={"input_size": 48}))
    names = {name for cell in record.cells for name in cell.files}
    assert {file.name for file in (folder / "onnx").iterdir()} == {*names, "normed.json"}
    assert len(names & before) == 1  # The weights, which do not depend on the input.


def test_the_identity_depends_on_network_batch_size_and_versions(monkeypatch):
    def identity(network=NORMED, batch_size=1):
        return graphs.identity(onnx_export.GRAPH, network, batch_size)

    first = identity()
    assert identity() == first
    assert identity(batch_size=2) != first
    assert identity(toys.entry("small")) != first
    assert identity(NORMED.model_copy(update={"input_size": 48})) != first
    monkeypatch.setattr(graphs, "exporter", lambda *_: "torch 99")
    assert identity() != first


def test_a_damaged_record_is_an_error_of_one_line(folder):
    (folder / "onnx/normed.json").write_text("{")
    with pytest.raises(RecordError, match=r"onnx/normed\.json: "):
        update(folder)


def test_a_graph_that_cannot_be_exported_has_a_reason_and_is_retried_once(tmp_path, monkeypatch):
    network = toys.entry("branching")
    (cell,) = update(tmp_path, network, [1]).cells
    assert cell.status == "failed"
    assert "Could not guard on data-dependent expression" in cell.message
    sizes = built(monkeypatch)
    update(tmp_path, network, [1], retry=False)
    assert sizes == []
    (again,) = update(tmp_path, network, [1]).cells
    assert again.failed_before.startswith("failed: ")
    update(tmp_path, network, [1])
    assert sizes == [1]


def test_only_variants_of_engines_with_graphs_have_any(folder):
    assert graphs.ready("fp32-eager", [NORMED], [1], folder=folder) == graphs.BuiltGraphs()
    assert graphs.ready("fp32-compile", [NORMED], [1], folder=folder) == graphs.BuiltGraphs()
    found = graphs.ready("fp32-onnxruntime", [NORMED], [1, 2], folder=folder)
    assert found == graphs.ready("fp32-openvino", [NORMED], [1, 2], folder=folder)
    assert found.files("normed").keys() == {1, 2}
    assert found.convolution().is_file()


@pytest.mark.parametrize("variant", ["fp32-onnxruntime", "fp32-openvino"])
def test_measuring_reads_the_graph_and_does_not_export(variant, folder, monkeypatch):
    found = graphs.ready(variant, [NORMED], [1, 2], folder=folder)

    def refuse(*_):
        raise AssertionError("exported")

    monkeypatch.setattr(onnx_export, "_exported", refuse)
    setup = Setup("cpu")
    arguments = (NORMED, [1, 2], PASSES, setup, 2, variant, found.files("normed"))
    outcome = isolation.run(latency.measure, *arguments, timeout_s=240)
    assert [(one.status, one.message) for one in outcome.value] == [("ok", None)] * 2
    for timing in outcome.value:
        assert timing.agreement.top1 == 100
        assert timing.agreement.largest_difference > 0
    arguments = (NORMED, 2, setup, 2, variant, found.file("normed", 2), found.convolution())
    outcome = isolation.run(memory.measure, *arguments, timeout_s=240)
    assert outcome.status == "ok", outcome.message
    weights = sum(parameter.numel() for parameter in toys.normed().state_dict().values())
    assert outcome.value["weights_mib"] == pytest.approx(weights * 4 / 2**20, rel=0.01)


def test_the_time_to_build_a_graph_is_recorded_apart(folder):
    found = graphs.ready("fp32-onnxruntime", [NORMED], [1], folder=folder)
    (cell, _) = json.loads((folder / "onnx/normed.json").read_text())["cells"]
    arguments = (NORMED, [1], PASSES, Setup("cpu"), 2, "fp32-onnxruntime", found.files("normed"))
    (timing,) = isolation.run(latency.measure, *arguments, timeout_s=240).value
    noted = found.noted(timing.built, "normed", 1)
    assert noted.graph_ms == cell["ms"]
    assert noted.graph == cell["identity"]
    assert noted.ms == timing.built.ms
    assert noted.ms < noted.graph_ms
