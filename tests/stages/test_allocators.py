"""Allocators: names, environments, and their effect in the measuring process."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import forks
from helpers.paths import ROOT

from dnnbench.config import allocators, variants
from dnnbench.config.allocators import ALLOCATORS
from dnnbench.core import speed_variables
from dnnbench.core.errors import UserError
from dnnbench.core.storage import read_json, read_lines
from dnnbench.records.latency_records import LatencyLine
from dnnbench.records.memory_records import MemoryRecord

# One convolution whose output has 98 MiB, far more than glibc keeps by default.
NETWORK = """\
import torch

DNNBENCH = {"name": "Wide", "input_size": 224}


def wide():
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 512, 3, padding=1),
        torch.nn.ReLU(),
        torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(),
        torch.nn.Linear(512, 1000),
    )
"""
PAGES_OF_OUTPUT = 512 * 224 * 224 * 4 // 4096


def installed(name: str) -> object:
    problem = ALLOCATORS[name].problem()
    reason = problem or ""
    return pytest.param(name, marks=pytest.mark.skipif(problem is not None, reason=reason))


@pytest.fixture
def stage(tmp_path: Path) -> Callable[..., tuple[int, str]]:
    """Return a function that runs a stage on the network, and returns exit code and output."""
    (tmp_path / "wide.py").write_text(NETWORK)
    # A separate lock, so that no other measurement on this machine delays the tests.
    own = {"PYTHONPATH": str(ROOT / "src"), "XDG_STATE_HOME": str(tmp_path)}

    def run(script: str, variant: str, *words: str, **variables: str) -> tuple[int, str]:
        command = ["python", f"workflow/scripts/{script}.py", f"mine:{tmp_path}/wide.py:wide"]
        command += ["--profile", "cpu", "--config", "batch_sizes=[1]", "--variant", variant]
        return forks.run([*command, *words], ROOT, os.environ | own | variables)

    return run


@pytest.fixture
def timed(stage: Callable[..., tuple[int, str]], tmp_path: Path) -> Callable[[str], LatencyLine]:
    def run(variant: str) -> LatencyLine:
        file = tmp_path / f"{variant}.jsonl"
        code, said = stage("latency", variant, "--output", str(file))
        assert code == 0, said
        line, *_ = read_lines(file, LatencyLine)
        assert line.status == "ok", line.message
        return line

    return run


def test_the_environment_of_a_variant_is_named_as_a_shell_writes_it() -> None:
    kept = "MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=-1"
    assert variants.environment("fp32-eager-kept") == kept
    assert variants.environment("bf16-eager-kept-threads2") == kept
    assert variants.environment("fp32-eager") == ""


def test_the_how_to_lists_the_environment_of_every_allocator() -> None:
    page = (ROOT / "docs/how-to/choose-variants.md").read_text()
    for name in ALLOCATORS:
        assert f"| `{name}` | `{variants.environment(f'fp32-eager-{name}')}` |" in page


def test_a_kept_heap_has_no_page_faults(timed: Callable[[str], LatencyLine]) -> None:
    default, kept = timed("fp32-eager"), timed("fp32-eager-kept")
    assert default.page_faults is not None and kept.page_faults is not None
    assert default.page_faults > 0.9 * PAGES_OF_OUTPUT
    assert kept.page_faults < 0.1 * PAGES_OF_OUTPUT
    assert kept.allocator == ALLOCATORS["kept"].environment
    assert kept.variables == default.variables
    assert kept.fingerprint != default.fingerprint


def test_memory_is_measured_with_the_allocator(stage, tmp_path: Path) -> None:
    found = []
    for variant in ("fp32-eager", "fp32-eager-kept"):
        code, said = stage("memory", variant, "--output-dir", str(tmp_path / variant))
        assert code == 0, said
        (file,) = (tmp_path / variant).glob("*.json")
        record = read_json(file, MemoryRecord)
        (cell,) = record.cells
        assert cell.status == "ok", cell.message
        assert record.allocator == (ALLOCATORS["kept"].environment if found else {})
        found.append(cell)
    default, kept = found
    # Kept memory counts; the memory of the libraries does not, with either allocator.
    assert 0.95 * default.memory_mib < kept.memory_mib < 2 * default.memory_mib


@pytest.mark.parametrize("name", [installed("tcmalloc"), installed("jemalloc")])
def test_a_preloaded_allocator_is_recorded_with_its_hash(timed, name: str) -> None:
    line = timed(f"fp32-eager-{name}")
    library = ALLOCATORS[name].library
    assert line.allocator["LD_PRELOAD"].startswith(f"{library} (sha256 ")
    assert "LD_PRELOAD" not in line.variables
    assert line.page_faults is not None and line.page_faults < 0.1 * PAGES_OF_OUTPUT


@pytest.mark.parametrize(
    ("variable", "value"), [("LD_PRELOAD", "libm.so.6"), ("MALLOC_ARENA_MAX", "1")]
)
def test_an_allocator_in_the_users_environment_is_reported_before_anything_runs(
    stage, tmp_path: Path, variable: str, value: str
) -> None:
    file = tmp_path / "round.jsonl"
    code, said = stage("latency", "fp32-eager-kept", "--output", str(file), **{variable: value})
    assert code != 0
    assert said.strip() == (
        "latency.py: variants: 'fp32-eager-kept': sets the allocator itself, but"
        f" {variable}={value} is set in your environment. Run: unset {variable}"
    )
    assert not file.exists()


def test_a_missing_library_is_reported_with_its_package(monkeypatch) -> None:
    monkeypatch.setattr(allocators, "_is_installed", lambda library: False)
    monkeypatch.setattr(speed_variables, "found", dict)
    with pytest.raises(UserError) as raised:
        variants.require(["fp32-eager", "fp32-eager-jemalloc"])
    assert str(raised.value) == (
        "variants: 'fp32-eager-jemalloc': libjemalloc.so.2 is not installed."
        " Run: apt-get install libjemalloc2"
    )


def test_without_glibc_no_allocator_can_be_chosen(monkeypatch) -> None:
    monkeypatch.setattr("platform.libc_ver", lambda: ("", ""))
    with pytest.raises(UserError, match="only be chosen on Linux with glibc"):
        variants.require(["fp32-eager-kept"])


@pytest.mark.parametrize(
    ("name", "backend", "said"),
    [
        ("fp32-eager-kept", "cuda", "only be chosen on backend cpu, not cuda. Write fp32-eager."),
        (
            "fp32-openvino-hugepages",
            "cpu",
            "does not allocate with torch. Write fp32-openvino-kept",
        ),
        ("fp32-eager-kep", "cpu", "Did you mean 'fp32-eager-kept'?"),
    ],
)
def test_an_impossible_allocator_is_reported_with_an_alternative(name, backend, said) -> None:
    with pytest.raises(UserError) as raised:
        variants.check(name, backend)
    assert said in str(raised.value)


def test_a_variant_has_the_accuracy_of_the_one_that_computes_the_same(stage) -> None:
    assert variants.parse("bf16-eager-channels_last-kept-threads2").computes == (
        "bf16-eager-channels_last"
    )
    assert variants.parse("fp32-eager-kept").is_reference
    code, said = stage("accuracy", "fp32-eager-kept", "--config", "dataset={name: imagenette}")
    assert code != 0
    assert said.strip() == (
        "accuracy.py: --variant: 'fp32-eager-kept': has the accuracy of fp32-eager. Measure that"
        " instead."
    )
