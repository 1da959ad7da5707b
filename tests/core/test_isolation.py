import math
import os
import resource
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from dnnbench.core import isolation
from dnnbench.core.errors import DeviceError


@pytest.fixture(autouse=True)
def _prepared():
    isolation.prepare()


def run(function, *arguments, timeout_s=30, **options):
    return isolation.run(function, *arguments, timeout_s=timeout_s, **options)


def test_a_result_comes_back_from_another_process():
    outcome = run(lambda number: (number + 1, os.getpid()), 41)
    assert outcome.status == "ok"
    assert outcome.message is None
    assert outcome.value[0] == 42
    assert outcome.value[1] != os.getpid()


def test_a_large_result_comes_back_whole():
    assert run(lambda: bytes(8 * 2**20)).value == bytes(8 * 2**20)


def test_an_exception_is_a_failure_with_its_message(capfd):
    def broken():
        raise KeyError("no such layer")

    outcome = run(broken)
    assert (outcome.status, outcome.value) == ("failed", None)
    assert "KeyError" in outcome.message
    assert "no such layer" in outcome.message
    assert "in broken" in capfd.readouterr().err  # The traceback goes to the log.


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL, signal.SIGABRT])
def test_a_child_that_dies_of_a_signal_is_a_failure(number):
    outcome = run(lambda: os.kill(os.getpid(), number))
    assert (outcome.status, outcome.message) == ("failed", f"killed by {number.name}")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_child_that_someone_stopped_is_run_once_more(number, tmp_path, capfd):
    tries = tmp_path / "tries"

    def measured():
        with tries.open("a") as file:
            file.write("x")
        if tries.stat().st_size == 1:
            os.kill(os.getpid(), number)
        return "measured"

    assert run(measured).value == "measured"
    assert f"killed by {number.name}: once more" in capfd.readouterr().err


def test_a_child_that_breaks_is_not_run_again(tmp_path):
    tries = tmp_path / "tries"

    def broken():
        with tries.open("a") as file:
            file.write("x")
        os.kill(os.getpid(), signal.SIGSEGV)

    assert run(broken).status == "failed"
    assert tries.read_text() == "x"


def test_a_child_that_exits_without_an_answer_is_a_failure():
    outcome = run(lambda: os._exit(7))
    assert outcome.status == "failed"
    assert "code 7" in outcome.message


def test_a_child_that_hangs_is_killed_and_the_next_one_runs():
    pids = isolation.multiprocessing.get_context("fork").Queue()

    def hang():
        pids.put(os.getpid())
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(600)

    outcome = run(hang, timeout_s=0.5)
    assert (outcome.status, outcome.message) == ("timeout", "took longer than 0.5 s")
    with pytest.raises(ProcessLookupError):
        os.kill(pids.get(timeout=5), 0)
    assert run(lambda: "next").value == "next"


def test_a_tensor_that_cannot_be_allocated_is_out_of_memory():
    import torch

    outcome = run(lambda: torch.empty(2**44))
    assert outcome.status == "oom"
    assert "allocate" in outcome.message


def test_memory_beyond_the_limit_is_out_of_memory_not_a_killed_machine():
    import torch

    def fill():
        return [torch.ones(2**24) for _ in range(64)]  # 4 GiB in pieces of 64 MiB.

    assert run(fill, memory_mib=512).status == "oom"
    assert run(lambda: bytearray(2**30), memory_mib=512).status == "oom"
    assert run(lambda: len(bytearray(2**28)), memory_mib=512).value == 2**28


def test_a_limit_of_infinity_is_none():
    def limits():
        return resource.getrlimit(resource.RLIMIT_DATA)

    before = limits()
    assert run(limits, memory_mib=math.inf).value == before
    assert run(limits, memory_mib=512).value != before


def test_a_device_that_is_gone_is_no_status_of_the_function():
    def gone():
        raise DeviceError("GPU-1: the card is lost; restart the machine")

    with pytest.raises(DeviceError, match="GPU-1: the card is lost"):
        run(gone)
    assert run(lambda: "next").value == "next"


def test_threads_run_in_the_child():
    import torch

    def multiply():
        torch.set_num_threads(2)
        return torch.ones(512, 512).mm(torch.ones(512, 512)).sum().item()

    assert run(multiply).value == 512**3


def test_a_child_does_not_outlive_a_killed_parent():
    code = """
        import os, time
        from dnnbench.core import isolation
        isolation.prepare()
        def child():
            print(os.getpid(), flush=True)
            time.sleep(600)
        isolation.run(child, timeout_s=600)
    """
    parent = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, text=True
    )
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and _running(child):
        time.sleep(0.05)
    assert not _running(child)


def _running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False
