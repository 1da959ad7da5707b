"""Detection of other processes on a card: known or unknown, never a guess."""

import os

import pytest

from dnnbench.devices.gpu_memory import Share
from dnnbench.devices.nvml import Process

OWN = Process(os.getpid(), 100.0)
OTHER = Process(1, 50.0)


class Card:
    """A card with one list of processes before this process uses it, and another after."""

    def __init__(self, before, after):
        self._lists = [before, after]

    def memory_used_mib(self):
        return 0.0

    def processes(self):
        return self._lists.pop(0) if len(self._lists) > 1 else self._lists[0]


@pytest.mark.parametrize(
    ("before", "after", "foreign"),
    [
        ([], [OWN], set()),
        ([OTHER], [OTHER, OWN], {1}),
        ([OTHER], [OTHER], {1}),  # This process is hidden.
        ([], [], None),  # This process is hidden, and others may be.
        (None, None, None),
    ],
)
def test_foreign_processes_are_unknown_if_no_process_is_listed(before, after, foreign):
    share = Share(Card(before, after))
    share.touched()
    found = share.foreign()
    assert (None if found is None else set(found)) == foreign
