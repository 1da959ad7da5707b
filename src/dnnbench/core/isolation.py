"""Run one measurement in a fresh process, cheaply: a fork of a parent that has imported torch.

A fork costs about 50 ms, a new interpreter seconds. The parent must neither have started a thread
pool (a fork after OpenMP threads have started hangs) nor have initialised CUDA. Whatever the child
does, it crashes, runs out of memory or hangs, the parent gets an Outcome and goes on.
"""

import ctypes
import math
import multiprocessing
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal

from dnnbench.core import foreign_text
from dnnbench.core.errors import DeviceError

# What torch, oneDNN and Python say when an allocation fails.
_OUT_OF_MEMORY = ("not enough memory", "can't allocate memory", "bad_alloc", "out of memory")
_PR_SET_PDEATHSIG = 1
_MIB = 2**20
_EXIT_S = 5.0  # For a child that has answered to end by itself.
# What nobody but another process sends; a network that breaks dies of others.
_STOPS = (signal.SIGHUP, signal.SIGINT, signal.SIGKILL, signal.SIGTERM)

Status = Literal["ok", "oom", "timeout", "failed"]


@dataclass(frozen=True)
class Outcome:
    """How a call in a child process ended; ``value`` is its result where status is ok."""

    status: Status
    value: Any
    message: str | None
    seconds: float


def prepare() -> None:
    """Make this process fit to fork from: import torch, start no thread and no CUDA context."""
    os.environ.setdefault("PYTORCH_NVML_BASED_CUDA_CHECK", "1")
    import torch

    torch.set_num_threads(1)


def run(
    function: Callable[..., Any], *arguments: Any, timeout_s: float, memory_mib: float | None = None
) -> Outcome:
    """Call ``function(*arguments)`` in a forked child and wait for it.

    ``memory_mib`` limits what the child may allocate beyond what it inherits (default: what the
    machine has available now; inf: no limit), so that a batch that does not fit is refused by
    malloc instead of the kernel killing whatever it likes. The result must be picklable. A child
    that someone stopped says nothing about the function: it is called once more. A DeviceError in
    the child is raised here, since it says something of the device and nothing of the function.
    """
    outcome, stopped = _once(function, arguments, timeout_s, memory_mib)
    if stopped:
        print(f"{outcome.message}: once more", file=sys.stderr, flush=True)
        outcome, _ = _once(function, arguments, timeout_s, memory_mib)
    return outcome


def _once(
    function: Callable[..., Any],
    arguments: tuple[Any, ...],
    timeout_s: float,
    memory_mib: float | None,
) -> tuple[Outcome, bool]:
    """How one call ended, and whether someone stopped it."""
    limit = memory_mib if memory_mib is not None else available_mib()
    kills_before = _oom_kills()
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    started = time.monotonic()
    child = context.Process(target=_child, args=(sender, os.getpid(), limit, function, arguments))
    status: Status
    value: Any
    status, value, message = "timeout", None, f"took longer than {timeout_s:g} s"
    stopped = False
    # An interrupt that arrives inside fork() is lost in Python's own hooks: it waits until after.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    child.start()
    try:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        sender.close()
        if receiver.poll(timeout_s):
            answer, value, message = receiver.recv()
            child.join(_EXIT_S)
            if answer == "device":
                raise DeviceError(message)
            status = answer
    except EOFError:  # The child died without an answer.
        child.join()
        status, value, message = _death(child.exitcode or 0, _oom_kills() > kills_before)
        stopped = status == "failed" and -(child.exitcode or 0) in _STOPS
    finally:
        # Answer, timeout or interrupt alike: the device is free when this returns.
        child.kill()
        child.join()
        receiver.close()
    return Outcome(status, value, message, time.monotonic() - started), stopped


def _child(
    sender: Connection,
    parent: int,
    limit_mib: float,
    function: Callable[..., Any],
    arguments: tuple[Any, ...],
) -> None:
    # The parent decides about interrupts; were it killed, nobody would stop us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    # If the kernel must kill something for memory, let it be this process.
    Path("/proc/self/oom_score_adj").write_text("1000")
    if limit_mib < math.inf:
        allowed = int((status_mib("VmData") + limit_mib) * _MIB)
        resource.setrlimit(resource.RLIMIT_DATA, (allowed, allowed))
    answer: tuple[Status | Literal["device"], Any, str | None]
    try:
        answer = ("ok", function(*arguments), None)
    except DeviceError as error:
        answer = ("device", None, str(error))
    except Exception as error:
        status, message = classify(error)
        answer = (status, None, message)
    sender.send(answer)


def classify(error: BaseException) -> tuple[Literal["oom", "failed"], str]:
    """Whether an exception means that memory ran out, and what it says, in one line.

    The traceback of one that means anything else goes to the log.
    """
    if any(map(_is_out_of_memory, foreign_text.causes(error))):
        return "oom", foreign_text.of_error(error)
    foreign_text.log_error(error)
    return "failed", foreign_text.of_error(error)


def _is_out_of_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return any(phrase in foreign_text.of_error(error).lower() for phrase in _OUT_OF_MEMORY)


def _death(exit_code: int, kernel_killed: bool) -> tuple[Status, None, str]:
    if exit_code >= 0:
        return "failed", None, f"exited with code {exit_code} before it answered"
    name = signal.Signals(-exit_code).name
    if -exit_code == signal.SIGKILL and kernel_killed:
        return "oom", None, "killed by the kernel for want of memory"
    return "failed", None, f"killed by {name}"


def available_mib() -> float:
    """Memory that the machine could give a process now, MiB (MemAvailable)."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("/proc/meminfo: no MemAvailable; dnnbench needs Linux 3.14 or later")


def status_mib(key: str, process: str = "self") -> float:
    """A size from /proc/<process>/status, such as VmRSS or VmHWM, in MiB."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"/proc/{process}/status: no {key}; dnnbench needs Linux 4.5 or later")


def _oom_kills() -> int:
    for line in Path("/proc/vmstat").read_text().splitlines():
        if line.startswith("oom_kill "):
            return int(line.split()[1])
    return 0
