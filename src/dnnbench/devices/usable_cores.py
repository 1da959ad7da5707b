"""Check in the measuring process that threads run at once as the record claims.

CPU masks, and variables such as OMP_THREAD_LIMIT and OMP_PLACES, silently take away threads or
processors: torch and the engines continue with fewer, and still report the full number.
"""

import ctypes
import importlib.util
import os
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from dnnbench.core import processors, speed_variables
from dnnbench.core.errors import DeviceError

_TASKS = Path("/proc/self/task")
# Share of the busiest thread's work; threads below it take no part in a pass.
_AT_WORK = 0.1

Masks = Collection[frozenset[int]]


def check(threads: int) -> None:
    """Raise DeviceError unless torch's ``threads`` threads each get a processor.

    This starts the threads of OpenMP's runtime.
    """
    allowed = frozenset(os.sched_getaffinity(0))
    if len(allowed) < threads:
        raise DeviceError(
            f"threads: {threads}: this process may use only processors"
            f" {processors.listed(allowed)}. Set threads: {len(allowed)} in the device file,"
            " or start it without the limit (taskset, numactl or cpuset)."
        )
    team = openmp_team() if threads > 1 else None
    if team is None or (usable := at_once(team)) >= threads:
        return
    of_openmp = speed_variables.PREFIXES["OpenMP"]
    variables = ", ".join(
        f"{name}={value}"
        for name, value in speed_variables.found().items()
        if name.startswith(of_openmp) and name != speed_variables.WAIT_POLICY
    )
    raise DeviceError(
        f"threads: {threads}: only {usable} of torch's threads can run at once"
        f" ({variables or 'no OpenMP variable is set'}). Unset variables that limit or bind"
        f" threads, or set threads: {usable} in the device file."
    )


def check_work(before: Mapping[int, int], threads: int) -> None:
    """Raise DeviceError if threads that worked since ``before`` share processors."""
    worked = {task: ns - before.get(task, 0) for task, ns in work_ns().items()}
    least = _AT_WORK * max(worked.values(), default=0)
    masks: list[frozenset[int]] = []
    for task, ns in worked.items():
        if ns > least:
            with suppress(OSError):  # The thread has ended.
                masks.append(frozenset(os.sched_getaffinity(task)))
    needed, usable = min(threads, len(masks)), at_once(masks)
    if usable < needed:
        raise DeviceError(
            f"threads: {threads}: of the {len(masks)} threads that ran a pass, only {usable} can"
            " run at once. Unset variables that bind threads, or set"
            f" threads: {usable} in the device file."
        )


def work_ns() -> dict[int, int]:
    """Return the processor time of each visible thread of this process, in ns, by id."""
    found = {}
    with suppress(OSError):
        for task in _TASKS.iterdir():
            with suppress(OSError, ValueError, IndexError):
                found[int(task.name)] = int((task / "schedstat").read_text().split()[0])
    return found


def openmp_team() -> Masks | None:
    """Return the processor masks of a parallel region's threads.

    Returns None for another runtime.
    """
    masks: list[frozenset[int]] = []
    function = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(
        lambda _: masks.append(frozenset(os.sched_getaffinity(0)))
    )
    # The same order as the loader's for torch: globally loaded symbols, then torch's own library.
    spec = importlib.util.find_spec("torch")
    own = Path(spec.origin or "").with_name("lib") / "libtorch_cpu.so" if spec else None
    for library in (None, str(own)):
        with suppress(OSError, AttributeError):
            # LLVM's and Intel's runtimes also provide this function.
            ctypes.CDLL(library).GOMP_parallel(function, None, 0, 0)
            return masks
    return None


def at_once(masks: Iterable[frozenset[int]]) -> int:
    """Return how many threads with these masks can each get a processor at once.

    This is the size of a maximum matching, found by augmenting paths.
    """
    runs: dict[int, frozenset[int]] = {}

    def place(mask: frozenset[int], tried: set[int]) -> bool:
        for cpu in mask - tried:
            tried.add(cpu)
            if cpu not in runs or place(runs[cpu], tried):
                runs[cpu] = mask
                return True
        return False

    return sum(place(mask, set()) for mask in masks)
