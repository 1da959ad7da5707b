"""Memory that CPU and GPU share: what a process takes is what the whole board has less of.

No driver of a Jetson says what one process holds on the GPU, so the kernel's estimate of what it
could give out without swapping (MemAvailable) is read before the process touches the GPU, and while
passes run. Whatever else allocates meanwhile is in the difference: its noise is measured, just
before, as the spread of readings while this process does nothing.
"""

import threading
import time
from dataclasses import dataclass
from typing import Any

from dnnbench.core.errors import DeviceError
from dnnbench.devices import torch_gpu
from dnnbench.devices.runtime import Runtime
from dnnbench.devices.tegra import Board

_NOISE_S = 0.5
_PERIOD_S = 0.005


@dataclass(frozen=True)
class Before:
    """The board before this process touched the GPU, MiB."""

    available_mib: float
    swap_used_mib: float | None


def before(board: Board) -> Before:
    """Read it now. Raises DeviceError where the kernel does not say what is available."""
    return Before(_available(board), board.swap_used_mib())


class SharedMemory:
    """Falls of MemAvailable; torch's own peaks and what CUDA calls free stand beside them.

    A fall that is over between two readings is missed. That matters little: torch's allocator keeps
    what it has, so that the memory of a pass is still missing after it.
    """

    # Which algorithms are tried, with which workspaces, depends on the batch.
    first_images = None

    def __init__(self, board: Board, runtime: Runtime, start: Before) -> None:
        self._board = board
        self._runtime = runtime
        self._start = start
        self._noise = _Lowest(board)
        time.sleep(_NOISE_S)
        self._noise_mib = self._noise.stop().spread_mib
        self._baseline = start.available_mib
        self._free_mib = 0.0
        self._first_call_mib = 0.0
        self._lowest: _Lowest | None = None

    def baseline_mib(self) -> float:
        """Fall since before the process touched the GPU: context and libraries."""
        self._runtime.synchronize()
        self._baseline = _available(self._board)
        self._free_mib = self._runtime.free_mib()
        self._runtime.reset_peaks()
        self._lowest = _Lowest(self._board)
        return max(0.0, self._start.available_mib - self._baseline)

    def prepared(self) -> None:
        """Empty the allocator's cache, and look for the largest fall from here on."""
        assert self._lowest is not None
        self._runtime.release()
        self._runtime.reset_peaks()
        self._lowest.stop()
        self._lowest = _Lowest(self._board)

    def first_pass_done(self) -> None:
        """Keep the first pass's peak: what trying algorithms took has to be there too."""
        self._runtime.synchronize()
        self._first_call_mib = self._runtime.peaks().reserved_mib
        self._runtime.reset_peaks()

    def reading(self) -> dict[str, Any]:
        """The largest falls of a pass, from before the GPU was touched and from the baseline."""
        assert self._lowest is not None
        self._runtime.synchronize()
        lowest_mib = self._lowest.stop().lowest_mib
        peaks = self._runtime.peaks()
        swapped_mib = swapped(self._start.swap_used_mib, self._board.swap_used_mib())
        fields: dict[str, Any] = {
            "memory_mib": max(0.0, self._start.available_mib - lowest_mib),
            "memory_basis": "net",
            "memory_net_mib": max(0.0, self._baseline - lowest_mib),
            "noise_mib": self._noise_mib,
            "cuda_free_fall_mib": self._free_mib - self._runtime.free_mib(),
            "swapped_mib": swapped_mib,
            "allocated_peak_mib": peaks.allocated_mib,
            "reserved_peak_mib": peaks.reserved_mib,
            "first_call_peak_mib": self._first_call_mib,
            "allocator": torch_gpu.allocator(),
        }
        if swapped_mib:
            fields["message"] = (
                f"{swapped_mib:.0f} MiB went to swap meanwhile: the memory may be more than this"
            )
        return fields


def swapped(start_mib: float | None, end_mib: float | None) -> float | None:
    """How much more lies in swap at the end than at the start, MiB; None where it is not told."""
    return None if start_mib is None or end_mib is None else max(0.0, end_mib - start_mib)


@dataclass(frozen=True)
class _Seen:
    lowest_mib: float
    highest_mib: float

    @property
    def spread_mib(self) -> float:
        return self.highest_mib - self.lowest_mib


class _Lowest:
    """Reads MemAvailable at once, then every few milliseconds in a thread, and at the end."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._readings = [_available(board)]
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> _Seen:
        self._ended.set()
        self._thread.join()
        readings = [*self._readings, _available(self._board)]
        return _Seen(min(readings), max(readings))

    def _run(self) -> None:
        while not self._ended.wait(_PERIOD_S):
            if (available := self._board.available_mib()) is not None:
                self._readings.append(available)


def _available(board: Board) -> float:
    available = board.available_mib()
    if available is None:
        raise DeviceError("/proc/meminfo: no MemAvailable; dnnbench needs Linux 3.14 or later")
    return available
