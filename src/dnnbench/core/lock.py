"""A lock that allows one measurement at a time on a device.

It applies across folders and workflows.
"""

import json
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import platformdirs
import psutil
from filelock import FileLock, Timeout

from dnnbench.core import home
from dnnbench.core.storage import writing


@contextmanager
def hold(device: str) -> Iterator[None]:
    """Hold the lock of a physical device (``cpu``, ``cuda-0``); wait if it is taken.

    The lock is for this machine only, even if machines share the folder. The kernel releases it
    when the holder ends in any way, so it cannot go stale. While waiting, one line on standard
    error names the holder, its start and its folder.
    """
    home.ensure()
    folder = platformdirs.user_state_path("dnnbench")
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    name = f"{platform.node()}-{device}"
    holder = folder / f"{name}.holder"
    lock = FileLock(folder / f"{name}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print(f"waiting for {device}: {_holder(holder)}", file=sys.stderr, flush=True)
        lock.acquire()
    try:
        since = datetime.now().astimezone().isoformat(timespec="seconds")
        who = {"pid": os.getpid(), "since": since, "where": str(Path.cwd())}
        holder.write_text(json.dumps(who))
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def _holder(path: Path) -> str:
    try:
        seen = json.loads(path.read_text())
        if not psutil.pid_exists(seen["pid"]):  # The file of a killed holder, not yet replaced.
            return "held by another process"
        return f"held by process {seen['pid']} since {seen['since']} in {seen['where']}"
    except (OSError, ValueError, KeyError):
        return "held by another process"
