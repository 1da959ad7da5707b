"""Processes that this one's children leave behind, which end with what started them."""

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
    """Become the parent of every descendant that loses its own, as a daemon does."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def children() -> set[int]:
    """Return the ids of this process's children."""
    me = os.getpid()
    # Not Process.children: that asks when the machine started, which a container may hide.
    with suppress(psutil.Error, OSError):  # Where /proc cannot be read there is nothing to find.
        return {one.pid for one in psutil.process_iter(["ppid"]) if one.info["ppid"] == me}
    return set()


def end(except_for: Collection[int], patience_s: float) -> set[int]:
    """Kill this process's children, and all that descend from them; return those that remain.

    ``except_for``: ids of children that are left alone, with their descendants. What no longer has
    a parent is a child here after :func:`adopt`. A process that the kernel does not let go, such as
    one that waits for a disk or a driver, remains after ``patience_s``.
    """
    deadline = time.monotonic() + patience_s
    while left := children().difference(except_for):
        for pid in left:
            # What it started is a child here next time. Only waiting frees a child's id.
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        if time.monotonic() > deadline:
            return left
        time.sleep(_LOOK_AGAIN_S)
    return set()
