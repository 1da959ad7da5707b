"""The check that as many threads run at once as a record claims."""

import importlib.util
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from dnnbench.core import isolation
from dnnbench.core.errors import DeviceError
from dnnbench.devices import usable_cores
from dnnbench.devices.cpu import Cpu

needs_two = pytest.mark.skipif(
    len(os.sched_getaffinity(0)) < 2, reason="two threads cannot run at once"
)


@pytest.mark.parametrize(
    ("masks", "usable"),
    [
        ([], 0),
        ([{0, 1}, {0, 1}], 2),
        ([{0}, {0}], 1),
        ([{0, 1}, {0}], 2),
        ([{0}, {0}, {0, 1, 2, 3}, {3}], 3),
        # Each thread but the first displaces an earlier one.
        ([{0, 1}, {0, 2}, {0}], 3),
        ([{0, 1}] * 5, 2),
    ],
)
def test_the_number_of_threads_that_can_run_at_once(masks, usable):
    assert usable_cores.at_once(map(frozenset, masks)) == usable


def start(variables, prepare):
    """Return the result of a check of two threads with these variables."""
    code = f"""
        from dnnbench.core import isolation, processors
        from dnnbench.devices import usable_cores
        from dnnbench.devices.cpu import Cpu
        {prepare}
        try:
            isolation.run(work, timeout_s=60)
            print("well")
        except Exception as error:
            print(type(error).__name__, error)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env=os.environ | variables,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip() or done.stderr


# Only the OpenMP runtime that torch uses: importing torch takes seconds.
(GOMP,) = Path(importlib.util.find_spec("torch").origin).parent.glob("lib/libgomp*.so*")
WITH_RUNTIME = f"""import ctypes
        gomp = ctypes.CDLL({str(GOMP)!r}, ctypes.RTLD_GLOBAL)
        def work():
            gomp.omp_set_num_threads(2)
            usable_cores.check(2)"""
WITH_TORCH = """isolation.prepare()
        def work():
            Cpu().start(2)"""
CLOSE = {"OMP_PROC_BIND": "close", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


@needs_two
@pytest.mark.parametrize(
    ("variables", "prepare"),
    [
        (CLOSE, WITH_RUNTIME),
        ({"GOMP_CPU_AFFINITY": "0"}, WITH_RUNTIME),
        ({"OMP_PLACES": "{0}", "OMP_PROC_BIND": "true"}, WITH_RUNTIME),
        pytest.param(CLOSE, WITH_TORCH, marks=pytest.mark.slow),  # Slower than those above.
        pytest.param({"OMP_PROC_BIND": "master"}, WITH_TORCH, marks=pytest.mark.slow),
    ],
)
def test_threads_that_each_have_a_core_pass_the_check(variables, prepare):
    assert start(variables, prepare) == "well"


@needs_two
@pytest.mark.parametrize(
    ("variable", "prepare"),
    [
        ("OMP_THREAD_LIMIT=1", WITH_RUNTIME),
        ("OMP_MAX_ACTIVE_LEVELS=0", WITH_RUNTIME),
        pytest.param("OMP_THREAD_LIMIT=1", WITH_TORCH, marks=pytest.mark.slow),
    ],
)
def test_a_thread_limit_ends_the_run_with_one_line_that_names_it(variable, prepare):
    said = start(dict([variable.split("=")]), prepare)
    assert said == (
        f"DeviceError threads: 2: only 1 of torch's threads can run at once ({variable}). Unset"
        " variables that limit or bind threads, or set threads: 1 in the device file."
    )


def test_more_threads_than_processors_end_the_run_with_one_line():
    count = len(os.sched_getaffinity(0)) + 1
    with pytest.raises(DeviceError, match=rf"^threads: {count}: this process may use only "):
        isolation.run(Cpu().start, count, timeout_s=60)


@needs_two
@pytest.mark.parametrize("shared", [True, False])
def test_engine_threads_that_share_a_core_are_detected_by_their_work(shared):
    cpus = sorted(os.sched_getaffinity(0))[:2]
    code = f"""
        import os, threading, time, zlib
        from dnnbench.devices import usable_cores
        before = usable_cores.work_ns()
        def work(cpu):
            os.sched_setaffinity(0, {{cpu}})
            end = time.perf_counter() + 0.5
            while time.perf_counter() < end:
                zlib.crc32(bytes(10**6))
            done.wait()
        done = threading.Barrier(3)
        for cpu in {[cpus[0], cpus[0] if shared else cpus[1]]}:
            threading.Thread(target=work, args=[cpu], daemon=True).start()
        time.sleep(0.7)
        usable_cores.check_work(before, 2)
        os._exit(0)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True
    )
    assert ("DeviceError: threads: 2: of the 2 threads" in done.stderr) == shared, done.stderr
