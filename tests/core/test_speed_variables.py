"""Environment variables that change speed."""

import hashlib
import re
import subprocess
import sys

import pytest
from helpers.paths import ROOT

from dnnbench.core import speed_variables
from dnnbench.core.speed_variables import found

SPEED = {
    "ATEN_CPU_CAPABILITY": "default",
    "CUDA_LAUNCH_BLOCKING": "1",
    "DNNL_MAX_CPU_ISA": "SSE41",
    "FBGEMM_FORCE_AUTOVEC": "1",
    "GLIBC_TUNABLES": "glibc.malloc.trim_threshold=0",
    "GOMP_CPU_AFFINITY": "0",
    "KMP_BLOCKTIME": "0",
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_CONF": "narenas:1",
    "MKL_CBWR": "COMPATIBLE",
    "NVIDIA_TF32_OVERRIDE": "1",
    "OMP_PROC_BIND": "close",
    "OMP_THREAD_LIMIT": "1",
    "ONEDNN_DEFAULT_FPMATH_MODE": "BF16",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "PYTHONMALLOC": "debug",
    "OPENBLAS_CORETYPE": "Prescott",
    "PYTORCH_ALLOC_CONF": "max_split_size_mb:64",
    "TORCHINDUCTOR_MAX_AUTOTUNE": "1",
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE": "1",
}
OTHERS = {
    # Set by NVIDIA's container images, by conda, and by torch and scikit-learn when imported.
    "CUDA_HOME": "/usr/local/cuda",
    "CUDA_VERSION": "12.6",
    "CUDA_VISIBLE_DEVICES": "1",
    "CUDNN_VERSION": "9",
    "KMP_DUPLICATE_LIB_OK": "True",
    "KMP_INIT_AT_FORK": "FALSE",
    "LANG": "C",
    "NVIDIA_DRIVER_CAPABILITIES": "compute",
    "NVIDIA_REQUIRE_CUDA": "cuda>=9",
    "NVIDIA_VISIBLE_DEVICES": "all",
    "OMP_DISPLAY_ENV": "true",
    "PATH": "/bin",
    "PYTORCH_NVML_BASED_CUDA_CHECK": "1",
    "PYTORCH_VERSION": "2.9",
    "TORCHINDUCTOR_CACHE_DIR": "/var/cache",
    "TORCH_CUDA_ARCH_LIST": "9.0",
    "TORCH_HOME": "/home/me",
}


def test_variables_that_change_speed_are_found_by_prefix():
    assert found(SPEED | OTHERS) == SPEED


@pytest.mark.parametrize("value", ["", " "])
def test_an_empty_variable_counts_as_not_set(value):
    assert found({"OMP_PROC_BIND": value}) == {}


def test_any_value_is_recorded_as_one_line_of_ascii():
    assert found({"MKL_X": "a\n\x1b[1m\udcffü"}) == {"MKL_X": r"a\n\x1b[1m\udcff\xfc"}


def test_a_preloaded_library_is_recorded_with_its_hash(tmp_path):
    library = tmp_path / "libjemalloc.so"
    library.write_bytes(b"an allocator")
    digest = hashlib.sha256(b"an allocator").hexdigest()[:12]
    # The loader accepts colons and blanks as separators.
    assert found({"LD_PRELOAD": f"{library}:libm.so /none.so"}) == {
        "LD_PRELOAD": f"{library} (sha256 {digest}) libm.so /none.so"
    }


def test_variables_set_by_dnnbench_are_not_recorded(monkeypatch):
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    monkeypatch.setattr(speed_variables, "_ours", {})
    monkeypatch.setenv("THP_MEM_ALLOC_ENABLE", "0")
    for name in ("OMP_WAIT_POLICY", "THP_MEM_ALLOC_ENABLE"):
        speed_variables.default(name, "PASSIVE")
    seen = found()
    assert "OMP_WAIT_POLICY" not in seen
    assert seen["THP_MEM_ALLOC_ENABLE"] == "0"


@pytest.mark.parametrize(
    "package", ["nncf", "onnx", "onnxruntime", "openvino", "scipy.io", "torch"]
)
def test_importing_a_library_changes_no_fingerprint(package):
    pytest.importorskip(package, reason=f"needs {package}")
    code = f"""
from dnnbench.core import speed_variables
before = speed_variables.found()
import {package}
assert speed_variables.found() == before, speed_variables.found()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_job_of_snakemake_gets_the_variables_of_the_user():
    command = f"{speed_variables.as_before_snakemake({'MKL_NUM_THREADS': 'a b'})} env"
    jobs = {"OMP_NUM_THREADS": "2", "MKL_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"}
    done = subprocess.run(["bash", "-c", command], env=jobs, capture_output=True, text=True)
    lines = [line for line in done.stdout.splitlines() if "_NUM_THREADS" in line]
    assert lines == ["MKL_NUM_THREADS=a b"]


def test_the_documentation_lists_every_prefix():
    text = (ROOT / "docs/reference/reruns.md").read_text()
    for group in speed_variables.PREFIXES.values():
        for prefix in group:
            assert re.search(rf"`{prefix}", text), prefix
