"""The GPU memory of this process, even if a container hides process ids.

NVML lists the processes that compute on a card by their ids in the host's namespace. In a container
this process may appear under another id or not at all. The list is therefore read before and after
this process first uses the card: the new entry is this process. If there is no new entry, this
process is hidden, and its memory is the growth of the card's used memory.
"""

import contextlib
import os

import psutil

from dnnbench.core.errors import DeviceError
from dnnbench.devices.nvml import Card, Process


class Share:
    """This process's share of a card. Create it before the process uses the card."""

    def __init__(self, card: Card) -> None:
        self._card = card
        self._before = {process.pid for process in card.processes() or ()}
        self._used_before_mib = card.memory_used_mib()
        self._own: int | None = None

    def touched(self) -> None:
        """Identify this process, which now has a context, as the card's only new process."""
        new = [p.pid for p in self._card.processes() or () if p.pid not in self._before]
        if os.getpid() in new:
            self._own = os.getpid()
        elif len(new) == 1:
            self._own = new[0]

    def foreign(self) -> dict[int, str] | None:
        """Return descriptions of other processes that compute on the card, by process id.

        Returns None if the driver lists no process, not even this one: others may be hidden too.
        """
        listed = self._card.processes()
        if not listed and self._own is None:
            return None
        others = [p for p in listed or () if p.pid != self._own]
        return {process.pid: self._named(process) for process in others}

    def reading_mib(self) -> tuple[float, str]:
        """Return this process's memory on the card, including its context, and its basis.

        The memory is in MiB. Basis ``process``: counted by the driver for this process. Basis
        ``device``: growth of the card's used memory since before this process used it. Raises
        DeviceError if another process could have caused that growth.
        """
        for process in self._card.processes() or ():
            if process.pid == self._own and process.memory_mib is not None:
                return process.memory_mib, "process"
        used_mib = self._card.memory_used_mib()
        if used_mib is None or self._used_before_mib is None:
            raise DeviceError(
                f"{self._card.name}: NVML does not report used memory. Update the driver."
            )
        for other in (self.foreign() or {}).values():
            raise DeviceError(
                f"{self._card.name}: NVML does not report the memory of this process, and {other}"
                " also uses the card. Stop that process, or measure outside the container."
            )
        return max(0.0, used_mib - self._used_before_mib), "device"

    def _named(self, process: Process) -> str:
        """Describe a process. Its id is valid here only if this process's own id is."""
        name = "a process"
        if self._own == os.getpid():
            with contextlib.suppress(psutil.Error):
                name = psutil.Process(process.pid).name()
        memory = "" if process.memory_mib is None else f", {process.memory_mib:.0f} MiB"
        return f"{name} (pid {process.pid}{memory})"
