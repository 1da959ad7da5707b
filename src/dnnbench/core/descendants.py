"""Cleanup of processes that a child process leaves behind."""

import ctypes
import os
import signal
import time
from collections.abc import Collection
from contextlib import suppress

import psutil

_PR_SET_CHILD_SUBREAPER = 36
_LOOK_AGAIN_S = 0.01


def adopt() -> None:
    """Become the parent of every descendant whose own parent ends, such as a daemon."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def children() -> set[int]:
    """Return the ids of this process's children."""
    me = os.getpid()
    # Process.children needs the boot time of the machine, which a container may hide.
    with suppress(psutil.Error, OSError):  # /proc may be unreadable.
        return {one.pid for one in psutil.process_iter(["ppid"]) if one.info["ppid"] == me}
    return set()


def end(except_for: Collection[int], patience_s: float) -> set[int]:
    """Kill this process's children and their descendants; return remaining ids.

    ``except_for``: ids of children to spare, with their descendants. Call :func:`adopt` first, so
    that orphaned descendants become children of this process. A process that the kernel cannot
    kill, for example while it waits for a disk or a driver, remains after ``patience_s`` seconds.
    """
    deadline = time.monotonic() + patience_s
    while left := children().difference(except_for):
        for pid in left:
            # Its children become ours in the next iteration. Only waiting frees a child's id.
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        if time.monotonic() > deadline:
            return left
        time.sleep(_LOOK_AGAIN_S)
    return set()
