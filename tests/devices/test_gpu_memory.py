"""Who computes on a card beside this process: known, or not known, and never a guess."""

import os

import pytest

from dnnbench.devices.gpu_memory import Share
from dnnbench.devices.nvml import Process

OWN = Process(os.getpid(), 100.0)
OTHER = Process(1, 50.0)


class Card:
    """A card whose driver lists some processes before this one touches it, and others after."""

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
        ([], [], None),  # It is hidden, and others may be.
        (None, None, None),
    ],
)
def test_foreign_processes_are_not_known_where_this_one_is_not_listed(before, after, foreign):
    share = Share(Card(before, after))
    share.touched()
    found = share.foreign()
    assert (None if found is None else set(found)) == foreign
