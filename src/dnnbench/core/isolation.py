"""Isolation of measurements: each runs in a fork of a parent that imported torch.

A fork takes about 50 ms, a new interpreter seconds. The parent must not have started a thread pool,
because a fork hangs after OpenMP threads have started, and must not have initialized CUDA. Even if
the child crashes, runs out of memory, hangs or starts a daemon, the parent gets an Outcome and
continues, and none of the child's processes remain.
"""

import codecs
import ctypes
import math
import multiprocessing
import multiprocessing.popen_fork  # Import it now: later, no file descriptor may be left.
import os
import pickle
import resource
import signal
import sys
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, Literal

from dnnbench.core import descendants, foreign_text, processors
from dnnbench.core.errors import DeviceError
from dnnbench.core.standard_error import say

# Messages of torch, oneDNN and Python when an allocation fails.
_OUT_OF_MEMORY = ("not enough memory", "can't allocate memory", "bad_alloc", "out of memory")
_PR_SET_PDEATHSIG = 1
_MIB = 2**20
_EXIT_S = 5.0  # Time for a child to exit after it has answered or was killed.
_LOOK_S = 1.0  # Poll interval for a dead child: a daemon that it started may keep the pipe open.
_LENGTH = 8  # Bytes of the length before each answer; length 0 means that the child is alive.
_MOST_OUTPUT = 2**18  # Bytes of a child's output to pass on, so that it cannot fill the log.
# Signals that only another process sends; a crashing network dies of others.
_STOPS = (signal.SIGHUP, signal.SIGINT, signal.SIGKILL, signal.SIGTERM)

Status = Literal["ok", "oom", "timeout", "failed"]


@dataclass(frozen=True)
class Outcome:
    """The outcome of a call in a child process.

    ``value`` is the result if ``status`` is ok.
    """

    status: Status
    value: Any
    message: str | None
    seconds: float


def prepare() -> None:
    """Prepare this process for forks: import torch without starting threads or CUDA."""
    os.environ.setdefault("PYTORCH_NVML_BASED_CUDA_CHECK", "1")
    import torch

    torch.set_num_threads(1)


def run(
    function: Callable[..., Any], *arguments: Any, timeout_s: float, memory_mib: float | None = None
) -> Outcome:
    """Call ``function(*arguments)`` in a forked child and wait for it.

    ``timeout_s`` limits the time until the result or the child's next call of :func:`alive`.
    ``memory_mib`` limits how much the child may allocate beyond the memory that it inherits
    (default: the memory available now; inf: no limit), so that malloc fails for a batch that does
    not fit before the kernel kills an arbitrary process. The result must be picklable. If another
    process stopped the child, the call is repeated once. The child's output goes to standard error.

    Raises DeviceError if the child does, and if this machine cannot start or end a process.
    """
    outcome, stopped = _once(function, arguments, timeout_s, memory_mib)
    if stopped:
        say(f"{outcome.message}: trying once more\n")
        outcome, _ = _once(function, arguments, timeout_s, memory_mib)
    return outcome


def alive() -> None:
    """Report that this child is alive, which restarts its timeout.

    Does nothing in other processes.
    """
    if _sender is not None:
        os.write(_sender, bytes(_LENGTH))


def _once(
    function: Callable[..., Any],
    arguments: tuple[Any, ...],
    timeout_s: float,
    memory_mib: float | None,
) -> tuple[Outcome, bool]:
    """Return the outcome of one call, and whether another process stopped it."""
    limit = memory_mib if memory_mib is not None else available_mib()
    kills_before = _oom_kills()
    descendants.adopt()
    others = descendants.children()
    started = time.monotonic()
    status: Status = "timeout"
    value: Any = None
    message: str | None = f"took longer than {timeout_s:g} s"
    stopped = False
    # Python's own hooks swallow an interrupt that arrives inside fork(), so delay it.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        child = _Child(limit, function, arguments)
    except OSError as error:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        raise DeviceError(
            f"this machine cannot start a process: {error.strerror}. Free memory, or raise the"
            " limits of processes and of open files (ulimit -u, ulimit -n)."
        ) from error
    try:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        answer, value, message = _read(child.answer(timeout_s))
        child.exit_code()
        if answer == "device":
            raise DeviceError(message)
        status = answer
    except EOFError:  # The child died before it answered.
        exit_code = child.exit_code()
        status, value, message = _death(exit_code, _oom_kills() > kills_before, child.last_line())
        stopped = status == "failed" and -exit_code in _STOPS
    except TimeoutError:
        pass
    finally:
        # After an answer, timeout or interrupt, the device must be free again.
        child.end(others)
    return Outcome(status, value, message, time.monotonic() - started), stopped


class _Child:
    """The parent's view of a forked process that calls a function."""

    def __init__(
        self, limit_mib: float, function: Callable[..., Any], arguments: tuple[Any, ...]
    ) -> None:
        self._answers, sender = os.pipe()
        self._output, output = os.pipe()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._said = ""
        self._left = _MOST_OUTPUT
        self._process = multiprocessing.get_context("fork").Process(
            target=_child, args=(sender, output, os.getpid(), limit_mib, function, arguments)
        )
        try:
            self._process.start()
        finally:
            os.close(sender)
            os.close(output)

    def answer(self, timeout_s: float) -> bytes:
        """Wait for the answer. Raises EOFError if the child died, and TimeoutError."""
        received = bytearray()
        deadline = time.monotonic() + timeout_s
        open_pipes = [self._answers, self._output]
        while True:
            left, dead = deadline - time.monotonic(), self._process.exitcode is not None
            ready = wait(open_pipes, 0 if dead else max(0, min(left, _LOOK_S)))
            if self._output in ready and not self._pass_on():
                open_pipes.remove(self._output)
            if self._answers in ready:
                part = os.read(self._answers, 2**16)
                if not part:
                    raise EOFError
                received += part
                while received.startswith(bytes(_LENGTH)):
                    del received[:_LENGTH]
                    deadline = time.monotonic() + timeout_s
                length = int.from_bytes(received[:_LENGTH], "little")
                if length and len(received) >= _LENGTH + length:
                    return bytes(received[_LENGTH:])
            elif dead:
                raise EOFError
            elif left <= 0:
                raise TimeoutError

    def exit_code(self) -> int:
        """Return the exit code of a child, after waiting for it.

        The child has answered or closed its pipe.
        """
        # join would also wait for a daemon that the child started.
        deadline = time.monotonic() + _EXIT_S
        while self._process.exitcode is None and time.monotonic() < deadline:
            time.sleep(0.002)
        return self._process.exitcode or 0

    def last_line(self) -> str:
        """Return the last line that the child wrote."""
        self._pass_on_rest()
        return next((line.strip() for line in reversed(self._said.split("\n")) if line.strip()), "")

    def end(self, others: Collection[int]) -> None:
        """Kill the child, its process group and all its descendants.

        ``others``: children of this process to spare. Raises DeviceError if a process cannot be
        killed.
        """
        assert self._process.pid
        if self._process.exitcode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.kill()
            self.exit_code()
        left = descendants.end(others, _EXIT_S)
        self._pass_on_rest()
        os.close(self._answers)
        os.close(self._output)
        if left:
            raise DeviceError(
                f"process {min(left)} cannot be killed: the kernel is waiting for a disk or a"
                " driver. Restart the machine."
            )

    def _pass_on_rest(self) -> None:
        while wait([self._output], 0) and self._pass_on():
            pass

    def _pass_on(self) -> bool:
        """Copy the child's output to standard error; return whether more may follow."""
        part = os.read(self._output, 2**12)
        text = self._decoder.decode(part)
        self._said = (self._said + text)[-(2**12) :]
        if self._left > 0:
            self._left -= len(part)
            say(text if self._left > 0 else f"{text}\n[further output is omitted]\n")
        return bool(part)


def _read(content: bytes) -> tuple[Status | Literal["device"], Any, str | None]:
    """Return an answer, or a failure if a network's result cannot be unpickled."""
    try:
        answer: tuple[Status | Literal["device"], Any, str | None] = pickle.loads(content)
    except Exception as error:
        return "failed", None, f"the result cannot be read: {classify(error)[1]}"
    return answer


_sender: int | None = None  # The pipe to the parent; None in a process that is not a child.


def _child(
    sender: int,
    output: int,
    parent: int,
    limit_mib: float,
    function: Callable[..., Any],
    arguments: tuple[Any, ...],
) -> None:
    """Call the function, send the outcome, and end this process."""
    global _sender
    _sender, me = sender, os.getpid()
    try:
        _set_up(output, parent, limit_mib)
        content = _answer(function, arguments)
    except Exception as error:
        problem = f"this machine cannot start a measurement: {classify(error)[1]}"
        content = pickle.dumps(("device", None, problem))
    # If the network's code forks, two processes may get here.
    if os.getpid() == me:
        with suppress(Exception):  # A network's code may have replaced the stream.
            sys.stdout.flush()
        content = len(content).to_bytes(_LENGTH, "little") + content
        while content:
            content = content[os.write(sender, content) :]
    # Exit without waiting for threads or processes that the network started.
    os._exit(0)


def _set_up(output: int, parent: int, limit_mib: float) -> None:
    """Set up this child: its own process group, no input, and a memory limit."""
    # The parent handles interrupts. If the parent is killed, the kernel must kill this child too.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    os.setsid()
    processors.restore()
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    # Reopen the streams: a progress bar that replaced them may wait for a thread of the parent.
    _open_streams()
    # If memory runs out, the kernel should kill this process; without access to /proc it chooses.
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
    # If the memory in use is unknown, set no limit and leave it to the kernel to kill.
    used_mib = math.inf
    with suppress(OSError, RuntimeError):
        used_mib = status_mib("VmData")
    if used_mib + limit_mib < math.inf:
        allowed = int((used_mib + limit_mib) * _MIB)
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        if hard != resource.RLIM_INFINITY:
            allowed = min(allowed, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (allowed, allowed))


def _answer(function: Callable[..., Any], arguments: tuple[Any, ...]) -> bytes:
    """Return the function's result, or how it failed, pickled."""
    try:
        return pickle.dumps(("ok", function(*arguments), None))
    except DeviceError as error:
        return pickle.dumps(("device", None, str(error)))
    except BaseException as error:  # A network's code may also call exit,
        with suppress(Exception):  # and may have closed or replaced the streams.
            sys.stdout.flush()
        with suppress(OSError):
            _open_streams()
        status, message = classify(error)
        return pickle.dumps((status, None, message))


def _open_streams() -> None:
    sys.stdout, sys.stderr = (
        os.fdopen(file, "w", buffering=1, errors="backslashreplace", closefd=False)
        for file in (1, 2)
    )


def classify(error: BaseException) -> tuple[Literal["oom", "failed"], str]:
    """Return whether an exception means out of memory, and its message in one line.

    The traceback of any other exception is written to the log.
    """
    if any(map(_is_out_of_memory, foreign_text.causes(error))):
        return "oom", foreign_text.of_error(error)
    foreign_text.log_error(error)
    return "failed", foreign_text.of_error(error)


def _is_out_of_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return _says_out_of_memory(foreign_text.of_error(error))


def _says_out_of_memory(text: str) -> bool:
    return any(phrase in text.lower() for phrase in _OUT_OF_MEMORY)


def _death(exit_code: int, kernel_killed: bool, last_line: str) -> tuple[Status, None, str]:
    """Return status and message of a child that died.

    ``last_line`` is the last line that it wrote.
    """
    if -exit_code == signal.SIGKILL and kernel_killed:
        return "oom", None, "killed by the kernel because the machine ran out of memory"
    how = f"exited with code {exit_code} before it answered"
    if exit_code < 0:
        how = f"killed by {signal.Signals(-exit_code).name}"
    message = f"{how}: {foreign_text.line(last_line)}" if last_line else how
    # C++ aborts if an allocation fails.
    oom = -exit_code == signal.SIGABRT and _says_out_of_memory(last_line)
    return ("oom" if oom else "failed"), None, message


def available_mib() -> float:
    """Return the memory available to a new process (MemAvailable), in MiB.

    Returns infinity if it is unknown.
    """
    with suppress(OSError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) / 1024
    return math.inf


def status_mib(key: str, process: str = "self") -> float:
    """Return a size from /proc/<process>/status, such as VmRSS or VmHWM, in MiB."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"/proc/{process}/status: no {key}. dnnbench requires Linux 4.5 or later.")


def _oom_kills() -> int:
    with suppress(OSError):  # Some containers hide it.
        for line in Path("/proc/vmstat").read_text().splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0
