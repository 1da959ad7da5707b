import math
import os
import resource
import signal
import subprocess
import sys
import textwrap
import threading
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


def test_a_large_result_comes_back_complete():
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
def test_a_child_killed_by_a_signal_is_a_failure(number):
    outcome = run(lambda: os.kill(os.getpid(), number))
    assert (outcome.status, outcome.message) == ("failed", f"killed by {number.name}")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_child_stopped_by_another_process_is_run_once_more(number, tmp_path, capfd):
    tries = tmp_path / "tries"

    def measured():
        with tries.open("a") as file:
            file.write("x")
        if tries.stat().st_size == 1:
            os.kill(os.getpid(), number)
        return "measured"

    assert run(measured).value == "measured"
    assert f"killed by {number.name}: trying once more" in capfd.readouterr().err


def test_a_child_that_crashes_is_not_run_again(tmp_path):
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


def daemon(path):
    """Start an orphaned process in its own session, with every pipe open."""
    if os.fork():
        return
    os.setsid()
    if os.fork():
        os._exit(0)
    path.write_text(str(os.getpid()))
    time.sleep(600)


def in_group(path):
    subprocess.Popen(["sh", "-c", f"echo $$ > {path}; sleep 600"])


def under_another_name(path):
    subprocess.Popen(
        ["setsid", "sh", "-c", f"echo $$ > {path}; exec sleep 600"], stdin=subprocess.DEVNULL
    )


def pool(path):
    workers = isolation.multiprocessing.get_context("fork").Pool(2)
    path.write_text(str(workers.apply(os.getpid)))


def thread(path):
    """Start a thread that is not a daemon, for which the interpreter would wait."""
    threading.Thread(target=time.sleep, args=(600,)).start()
    path.write_text(str(os.getpid()))


@pytest.mark.parametrize("start", [daemon, in_group, under_another_name, pool, thread])
@pytest.mark.parametrize("ending", ["answer", "exit", "hang"])
def test_no_process_started_by_a_child_outlives_it(tmp_path, start, ending):
    path = tmp_path / "pid"

    def leave():
        start(path)
        while not (path.exists() and path.read_text()):
            time.sleep(0.01)
        if ending == "exit":
            os._exit(3)
        if ending == "hang":
            time.sleep(600)
        return "answer"

    began = time.monotonic()
    outcome = run(leave, timeout_s=1.5 if ending == "hang" else 30)
    expected = {"answer": "ok", "exit": "failed", "hang": "timeout"}
    assert outcome.status == expected[ending]
    assert time.monotonic() - began < 15
    assert not _running(int(path.read_text()))
    if ending == "exit":
        assert outcome.message == "exited with code 3 before it answered"


def test_other_processes_are_not_killed():
    other = subprocess.Popen(["sleep", "60"])
    run(lambda: subprocess.Popen(["sleep", "600"]) and None)
    assert other.poll() is None
    other.kill()
    other.wait()


def test_a_child_that_becomes_a_daemon_counts_as_ended():
    def daemonize():
        if os.fork():
            os._exit(0)
        return "from a grandchild"

    outcome = run(daemonize)
    assert outcome.message == "exited with code 0 before it answered"


def test_if_a_child_forks_only_the_original_process_answers():
    assert run(lambda: bool(os.fork())).value is True


def test_a_child_that_closes_every_file_is_a_failure():
    outcome = run(lambda: os.closerange(0, 4096))
    assert outcome.status == "failed"


def _no_streams():
    sys.stdout = sys.stderr = None


def _closed_streams():
    sys.stdout.close()
    sys.stderr.close()


def _odd_streams():
    sys.stdout = sys.stderr = object()


@pytest.mark.parametrize("spoil", [_no_streams, _closed_streams, _odd_streams])
def test_a_child_that_loses_its_streams_still_answers_or_reports_its_error(spoil, capfd):
    def broken():
        spoil()
        raise KeyError("no such layer")

    assert run(lambda: spoil() or 42).value == 42
    outcome = run(broken)
    assert (outcome.status, outcome.message) == ("failed", "KeyError: 'no such layer'")
    assert "in broken" in capfd.readouterr().err


def test_a_signal_to_the_process_group_of_a_child_reaches_only_the_child():
    outcome = run(lambda: os.killpg(0, signal.SIGABRT))
    assert outcome.message == "killed by SIGABRT"


@pytest.mark.parametrize(
    ("leave", "message"),
    [
        (lambda: sys.exit("no license"), "SystemExit: no license"),
        (lambda: sys.exit(0), "SystemExit: 0"),
        (lambda: _raise(KeyboardInterrupt()), "KeyboardInterrupt"),
        (lambda: input(), "EOFError: EOF when reading a line"),
        (lambda: threading.Lock(), "TypeError: cannot pickle '_thread.lock' object"),
    ],
)
def test_exits_and_unpicklable_results_are_failures_with_a_message(leave, message):
    outcome = run(leave)
    assert outcome.status == "failed"
    assert outcome.message.startswith(message)


def _raise(error):
    raise error


def test_the_last_line_of_a_dying_child_is_its_message(capfd):
    def abort():
        os.write(2, b"free(): invalid pointer\n\n")
        os.abort()

    outcome = run(abort)
    assert outcome.message == "killed by SIGABRT: free(): invalid pointer"
    assert "free(): invalid pointer" in capfd.readouterr().err


def test_a_failed_allocation_in_c_plus_plus_is_out_of_memory():
    def abort():
        os.write(2, b"terminate called\n  what():  std::bad_alloc\n")
        os.abort()

    assert run(abort).status == "oom"


def test_a_child_that_writes_forever_does_not_fill_the_log(capfd):
    def babble():
        while True:
            os.write(1, b"step\n" * 800)

    assert run(babble, timeout_s=1).status == "timeout"
    assert len(capfd.readouterr().err) < 400_000


def test_a_sign_of_life_restarts_the_timeout():
    def work():
        for _ in range(8):
            time.sleep(0.2)
            isolation.alive()
        return "done"

    assert run(work, timeout_s=1).value == "done"
    isolation.alive()  # Does nothing outside a child.


@pytest.mark.parametrize("reader", ["gone", "still"])
def test_a_measurement_continues_without_a_reader(tmp_path, reader):
    """A program that watches a run may end or stop reading."""
    result = tmp_path / "result"
    code = f"""
        from pathlib import Path
        from dnnbench.core import isolation, standard_error
        standard_error._PATIENCE_S = standard_error._patience_s = 0.2
        def work():
            print("step " * 40_000, flush=True)
            return "measured"
        Path({str(result)!r}).write_text(isolation.run(work, timeout_s=30).value)
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stderr=subprocess.PIPE
    )
    if reader == "gone":
        process.stderr.close()
    process.wait(60)
    assert result.read_text() == "measured"


@pytest.mark.parametrize(
    ("limit", "count"), [(resource.RLIMIT_NOFILE, 5), (resource.RLIMIT_NPROC, 1)]
)
def test_a_machine_that_cannot_start_a_process_raises_a_device_error(limit, count):
    """Run as another user, because root has no process limit."""
    code = f"""
        import os, resource
        from dnnbench.core import isolation
        from dnnbench.core.errors import DeviceError
        if os.getuid() == 0:
            os.setgroups([])
            os.setuid(4294)
        resource.setrlimit({int(limit)}, ({count}, {count}))
        try:
            isolation.run(int, timeout_s=30)
        except DeviceError as error:
            print(error)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True
    )
    assert done.stdout.startswith("this machine cannot start a process: "), done.stderr
    assert done.stdout.count("\n") == 1


def test_a_failed_tensor_allocation_is_out_of_memory():
    import torch

    outcome = run(lambda: torch.empty(2**44))
    assert outcome.status == "oom"
    assert "allocate" in outcome.message


def test_exceeding_the_memory_limit_is_out_of_memory():
    import torch

    def fill():
        return [torch.ones(2**24) for _ in range(64)]  # 4 GiB in pieces of 64 MiB.

    assert run(fill, memory_mib=512).status == "oom"
    assert run(lambda: bytearray(2**30), memory_mib=512).status == "oom"
    assert run(lambda: len(bytearray(2**28)), memory_mib=512).value == 2**28


def test_an_infinite_memory_limit_means_no_limit():
    def limits():
        return resource.getrlimit(resource.RLIMIT_DATA)

    before = limits()
    assert run(limits, memory_mib=math.inf).value == before
    assert run(limits, memory_mib=512).value != before


def test_a_device_error_in_a_child_is_raised_in_the_parent():
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
        def child():
            print(os.getpid(), flush=True)
            time.sleep(600)
        isolation.run(child, timeout_s=600)
    """
    parent = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stderr=subprocess.PIPE, text=True
    )
    child = int(parent.stderr.readline())
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


def test_if_the_kernel_does_not_report_memory_the_measurement_runs_without_a_limit(
    tmp_path, monkeypatch
):
    meminfo = tmp_path / "proc/meminfo"
    meminfo.parent.mkdir()
    monkeypatch.setattr(isolation, "Path", lambda path: tmp_path / str(path).lstrip("/"))
    for text in (None, "", "MemTotal: 8 kB\n"):
        if text is not None:
            meminfo.write_text(text)
        assert isolation.available_mib() == math.inf
    # /proc/self/status, with the memory in use, is also missing.
    outcome = run(resource.getrlimit, resource.RLIMIT_DATA, memory_mib=100)
    assert outcome.value == resource.getrlimit(resource.RLIMIT_DATA)


def test_a_daemon_is_killed_even_if_the_kernel_hides_the_boot_time(tmp_path, monkeypatch):
    def hidden():
        raise RuntimeError("line 'btime' not found in /proc/stat")

    # psutil calls this to identify processes.
    monkeypatch.setattr("psutil._pslinux.boot_time", hidden)
    file = tmp_path / "pid"

    def leave_behind():
        daemon(file)
        while not (file.exists() and file.read_text()):
            time.sleep(0.01)

    outcome = run(leave_behind)
    assert outcome.status == "ok", outcome.message
    with pytest.raises(ProcessLookupError):
        os.kill(int(file.read_text()), 0)
