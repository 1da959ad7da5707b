"""Priority of a measuring process, where the user may raise it and where not."""

import os
import time

import pytest

from dnnbench.core import isolation
from dnnbench.devices import priority

MAY_RAISE = isolation.run(priority.raise_priority, timeout_s=60).value == priority.RAISED


def raised():
    said = priority.raise_priority()
    autogroup = priority._AUTOGROUP
    return said, os.getpriority(os.PRIO_PROCESS, 0), autogroup.exists() and autogroup.read_text()


@pytest.mark.skipif(not MAY_RAISE, reason="this user may not raise a process's priority")
def test_process_and_session_get_the_highest_ordinary_priority():
    said, nice, autogroup = isolation.run(raised, timeout_s=60).value
    assert (said, nice) == ("nice -20", -20)
    assert not autogroup or autogroup.split()[-1] == "-20"


def test_a_user_without_the_right_measures_at_normal_priority(monkeypatch):
    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "setpriority", refuse)
    assert priority.raise_priority() == "normal"


@pytest.mark.skipif(not MAY_RAISE, reason="this user may not raise a process's priority")
def test_a_process_whose_session_keeps_its_share_returns_to_its_own_priority(monkeypatch, tmp_path):
    monkeypatch.setattr(priority, "_AUTOGROUP", tmp_path)  # A folder, which cannot be written.
    before = os.getpriority(os.PRIO_PROCESS, 0)

    def tried():
        return priority.raise_priority(), os.getpriority(os.PRIO_PROCESS, 0)

    assert isolation.run(tried, timeout_s=60).value == ("normal", before)


def test_a_kernel_without_sessions_needs_only_the_process_s_priority(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(os, "setpriority", lambda *arguments: asked.append(arguments))
    monkeypatch.setattr(priority, "_AUTOGROUP", tmp_path / "none" / "autogroup")
    assert priority.raise_priority() == "nice -20"
    assert asked == [(os.PRIO_PROCESS, 0, -20)]


def test_a_hung_process_of_the_highest_priority_is_killed_at_its_time_limit():
    def hang():
        priority.raise_priority()
        for _ in range(2 * (os.cpu_count() or 1)):
            if os.fork() == 0:
                break
        while True:
            pass

    started = time.monotonic()
    assert isolation.run(hang, timeout_s=2).status == "timeout"
    assert time.monotonic() - started < 20
