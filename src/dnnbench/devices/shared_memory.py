"""Memory shared by CPU and GPU, measured as the decrease of available memory.

A Jetson's driver does not report how much GPU memory a process holds. MemAvailable, the kernel's
estimate of the memory it could hand out without swapping, is therefore read before the process uses
the GPU and while passes run. The difference includes allocations of other programs. Their noise is
measured just before, as the spread of readings while this process is idle.
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
    """The board's memory before this process used the GPU, in MiB."""

    available_mib: float
    swap_used_mib: float | None


def before(board: Board) -> Before:
    """Read the board's memory now.

    Raises DeviceError if the kernel lacks MemAvailable.
    """
    return Before(_available(board), board.swap_used_mib())


class SharedMemory:
    """A meter for drops of MemAvailable, with torch's peaks and CUDA's free memory.

    It misses a drop that begins and ends between two readings. This matters little because torch's
    allocator keeps its memory, so the memory of a pass remains allocated afterwards.
    """

    # The algorithms that are tried, and their workspaces, depend on the batch size.
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
        """Return the drop since before the GPU was used, in MiB.

        It is due to the context and libraries.
        """
        self._runtime.synchronize()
        self._baseline = _available(self._board)
        self._free_mib = self._runtime.free_mib()
        self._runtime.reset_peaks()
        self._lowest = _Lowest(self._board)
        return max(0.0, self._start.available_mib - self._baseline)

    def prepared(self) -> None:
        """Empty the allocator's cache, and start looking for the largest drop."""
        assert self._lowest is not None
        self._runtime.release()
        self._runtime.reset_peaks()
        self._lowest.stop()
        self._lowest = _Lowest(self._board)

    def first_pass_done(self) -> None:
        """Keep the first pass's peak, which includes the workspaces of tried algorithms."""
        self._runtime.synchronize()
        self._first_call_mib = self._runtime.peaks().reserved_mib
        self._runtime.reset_peaks()

    def reading(self) -> dict[str, Any]:
        """Return the largest drops of a pass, from before GPU use and from the baseline."""
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
                f"{swapped_mib:.0f} MiB were swapped out during the measurement; actual memory use"
                " may be higher"
            )
        return fields


def swapped(start_mib: float | None, end_mib: float | None) -> float | None:
    """Return the increase of used swap, in MiB, at least 0; None if it is unknown."""
    return None if start_mib is None or end_mib is None else max(0.0, end_mib - start_mib)


@dataclass(frozen=True)
class _Seen:
    lowest_mib: float
    highest_mib: float

    @property
    def spread_mib(self) -> float:
        return self.highest_mib - self.lowest_mib


class _Lowest:
    """A thread that reads MemAvailable at once, every few ms, and at the end."""

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
        raise DeviceError("/proc/meminfo: no MemAvailable. dnnbench needs Linux 3.14 or later.")
    return available
