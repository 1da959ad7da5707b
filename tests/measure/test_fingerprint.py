"""Fingerprints cover the code that produces a number, and no other code."""

from pathlib import Path

import pytest
from helpers.paths import ROOT

from dnnbench.measure import fingerprint, latency, memory

PACKAGE = ROOT / "src/dnnbench"
BUILDING = {"networks/builders.py", "networks/construction.py", "networks/random_weights.py"}
ON_CPU = {
    *("core/isolation.py", "devices/backends.py", "devices/cpu.py", "devices/host.py"),
    "devices/fresh_memory.py",
}
EAGER = {"engines/preparation.py", "engines/casting.py", "engines/eager.py"}


def covered(measuring, backend, engine):
    files = fingerprint.measuring_code(Path(measuring.__file__), backend, engine)
    return {str(file.relative_to(PACKAGE)) for file in files}


def test_a_cpu_latency_depends_on_passes_backend_engine_and_construction():
    assert covered(latency, "cpu", "eager") == {
        "measure/latency.py",
        "devices/priority.py",
        "engines/agreement.py",
        "networks/outputs.py",
        *BUILDING,
        *ON_CPU,
        *EAGER,
    }


def test_memory_on_a_cpu_also_depends_on_the_counting_of_activations():
    network = {"networks/counting.py", "networks/outputs.py", *BUILDING}
    expected = {"measure/memory.py", "devices/priority.py", *network, *ON_CPU, *EAGER}
    assert covered(memory, "cpu", "eager") == expected


@pytest.mark.parametrize("measuring", [latency, memory])
@pytest.mark.parametrize("engine", ["eager", "compile", "onnxruntime", "openvino"])
def test_a_measurement_does_not_depend_on_other_engines(measuring, engine):
    modules = {f"engines/{name}.py" for name in ("eager", "compile", "onnxruntime", "openvino")}
    assert covered(measuring, "cpu", engine) & modules == {f"engines/{engine}.py"}


@pytest.mark.parametrize("measuring", [latency, memory])
@pytest.mark.parametrize("backend", ["cpu", "cuda", "jetson"])
def test_a_measurement_does_not_depend_on_other_backends(measuring, backend):
    modules = {f"devices/{name}.py" for name in ("cpu", "cuda", "jetson")}
    found = covered(measuring, backend, "eager")
    assert found & modules == {f"devices/{backend}.py"}
    assert not any(file.startswith(("stats/", "config/", "records/")) for file in found)


@pytest.mark.parametrize(
    ("stage", "variant", "engine"),
    [
        ("memory", "fp32-eager", "eager"),
        ("latency", "bf16-compile", "compile"),
        ("accuracy", None, None),
        ("environment", None, None),
    ],
)
def test_a_stage_depends_on_its_backend_and_engine_but_not_on_verdicts(
    stage, variant, engine, monkeypatch
):
    monkeypatch.chdir(ROOT)
    script = f"workflow/scripts/{stage}.py"
    found = set(fingerprint.stage_code(script, "cpu", variant))
    engines = {f"src/dnnbench/engines/{name}.py" for name in ("eager", "compile", "openvino")}
    assert "src/dnnbench/devices/cpu.py" in found
    assert not found & {"src/dnnbench/devices/cuda.py", "src/dnnbench/devices/jetson.py", script}
    assert found & engines == ({f"src/dnnbench/engines/{engine}.py"} if engine else set())
    assert "src/dnnbench/stats/disturbance.py" not in found


@pytest.mark.parametrize("stage", ["memory", "latency", "accuracy", "environment"])
def test_a_stage_does_not_depend_on_the_records_of_other_stages(stage, monkeypatch):
    monkeypatch.chdir(ROOT)
    variant = "fp32-eager" if stage in ("memory", "latency") else None
    found = fingerprint.stage_code(f"workflow/scripts/{stage}.py", "cpu", variant)
    shapes = {f"src/dnnbench/records/{name}_records.py" for name in ("memory", "latency")}
    shapes |= {f"src/dnnbench/records/{name}_records.py" for name in ("accuracy", "environment")}
    read = {stage, "memory"} if stage == "latency" else {stage}  # Memory records state costs.
    assert shapes & set(found) == {f"src/dnnbench/records/{name}_records.py" for name in read}
