"""Disturbances for the benchmarks, each present while a context is active."""

import mmap
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psutil

from dnnbench.core import processors
from dnnbench.core.isolation import available_mib
from dnnbench.devices import host, priority

_BLOCK_MIB = 64
_MIB = 2**20
# Memory that stays available to the measured processes.
_LEFT_MIB = 6 * 1024
_MOST_HOLD_S = 20.0
# A block that the host has to provide takes several times as long to touch.
_COLD = 2.0
_STOPPED_S, _RUNNING_S = 0.02, 0.04


@contextmanager
def busy_core() -> Iterator[None]:
    """Occupy one core."""
    with _process(_spin):
        yield


@contextmanager
def memory_traffic() -> Iterator[None]:
    """Copy memory on one core."""
    with _process(_copy):
        yield


@contextmanager
def held_memory() -> Iterator[None]:
    """Hold the memory that the host of this virtual machine provides without delay."""
    ready = multiprocessing.get_context("fork").Event()
    with _process(_hold, ready):
        ready.wait(2 * _MOST_HOLD_S)
        yield


@contextmanager
def stopped_child() -> Iterator[None]:
    """Stop the next child of this process for a third of its time."""
    known = {child.pid for child in psutil.Process().children()}
    with _process(_stop, os.getpid(), known):
        yield


@contextmanager
def normal_priority() -> Iterator[None]:
    """Measure with the normal priority, as if the user may not raise it."""
    raise_priority = priority.raise_priority
    priority.raise_priority = lambda: priority.NORMAL
    try:
        yield
    finally:
        priority.raise_priority = raise_priority


def virtual_machine() -> bool:
    """Return whether this is a virtual machine, as far as the kernel reports it."""
    return host.describe()["virtual_machine"] not in (None, "none")


@contextmanager
def _process(function: Callable[..., None], *arguments: Any) -> Iterator[None]:
    """Run ``function`` in another process until the context ends."""
    process = multiprocessing.get_context("fork").Process(
        target=_detached, args=(function, arguments), daemon=True
    )
    process.start()
    try:
        yield
    finally:
        process.kill()
        process.join()


def _detached(function: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    """Call ``function`` in a separate session, like a program of another user."""
    os.setsid()
    processors.restore()
    function(*arguments)


def _spin() -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    while True:
        pass


def _copy() -> None:
    source, target = bytearray(256 * _MIB), bytearray(256 * _MIB)
    while True:
        target[:] = source


def _hold(ready: Any) -> None:
    """Touch memory in blocks, and keep the blocks that are fast to touch."""
    blocks: list[mmap.mmap] = []
    times_s: list[float] = []
    started = time.monotonic()
    while available_mib() > _LEFT_MIB and time.monotonic() - started < _MOST_HOLD_S:
        block = mmap.mmap(-1, _BLOCK_MIB * _MIB)
        began = time.perf_counter()
        with memoryview(block) as pages:
            pages[:: mmap.PAGESIZE] = bytes(len(block) // mmap.PAGESIZE)
        times_s.append(time.perf_counter() - began)
        blocks.append(block)
        if len(times_s) > 8 and min(times_s[-4:]) > _COLD * min(times_s):
            for cold in blocks[-4:]:
                cold.close()
            break
    ready.set()
    signal.pause()


def _stop(parent: int, known: set[int]) -> None:
    me = os.getpid()
    children: list[psutil.Process] = []
    while not children:
        children = [
            child
            for child in psutil.Process(parent).children()
            if child.pid != me and child.pid not in known
        ]
        time.sleep(0.001)
    with suppress(psutil.NoSuchProcess):
        while True:
            children[0].suspend()
            time.sleep(_STOPPED_S)
            children[0].resume()
            time.sleep(_RUNNING_S)
