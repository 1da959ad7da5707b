"""What a measured number depends on: the code that produces it, and nothing else."""

from pathlib import Path

import pytest
from helpers.paths import ROOT

from dnnbench.measure import fingerprint, latency, memory

PACKAGE = ROOT / "src/dnnbench"
BUILDING = {"networks/builders.py", "networks/construction.py", "networks/random_weights.py"}
ON_CPU = {"core/isolation.py", "devices/backends.py", "devices/cpu.py", "devices/host.py"}
EAGER = {"engines/preparation.py", "engines/casting.py", "engines/eager.py"}


def covered(measuring, backend, engine):
    files = fingerprint.measuring_code(Path(measuring.__file__), backend, engine)
    return {str(file.relative_to(PACKAGE)) for file in files}


def test_a_cpu_timing_covers_the_passes_the_processor_the_engine_and_the_building():
    assert covered(latency, "cpu", "eager") == {
        "measure/latency.py",
        "engines/agreement.py",
        "networks/outputs.py",
        *BUILDING,
        *ON_CPU,
        *EAGER,
    }


def test_memory_of_a_cpu_covers_what_counts_activations_too():
    network = {"networks/counting.py", "networks/outputs.py", *BUILDING}
    expected = {"measure/memory.py", *network, *ON_CPU, *EAGER}
    assert covered(memory, "cpu", "eager") == expected


@pytest.mark.parametrize("measuring", [latency, memory])
@pytest.mark.parametrize("engine", ["eager", "compile", "onnxruntime", "openvino"])
def test_a_number_covers_the_module_of_no_other_engine(measuring, engine):
    modules = {f"engines/{name}.py" for name in ("eager", "compile", "onnxruntime", "openvino")}
    assert covered(measuring, "cpu", engine) & modules == {f"engines/{engine}.py"}


@pytest.mark.parametrize("measuring", [latency, memory])
@pytest.mark.parametrize("backend", ["cpu", "cuda", "jetson"])
def test_a_number_covers_the_module_of_no_other_backend(measuring, backend):
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
def test_a_stage_depends_on_the_chosen_backend_and_engine_and_on_no_judgment(
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
def test_a_stage_depends_on_the_shape_of_no_other_stages_record(stage, monkeypatch):
    monkeypatch.chdir(ROOT)
    variant = "fp32-eager" if stage in ("memory", "latency") else None
    found = fingerprint.stage_code(f"workflow/scripts/{stage}.py", "cpu", variant)
    shapes = {f"src/dnnbench/records/{name}_records.py" for name in ("memory", "latency")}
    shapes |= {f"src/dnnbench/records/{name}_records.py" for name in ("accuracy", "environment")}
    assert shapes & set(found) == {f"src/dnnbench/records/{stage}_records.py"}
