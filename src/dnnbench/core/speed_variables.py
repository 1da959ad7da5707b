"""Environment variables that change the speed or the output of a network.

A number measured with such a variable set is not comparable with others. Records and fingerprints
therefore contain the variables, ``dnnbench check`` names them, and ``dnnbench compare`` lists how
they differ between two runs. Prefixes identify them, because new versions of libraries add more.
docs/reference/reruns.md lists the prefixes.
"""

import os
import re
import shlex
from collections.abc import Mapping
from pathlib import Path

from dnnbench.core.checksums import sha256

PREFIXES: Mapping[str, tuple[str, ...]] = {
    "OpenMP": ("OMP_", "GOMP_", "KMP_", "LIBOMP_"),
    "oneDNN": ("ONEDNN_", "DNNL_", "MKLDNN_"),
    "matrix products": ("MKL_", "OPENBLAS_", "GOTO_", "BLIS_", "ARMPL_", "VECLIB_"),
    "torch": (
        *("ATEN_", "TORCH_", "TORCHINDUCTOR_", "TORCHDYNAMO_", "PYTORCH_", "TRITON_", "LRU_"),
        *("AOT_", "AOTI_", "INDUCTOR_", "FBGEMM_", "DISABLE_ADDMM_CUDA_LT"),
    ),
    "engines": ("ORT_", "ONNXRUNTIME_", "OV_", "OPENVINO_", "TBB_", "HWLOC_", "XNNPACK_"),
    "memory": (
        *("MALLOC_", "_RJEM_MALLOC_", "JE_MALLOC_", "JEMALLOC_", "TCMALLOC_", "MIMALLOC_"),
        *("THP_", "HUGETLB_", "PYTHONMALLOC"),
    ),
    "the loader": ("GLIBC_TUNABLES", "LD_PRELOAD", "LD_AUDIT", "LD_BIND_NOW"),
    "NVIDIA": ("CUDA_", "CUBLAS_", "CUBLASLT_", "CUDNN_", "NVIDIA_", "NVFUSER_", "NVRTC_"),
}
# Variables for paths, versions, logging and the choice of a card. They do not affect speed, or the
# record has them elsewhere. Importing threadpoolctl or scikit-learn sets the last two: they decide
# whether a second OpenMP runtime, or one after a fork, is an error.
_OTHERS = re.compile(
    r".*_(ARCH_LIST|DEVICES|DEVICE_ORDER|DIRS?|DRIVER_CAPABILITIES|HOME|LOGS?|PATHS?|ROOT|VERSION)"
    r"|(OMP|KMP)_DISPLAY_.*|NVIDIA_(BUILD|PRODUCT|REQUIRE)_.*|TORCH_SHOW_.*"
    r"|PYTORCH_(BUILD_.*|NVML_BASED_CUDA_CHECK)|KMP_(DUPLICATE_LIB_OK|INIT_AT_FORK)"
)
# Latency records have a field for it; memory and accuracy do not depend on it.
WAIT_POLICY = "OMP_WAIT_POLICY"
# Snakemake overwrites these in every job with the job's number of threads.
_SNAKEMAKES = (
    *("OMP_NUM_THREADS", "GOTO_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"),
    *("VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS"),
)
_ours: dict[str, str] = {}


def found(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the variables that the user has set, by name.

    Variables that dnnbench has set are left out. In the value of LD_PRELOAD, each file path is
    followed by the file's SHA-256.
    """
    prefixes = tuple(prefix for group in PREFIXES.values() for prefix in group)
    seen = {
        # Escaped, so that any value is one line of ASCII.
        name: value.strip().encode("unicode_escape").decode()
        for name, value in sorted(environ.items())
        if name.startswith(prefixes) and not _OTHERS.fullmatch(name)
    }
    if "LD_PRELOAD" in seen:
        words = re.split(r"[\s:]+", seen["LD_PRELOAD"])
        seen["LD_PRELOAD"] = " ".join(with_digest(word, Path(word)) for word in words)
    return {name: value for name, value in seen.items() if value and _ours.get(name) != value}


def compared(variables: Mapping[str, str]) -> list[Mapping[str, str]]:
    """Return the ``found`` variables that enter a fingerprint; empty if none."""
    counted = {name: value for name, value in variables.items() if name != WAIT_POLICY}
    return [counted] if counted else []


def default(name: str, value: str) -> None:
    """Set a variable unless the user has set it.

    Records do not contain variables set here.
    """
    if name not in os.environ:
        os.environ[name] = _ours[name] = value


def leave_out(variables: Mapping[str, str]) -> None:
    """Leave variables with these values out of :func:`found`, because dnnbench has set them."""
    _ours.update(variables)


def of_user() -> dict[str, str]:
    """Return this process's environment without the variables that dnnbench has set."""
    return {name: value for name, value in os.environ.items() if _ours.get(name) != value}


def as_before_snakemake(environ: Mapping[str, str] = os.environ) -> str:
    """Return shell commands that restore the variables that Snakemake overwrites."""
    return " ".join(
        f"export {name}={shlex.quote(environ[name])};" if name in environ else f"unset {name};"
        for name in _SNAKEMAKES
    )


def with_digest(word: str, file: Path) -> str:
    """Return ``word`` followed by the SHA-256 of ``file``, if that has a folder and exists."""
    try:
        digest = sha256(file) if "/" in str(file) and file.is_file() else None
    except OSError:
        digest = None
    return f"{word} (sha256 {digest[:12]})" if digest else word
