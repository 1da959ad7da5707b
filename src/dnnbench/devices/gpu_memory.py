"""Which of a GPU's memory is this process's, also where a container hides who is who.

NVML lists the processes that compute on a card by their ids in its own namespace. In a container
this process may be there under another id, or not at all. So the card is asked before this process
touches it and after: what is new is this process. Where nothing is new it is hidden, and its memory
is the card's, minus what was used before.
"""

import contextlib
import os

import psutil

from dnnbench.core.errors import DeviceError
from dnnbench.devices.nvml import Card, Process


class Share:
    """This process's part of a card. Made before the process touches it."""

    def __init__(self, card: Card) -> None:
        self._card = card
        self._before = {process.pid for process in card.processes() or ()}
        self._used_before_mib = card.memory_used_mib()
        self._own: int | None = None

    def touched(self) -> None:
        """The process has a context on the card from now on, and no other began meanwhile."""
        new = [p.pid for p in self._card.processes() or () if p.pid not in self._before]
        if os.getpid() in new:
            self._own = os.getpid()
        elif len(new) == 1:
            self._own = new[0]

    def foreign(self) -> dict[int, str] | None:
        """Other processes that compute on the card, in words by id.

        None where the driver lists none although this one computes: others may be hidden too.
        """
        listed = self._card.processes()
        if not listed and self._own is None:
            return None
        others = [p for p in listed or () if p.pid != self._own]
        return {process.pid: self._named(process) for process in others}

    def reading_mib(self) -> tuple[float, str]:
        """Memory of this process on the card, its context included, and the basis of that.

        ``process``: as the driver counts it. ``device``: what the whole card uses beyond what it
        used before. Raises DeviceError where that could be another process's.
        """
        for process in self._card.processes() or ():
            if process.pid == self._own and process.memory_mib is not None:
                return process.memory_mib, "process"
        used_mib = self._card.memory_used_mib()
        if used_mib is None or self._used_before_mib is None:
            raise DeviceError(f"{self._card.name}: NVML tells no memory; update the driver")
        for other in (self.foreign() or {}).values():
            raise DeviceError(
                f"{self._card.name}: NVML does not tell the memory of this process, and {other}"
                " computes on it too: stop that, or measure outside of the container"
            )
        return max(0.0, used_mib - self._used_before_mib), "device"

    def _named(self, process: Process) -> str:
        """A process in words. Its id means something here only where this process's own does."""
        name = "a process"
        if self._own == os.getpid():
            with contextlib.suppress(psutil.Error):
                name = psutil.Process(process.pid).name()
        memory = "" if process.memory_mib is None else f", {process.memory_mib:.0f} MiB"
        return f"{name} (pid {process.pid}{memory})"
