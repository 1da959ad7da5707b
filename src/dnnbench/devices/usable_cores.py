"""Whether as many threads run at once as a record claims, seen in the process that measures.

Masks, and variables such as OMP_THREAD_LIMIT and OMP_PLACES, take threads or processors away
without a word: torch and engines go on with fewer, and say that they have all.
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
# Of what the busiest thread worked: less is no part of a pass.
_AT_WORK = 0.1

Masks = Collection[frozenset[int]]


def check(threads: int) -> None:
    """Raise DeviceError unless torch runs ``threads`` threads on as many processors.

    Starts the threads of OpenMP's runtime.
    """
    allowed = frozenset(os.sched_getaffinity(0))
    if len(allowed) < threads:
        raise DeviceError(
            f"threads: {threads}: this process may use {len(allowed)} processors"
            f" ({processors.listed(allowed)}); set threads: {len(allowed)} in the device file,"
            " or start it without taskset, numactl or a cpuset that is smaller"
        )
    team = openmp_team() if threads > 1 else None
    if team is None or (usable := at_once(team)) >= threads:
        return
    of_openmp = speed_variables.PREFIXES["OpenMP"]
    said = ", ".join(
        f"{name}={value}"
        for name, value in speed_variables.found().items()
        if name.startswith(of_openmp) and name != speed_variables.WAIT_POLICY
    )
    raise DeviceError(
        f"threads: {threads}: of torch's threads {usable} can run at once"
        f" ({said or 'no variable of OpenMP is set'}); unset what limits or binds threads, or set"
        f" threads: {usable} in the device file"
    )


def check_work(before: Mapping[int, int], threads: int) -> None:
    """Raise DeviceError where threads that worked since ``before`` had to share processors."""
    worked = {task: ns - before.get(task, 0) for task, ns in work_ns().items()}
    least = _AT_WORK * max(worked.values(), default=0)
    masks: list[frozenset[int]] = []
    for task, ns in worked.items():
        if ns > least:
            with suppress(OSError):  # It has ended.
                masks.append(frozenset(os.sched_getaffinity(task)))
    needed, usable = min(threads, len(masks)), at_once(masks)
    if usable < needed:
        raise DeviceError(
            f"threads: {threads}: the {len(masks)} threads that ran a pass share {usable}"
            f" processors; unset what binds threads, or set threads: {usable} in the device file"
        )


def work_ns() -> dict[int, int]:
    """Return the processor time of each thread of this process; none where it is not shown."""
    found = {}
    with suppress(OSError):
        for task in _TASKS.iterdir():
            with suppress(OSError, ValueError, IndexError):
                found[int(task.name)] = int((task / "schedstat").read_text().split()[0])
    return found


def openmp_team() -> Masks | None:
    """Return the processors of each thread of a parallel region; None: another runtime."""
    masks: list[frozenset[int]] = []
    function = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(
        lambda _: masks.append(frozenset(os.sched_getaffinity(0)))
    )
    # As the loader resolves it for torch: what the process has loaded for all, then torch's own.
    spec = importlib.util.find_spec("torch")
    own = Path(spec.origin or "").with_name("lib") / "libtorch_cpu.so" if spec else None
    for library in (None, str(own)):
        with suppress(OSError, AttributeError):
            # LLVM's and Intel's runtimes have it too.
            ctypes.CDLL(library).GOMP_parallel(function, None, 0, 0)
            return masks
    return None


def at_once(masks: Iterable[frozenset[int]]) -> int:
    """Return how many threads of these masks can run at once, each on a processor of its own.

    The size of a maximum matching, by augmenting paths.
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
