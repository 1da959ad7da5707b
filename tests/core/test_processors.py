"""The processors of a process, before and after the OpenMP runtime binds it."""

import importlib.util
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from dnnbench.core import processors

BINDING = [
    {"OMP_PROC_BIND": "close"},
    {"OMP_PROC_BIND": "master"},
    {"OMP_PLACES": "cores"},
    {"GOMP_CPU_AFFINITY": "0"},
]
needs_two = pytest.mark.skipif(
    len(os.sched_getaffinity(0)) < 2, reason="needs at least two processors"
)


@needs_two
@pytest.mark.parametrize("variables", BINDING, ids=lambda one: "=".join(*one.items()))
def test_processors_that_openmp_takes_away_are_restored(variables):
    # Load only the runtime, because importing torch takes seconds.
    torch = importlib.util.find_spec("torch")
    (runtime,) = (Path(torch.origin).parent / "lib").glob("libgomp*.so*")
    code = f"""
        import ctypes, os
        from dnnbench.core import processors
        before = os.sched_getaffinity(0)
        ctypes.CDLL({str(runtime)!r})
        print(len(os.sched_getaffinity(0)) < len(before), processors.given() == before)
        processors.restore()
        print(os.sched_getaffinity(0) == before)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env=os.environ | variables,
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == ["True", "True", "True"], done.stderr


@pytest.mark.parametrize(
    ("text", "cpus"),
    [("0-3,8", {0, 1, 2, 3, 8}), ("5", {5}), ("", set()), ("0,2-3", {0, 2, 3})],
)
def test_processors_are_listed_in_kernel_format(text, cpus):
    assert processors.numbers(text) == cpus
    assert processors.listed(cpus) == text


@pytest.mark.parametrize("text", ["none", "3-", "a-b", "-1", "\n"])
def test_a_malformed_list_has_no_processors(text):
    assert processors.numbers(text) == set()
